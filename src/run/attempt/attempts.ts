import type { AgentBackend, Report } from '../../backends/agent-backend.js'
import type { Clock } from '../../clock.js'
import type { AttemptOutcome } from '../../core/failure/attempt-outcome.js'
import type { Json } from '../../core/json.js'
import type { Signal } from '../../core/scheduler/signals.js'
import type { AttemptFailed, AttemptStopping } from '../../core/state/events.js'
import type { History } from '../../core/state/history.js'
import { idempotencyKey } from '../../core/state/idempotency-key.js'
import type { RunState } from '../../core/state/run-state.js'
import type { RunningState, StopReason, SucceededState, Tally, TaskSpec, TaskState } from '../../core/state/task.js'
import type { AttemptProgressed } from '../../emitter.js'
import { CounterpointError } from '../../errors.js'
import type { TaskBinding } from '../../plan/task-graph.js'
import type { OpenPool } from '../../pools/pool-options.js'
import type { Lease } from '../../pools/run-queue.js'
import { Deadlines } from '../timers/deadlines.js'
import { Attempt, type AttemptHost, type AttemptTerms } from './attempt.js'
import { ProgressThrottle } from './progress-throttle.js'
import { PromiseListeners } from './promise-listener.js'
import { outputOf, requestOf } from './request.js'

const OK: AttemptOutcome = { ok: true }
/** An hour. */
const DEFAULT_TIMEOUT_MS = 3_600_000

/** The longest time of one attempt of a task, in milliseconds. */
export function timeoutOf(spec: TaskSpec): number {
  return spec.timeoutMs ?? DEFAULT_TIMEOUT_MS
}

/** What {@link Attempts} work with. */
export interface AttemptsSetup {
  readonly clock: Clock
  readonly pools: ReadonlyMap<string, OpenPool>
  binding(taskId: string): TaskBinding | undefined
  send(signal: Signal): void
  /** The time of an event that happens now. */
  now(): number
  progressed(event: AttemptProgressed): void
  /** The input of a task took too long to make. */
  inputExpired(index: number): void
  /** An attempt of a pool succeeded after so many milliseconds. */
  took(pool: string, ms: number): void
}

/** The live attempts of one run: what can be heard outside. Backends are called and stopped only when the cause is durable. */
export class Attempts implements AttemptHost {
  readonly clock: Clock
  readonly deadlines: Deadlines
  readonly answers: PromiseListeners = new PromiseListeners()
  readonly #setup: AttemptsSetup
  readonly #send: (signal: Signal) => void
  readonly #took: (pool: string, ms: number) => void
  readonly #pools: ReadonlyMap<string, OpenPool>
  readonly #head: RunState
  readonly #durable: RunState
  readonly #history: History
  #size = 0
  #terms: AttemptTerms | undefined
  /** By task; a Map would be slower than all the rest. */
  readonly #live: (Attempt | undefined)[] = []
  readonly #reports: ProgressThrottle

  constructor(setup: AttemptsSetup, head: RunState, durable: RunState, history: History) {
    this.clock = setup.clock
    this.deadlines = new Deadlines(setup.clock)
    this.#setup = setup
    this.#send = setup.send
    this.#took = setup.took
    this.#pools = setup.pools
    this.#head = head
    this.#durable = durable
    this.#history = history
    this.#reports = new ProgressThrottle(setup.clock, (index, report) => this.#publish(index, report))
  }

