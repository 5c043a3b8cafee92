import type { Locals, Report } from '../../backends/agent-backend.js'
import type { Clock } from '../../clock.js'
import type { Json } from '../../core/json.js'
import type { Signal } from '../../core/scheduler/signals.js'
import type { AttemptFailed, AttemptStopping } from '../../core/state/events.js'
import type { History } from '../../core/state/history.js'
import { idempotencyKey } from '../../core/state/idempotency-key.js'
import type { RunState } from '../../core/state/run-state.js'
import type { RunningState, SucceededState, Tally, TaskSpec } from '../../core/state/task.js'
import { CounterpointError, type InputIssue } from '../../errors.js'
import type { AttemptStreamed } from '../../events/event-map.js'
import type { OpenPool } from '../../pools/pool-options.js'
import type { Lease } from '../../pools/run-queue.js'
import { Deadlines } from '../timers/deadlines.js'
import { Attempt } from './attempt.js'
import { type AttemptServices, type AttemptTerms, abortReason, timeoutOf } from './attempt-services.js'
import type { AttemptsOptions } from './attempts-options.js'
import { type BackendProblem, sourceOf } from './backend-problems.js'
import { CallGate } from './call-gate.js'
import type { MeasuredChunk } from './chunk-stream.js'
import { ProgressThrottle } from './progress-throttle.js'
import { outputOf, requestOf } from './request.js'

const SUCCEEDED = { ok: true } as const

/** The live attempts of one run. Backends are called and stopped only when the event that causes it is durable. */
export class Attempts implements AttemptServices {
  readonly clock: Clock
  readonly deadlines: Deadlines
  readonly locals: () => Locals
  readonly gate: CallGate
  readonly #options: AttemptsOptions
  readonly #head: RunState
  readonly #durable: RunState
  readonly #history: History
  /** By the index of their task. An array, not a Map: it is searched ten times per attempt. */
  readonly #live: (Attempt | undefined)[] = []
  #size = 0
  readonly #reports: ProgressThrottle

  constructor(options: AttemptsOptions, head: RunState, durable: RunState, history: History) {
    this.clock = options.clock
    this.deadlines = new Deadlines(options.clock)
    this.locals = options.locals
    this.#options = options
    this.gate = new CallGate({ ...options, head, durable, onOpen: () => options.onCallsAllowed() })
    this.#head = head
    this.#durable = durable
    this.#history = history
    this.#reports = new ProgressThrottle(options.clock, (index, report) => this.#publishReport(index, report))
  }

  /** The attempt that holds a slot for task `index`. */
  get(index: number): Attempt | undefined {
    return this.#live[index]
  }

  /** How many tasks hold a slot. */
  get size(): number {
    return this.#size
  }