  /** The tasks that have an attempt. */
  active(): readonly number[] {
    const active: number[] = []
    for (let index = 0; index < this.#live.length; index++) if (this.#live[index]) active.push(index)
    return active
  }

  /** Makes room for the tasks that have come in. */
  grow(size: number): void {
    this.#live.length = Math.max(size, this.#live.length)
  }

  /** A slot is there for task `index`. */
  claim(index: number, lease: Lease): void {
    this.#live[index] = new Attempt(this, index, lease)
    this.#size++
  }

  /** The pool hears that the attempt of task `index` has succeeded. */
  succeeded(index: number): void {
    const lease = this.#live[index]?.lease
    if (lease === undefined) return
    const { at, startedAt, usage } = this.#head.states[index] as SucceededState
    this.#took((this.#head.specs[index] as TaskSpec).pool as string, at - startedAt)
    lease.ended(usage === undefined ? OK : { ok: true, usage })
  }

  /** The pool hears how an attempt failed; not of one that we ended ourselves, or that never reached its backend. */
  failed({ index, failure, verdict, usage }: AttemptFailed): void {
    if (failure.kind === 'interrupted' || failure.kind === 'bad-input') return
    this.#live[index]?.lease.ended({ ok: false, failure, verdict, ...(usage && { usage }) })
  }

  /** The attempt that holds a slot for task `index`. */
  of(index: number): Attempt | undefined {
    return this.#live[index]
  }

  /** How many tasks hold a slot. */
  get size(): number {
    return this.#size
  }

  inputExpired(index: number): void {
    this.#setup.inputExpired(index)
  }

  soft(index: number, id: string): Json | undefined {
    const spec = this.#head.specs[index] as TaskSpec
    if (spec.softAfter?.includes(id)) return outputOf(this.#durable, id)
    const known = spec.softAfter?.join(', ') ?? 'none'
    throw new CounterpointError('NOT_FOUND', `task "${spec.id}" has no soft dependency "${id}"; it has: ${known}`, {
      id,
    })
  }

  /** What task `index` last reported, while it runs. */
  latestReport(index: number): Report | undefined {
    return this.#reports.latest(index)
  }

  send(signal: Signal): void {
    this.#send(signal)
  }

  progressed(attempt: Attempt, report: Report): void {
    this.#reports.report(attempt.index, report)
  }

  /** Its attempt has been decided. It waits until that is durable. */
  prepare(index: number, state: RunningState): void {
    const spec = this.#head.specs[index] as TaskSpec
    const attempt = this.#live[index]
    if (attempt === undefined) return
    const { repairs } = this.#head.tallies[index] as Tally
    attempt.prepare(state.attempt, repairs + 1, this.#termsOf(index, spec, state.pool, attempt.lease.backend))
  }

  keyOf(index: number, revision: number): string {
    return idempotencyKey(this.#head.runId, (this.#head.specs[index] as TaskSpec).id, revision)
  }

  /** Mostly they are those of the attempt before: then there are no others. */
  #termsOf(index: number, spec: TaskSpec, pool: string, backend: AgentBackend): AttemptTerms {
    const last = this.#terms
    const timeoutMs = timeoutOf(spec)
    const { idleTimeoutMs } = spec
    const schema =
      this.#head.bound.size > 0 && this.#head.bound.has(index) ? this.#setup.binding(spec.id)?.output : undefined
    const same =
      last !== undefined &&
      last.pool === pool &&
      last.backend === backend &&
      last.timeoutMs === timeoutMs &&
      last.idleTimeoutMs === idleTimeoutMs &&
      last.schema === schema
    if (same) return last
    const { graceMs } = this.#pools.get(pool) as OpenPool
    this.#terms = { pool, backend, timeoutMs, idleTimeoutMs, graceMs, schema }
    return this.#terms
  }

  /** The events from `from` to `to` are durable: what they start is called, what they stop is told. */
  published(from: number, to: number): void {
    for (let seq = from; seq <= to; seq++) {
      const type = this.#history.typeOf(seq)
      if (type === 'attempt.started') this.#launch(this.#history.indexOf(seq), this.#history.attemptOf(seq))
      else if (type === 'attempt.stopping') this.#stop(this.#history.event(seq) as AttemptStopping)
    }
  }

  /** Task `index` has no attempt any more. */
  finish(index: number): void {
    const attempt = this.#live[index]
    if (attempt === undefined) return
    this.#live[index] = undefined
    this.#size--
    this.#reports.end(index)
    attempt.finish()
  }

  /** The run is over: what still runs is told to stop, and is no longer ours. */
  close(): void {
    for (const index of this.active()) {
      this.#live[index]?.stop(new DOMException('the run is over', 'AbortError'))
      this.finish(index)
    }
    this.deadlines.close()
  }

  /** Not the next attempt: that of this event may have ended before its stop was durable. */
  #stop({ index, attempt, reason }: AttemptStopping): void {
    const live = this.#live[index]
    if (live?.attempt === attempt) live.stop(abortReason(reason))
  }

  /** Not if it has been decided meanwhile that it stops: the record that says so is on its way. */
  #launch(index: number, attempt: number): void {
    const state = this.#head.states[index] as TaskState
    if (state.status === 'running' && state.attempt === attempt)
      this.#live[index]?.launch(requestOf(this.#durable, index, state))
  }

  #publish(index: number, { progress, message }: Report): void {
    const attempt = this.#live[index]
    if (attempt === undefined) return
    this.#setup.progressed({
      type: 'attempt.progressed',
      at: this.#setup.now(),
      runId: this.#head.runId,
      taskId: (this.#head.specs[index] as TaskSpec).id,
      index,
      attempt: attempt.attempt,
      ...(progress !== undefined && { progress }),
      ...(message !== undefined && { message }),
    })
  }
}

function abortReason(reason: StopReason): DOMException {
  if (reason.kind === 'timeout') return new DOMException(reason.failure.message, 'TimeoutError')
  return new DOMException(reason.kind === 'cancel' ? reason.reason : 'the run is being suspended', 'AbortError')
}