  /** The tasks that hold a slot, in the order of the plan. */
  indexes(): readonly number[] {
    const indexes: number[] = []
    for (const attempt of this.#live) if (attempt) indexes.push(attempt.index)
    return indexes
  }

  /** What task `index` last reported, while its attempt runs. */
  latestReport(index: number): Report | undefined {
    return this.#reports.latest(index)
  }

  /** Makes room for the tasks of the run. */
  grow(taskCount: number): void {
    this.#live.length = taskCount
  }

  /** Task `index` got a slot. */
  claim(index: number, lease: Lease): void {
    this.#live[index] = new Attempt(this, index, lease)
    this.#size++
  }

  /** The start of an attempt has been decided. Its backend is called when that is durable. */
  prepare(index: number, { attempt, pool }: RunningState): void {
    const live = this.#live[index]
    if (live === undefined) return
    const spec = this.#spec(index)
    const { repairs } = this.#head.tallies[index] as Tally
    const terms: AttemptTerms = {
      attempt,
      round: repairs + 1,
      timeoutMs: timeoutOf(spec),
      idleTimeoutMs: spec.idleTimeoutMs,
      graceMs: (this.#options.pools.get(pool) as OpenPool).graceMs,
      schema: this.#options.binding(index)?.output,
    }
    live.prepare(terms)
  }

  /** Reports to the pool that the attempt of task `index` has succeeded. */
  onSucceeded(index: number): void {
    const attempt = this.#live[index]
    if (attempt === undefined) return
    const { at, startedAt } = this.#head.states[index] as SucceededState
    const durationMs = at - startedAt - this.gate.withheldMs(attempt)
    this.#options.recordDuration(this.#spec(index).pool as string, durationMs)
    attempt.lease.ended(SUCCEEDED, durationMs)
  }

  /** Reports to the pool how an attempt failed; not one that this process interrupted, or that never reached its backend. */
  onFailed({ index, failure, verdict }: AttemptFailed): void {
    const attempt = this.#live[index]
    const hadInput = attempt !== undefined && attempt.attempt > 0
    if (!hadInput || failure.kind === 'interrupted') return
    attempt.lease.ended({ ok: false, failure, verdict })
  }

  /** The events from `from` to `to` are durable: calls the backends that they start, aborts the attempts that they stop. */
  onPublished(from: number, to: number): void {
    for (let seq = from; seq <= to; seq++) {
      const type = this.#history.typeOf(seq)
      if (type === 'attempt.started') this.#launch(this.#history.indexOf(seq), this.#history.attemptOf(seq))
      else if (type === 'attempt.stopping') this.#stop(this.#history.event(seq) as AttemptStopping)
      else if (type === 'run.unpaused' || type === 'run.stopping') this.gate.onUnpaused()
      else if (type === 'run.draining') this.#interruptUncalled()
    }
  }

  /** Task `index` has no attempt any more: gives its slot back. */
  finish(index: number): void {
    const attempt = this.#live[index]
    if (attempt === undefined) return
    this.#live[index] = undefined
    this.#size--
    this.#reports.end(index)
    attempt.finish()
  }

  /** The run has ended: aborts what still runs, and gives all slots back. */
  close(): void {
    for (const index of this.indexes()) {
      this.#live[index]?.stop(new DOMException('the run has ended', 'AbortError'))
      this.finish(index)
    }
    this.deadlines.close()
  }

  send(signal: Signal): void {
    if ('index' in signal) this.#reports.flush(signal.index)
    this.#options.send(signal)
  }

  onReport(index: number, report: Report): void {
    this.#reports.report(index, report)
  }

  onChunk(index: number, { json, bytes }: MeasuredChunk): Promise<unknown> | undefined {
    return this.#options.onChunk({ type: 'attempt.streamed', ...this.#whereabouts(index), chunk: json }, bytes)
  }

  onChunkFailed(index: number, error: unknown): void {
    this.#options.onChunkFailed(this.#spec(index).id, error)
  }

  onInputTimeout(index: number): void {
    this.#options.onInputTimeout(index)
  }

  idempotencyKey(index: number, round: number): string {
    return idempotencyKey(this.#head.runId, this.#spec(index).id, round)
  }

  softOutput(index: number, id: string): Json | undefined {
    const spec = this.#spec(index)
    if (spec.softAfter?.includes(id)) return outputOf(this.#durable, id)
    const known = spec.softAfter?.join(', ') ?? 'none'
    const message = `task "${spec.id}" has no soft dependency "${id}"; it has: ${known}`
    throw new CounterpointError('NOT_FOUND', message, { id })
  }

  onBackendProblem(index: number, of: BackendProblem, issues: () => readonly InputIssue[]): void {
    const backend = this.#live[index]?.lease.backendName
    const source = backend && sourceOf(of, backend, this.#spec(index), this.#options.binding(index))
    if (source) this.#options.onBackendProblem(source, issues)
  }

  /** Does nothing for an attempt that has ended: its stop may become durable only when the next attempt has a slot. */
  #stop({ index, attempt, reason }: AttemptStopping): void {
    const live = this.#live[index]
    if (live?.attempt === attempt) live.stop(abortReason(reason))
  }

  /** Once its reservation is durable, too. Does nothing when a stop has been decided meanwhile, of which the record may not be durable yet. */
  #launch(index: number, attempt: number): void {
    const state = this.#head.states[index]
    const live = this.#live[index]
    if (live === undefined || state?.status !== 'running' || state.attempt !== attempt) return
    if (this.#options.budget?.isReserved(index, () => this.#launch(index, attempt)) === false) return
    if (this.gate.isOpenFor(live)) live.launch(requestOf(this.#durable, index, state))
    else this.gate.withhold(live, () => this.#launch(index, attempt))
  }

  /** The run drains: attempts whose backends have not been called are not called any more. */
  #interruptUncalled(): void {
    for (const index of this.indexes())
      if (this.#live[index]?.isStarting) this.#options.send({ type: 'interrupt', index })
  }

  #publishReport(index: number, { progress, message, data }: Report): void {
    if (this.#live[index] === undefined) return
    this.#options.onReport({
      type: 'attempt.progressed',
      ...this.#whereabouts(index),
      ...(progress !== undefined && { progress }),
      ...(message !== undefined && { message }),
      ...(data !== undefined && { data }),
    })
  }

  /** What all events of a running attempt have that are not journaled. */
  #whereabouts(index: number): Omit<AttemptStreamed, 'type' | 'chunk'> {
    const attempt = this.#live[index]?.attempt ?? 0
    return { at: this.#options.now(), runId: this.#head.runId, taskId: this.#spec(index).id, index, attempt }
  }

  #spec(index: number): TaskSpec {
    return this.#head.specs[index] as TaskSpec
  }
}
