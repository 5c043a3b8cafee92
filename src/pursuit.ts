import { Attempt, type AttemptHost } from './attempt.js'
import type { Clock } from './clock.js'
import type { JournalRecord, RunEvent } from './core/event.js'
import type { Failure } from './core/failure.js'
import { canonicalJson, type Json } from './core/json.js'
import { Ranks } from './core/rank.js'
import type { RunState } from './core/run-state.js'
import type { Signal } from './core/signal.js'
import type { RunningState, TaskSpec, TaskState } from './core/task.js'
import { Deadlines } from './deadlines.js'
import type { TaskBinding } from './plan/task-graph.js'
import type { Admission } from './pools/admission.js'
import type { AgentRequest, Report } from './pools/agent-backend.js'
import { failureOf } from './pools/thrown-failure.js'
import type { Claimant, Lane, Lease, WorkerPool } from './pools/worker-pool.js'
import { ReportWindow } from './report-window.js'

/** An hour. */
const DEFAULT_TIMEOUT_MS = 3_600_000
const DEFAULT_PRIORITY = 3
const NO_OUTPUTS: Readonly<Record<string, Json>> = Object.freeze(Object.create(null))

/** A pool as a run sees it. */
export interface OpenPool {
  readonly pool: WorkerPool
  readonly graceMs: number
}

/** What a {@link Pursuit} works with. */
export interface PursuitSetup {
  readonly clock: Clock
  readonly pools: ReadonlyMap<string, OpenPool>
  readonly admission: Admission
  readonly weight: number
  binding(taskId: string): TaskBinding | undefined
  send(signal: Signal): void
  /** The time of an event that happens now. */
  now(): number
  progressed(index: number, attempt: number, report: Report): void
}

/**
 * What a run does in the world, asked for by its state: queues what is ready, wakes what is delayed, calls backends, stops attempts.
 * Two kinds of effect: those that only lead to further decisions follow the state as decided (`decided`), those that can be
 * heard outside wait until their cause is durable (`published`).
 * Invariant: each state of a task is pursued once, however many events of a record name the task (trap 2).
 */
export class Pursuit implements Claimant, AttemptHost {
  readonly clock: Clock
  readonly deadlines: Deadlines
  readonly #setup: PursuitSetup
  readonly #head: RunState
  readonly #durable: RunState
  readonly #ranks = new Ranks()
  readonly #lanes = new Map<string, Lane>()
  readonly #seen: (TaskState | undefined)[] = []
  readonly #leases = new Map<number, Lease>()
  readonly #attempts = new Map<number, Attempt>()
  readonly #inputs = new Set<number>()
  readonly #wakes = new Map<number, () => void>()
  readonly #reports: ReportWindow
  #ranked = 0
  #held = false

  constructor(setup: PursuitSetup, head: RunState, durable: RunState) {
    this.#setup = setup
    this.#head = head
    this.#durable = durable
    this.clock = setup.clock
    this.deadlines = new Deadlines(setup.clock)
    this.#reports = new ReportWindow(setup.clock, (index, report) => {
      const attempt = this.#attempts.get(index)
      if (attempt) setup.progressed(index, attempt.attempt, report)
    })
  }

  /** What task `index` last reported, while it runs. */
  latestReport(index: number): Report | undefined {
    return this.#reports.latest(index)
  }

  send(signal: Signal): void {
    this.#setup.send(signal)
  }

  /** The tasks that have an attempt. */
  active(): Iterable<number> {
    return this.#attempts.keys()
  }

  /** Effects of a decision that nobody can hear. */
  decided(signal: Signal, record: JournalRecord): void {
    if (signal.type === 'add' || this.#ranked < this.#head.specs.length) this.#rank()
    this.#hold(this.#head.phase.status !== 'running')
    if (signal.type === 'start') this.#takeSlot(signal.index)
    for (const event of record) if ('index' in event) this.#pursue(event.index)
    if (signal.type === 'recover') for (let index = 0; index < this.#head.specs.length; index++) this.#pursue(index)
  }

  /** Effects of a record that is durable. */
  published(record: JournalRecord): void {
    for (const event of record) {
      if (event.type === 'attempt.started') this.#launch(event.index)
      else if (event.type === 'attempt.stopping') this.#stop(event)
      else if (event.type === 'task.ready' && this.#inputs.delete(event.index)) this.#makeInput(event.index)
    }
  }

  /** The run is over: nothing of it is left in pools or timers. */
  close(): void {
    for (const lane of this.#lanes.values()) lane.close()
    for (const callOff of this.#wakes.values()) callOff()
    for (const lease of this.#leases.values()) lease.release()
    for (const [index, attempt] of this.#attempts) {
      attempt.stop(new DOMException('the run is over', 'AbortError'))
      this.#finish(index, attempt)
    }
    this.#wakes.clear()
    this.#leases.clear()
    this.deadlines.close()
  }

  path(index: number): number {
    return this.#ranks.of(index)
  }

  claim(index: number, lease: Lease): boolean {
    if (this.#head.states[index]?.status !== 'ready') return false
    this.#leases.set(index, lease)
    const { id, input } = this.#head.specs[index] as TaskSpec
    if (typeof this.#setup.binding(id)?.input !== 'function') this.#start(index, input ?? null)
    else if (this.#durable.states[index]?.status === 'ready') this.#makeInput(index)
    else this.#inputs.add(index)
    return true
  }

  progressed(attempt: Attempt, report: Report): void {
    this.#reports.report(attempt.index, report)
  }

  #rank(): void {
    this.#ranks.extend(this.#head, this.#ranked)
    this.#ranked = this.#head.specs.length
  }

  #hold(held: boolean): void {
    if (held === this.#held) return
    this.#held = held
    for (const lane of this.#lanes.values()) lane.hold(held)
  }

  #pursue(index: number): void {
    const state = this.#head.states[index] as TaskState
    const before = this.#seen[index]
    if (state === before) return
    this.#seen[index] = state
    if (before?.status === 'delayed') this.#callOffWake(index)
    if (before?.status === 'ready' && state.status !== 'running') this.#withdraw(index)
    if (state.status === 'running' || state.status === 'stopping') return this.#left(index, before)
    const attempt = this.#attempts.get(index)
    if (attempt) this.#finish(index, attempt)
    if (state.status === 'ready') this.#enqueue(index, state.since)
    else if (state.status === 'delayed') this.#sleep(index, state.until)
    else if (state.status !== 'blocked') this.#left(index, before)
  }

  /** Frees a task's place in the admission of its pool, the first time it starts or ends. */
  #left(index: number, before: TaskState | undefined): void {
    const { pool } = this.#head.specs[index] as TaskSpec
    if (pool === undefined || !this.#setup.admission.counts(pool)) return
    if (before === undefined || before.status === 'blocked' || before.status === 'ready') this.#leaveOnce(index, pool)
  }

  #leaveOnce(index: number, pool: string): void {
    const state = this.#head.states[index] as TaskState
    const attempts = this.#head.tallies[index]?.attempts ?? 0
    if (attempts === 0 || (state.status === 'running' && state.attempt === 1)) this.#setup.admission.leave(pool)
  }

  #enqueue(index: number, since: number): void {
    const spec = this.#head.specs[index] as TaskSpec
    const lane = spec.pool === undefined ? undefined : this.#lane(spec.pool)
    if (lane) return lane.push(index, spec.priority ?? DEFAULT_PRIORITY, since)
    const known = [...this.#setup.pools.keys()].join(', ')
    const message = `${spec.pool === undefined ? 'the task names no pool and none could be found' : `there is no pool "${spec.pool}"`}; pools: ${known}`
    this.#start(index, null, { kind: 'bad-input', code: 'NO_POOL', message })
  }

  #lane(name: string): Lane | undefined {
    const open = this.#lanes.get(name)
    if (open) return open
    const lane = this.#setup.pools.get(name)?.pool.open(this, this.#setup.weight)
    if (lane === undefined) return undefined
    lane.hold(this.#held)
    this.#lanes.set(name, lane)
    return lane
  }

  /** Ready no more, and not because it runs. */
  #withdraw(index: number): void {
    const lease = this.#leases.get(index)
    this.#inputs.delete(index)
    if (lease === undefined) return this.#lanes.get((this.#head.specs[index] as TaskSpec).pool ?? '')?.drop()
    this.#leases.delete(index)
    lease.release()
  }

  #sleep(index: number, until: number): void {
    // After a restart the wall clock may say anything: no wait grows longer than it was meant to be.
    const delayMs = Math.min(until - this.#setup.now(), until - this.#head.at)
    this.#wakes.set(
      index,
      this.clock.schedule(() => {
        this.#wakes.delete(index)
        this.send({ type: 'wake', index })
      }, Math.max(0, delayMs)),
    )
  }

  #callOffWake(index: number): void {
    this.#wakes.get(index)?.()
    this.#wakes.delete(index)
  }

  #makeInput(index: number): void {
    const { id } = this.#head.specs[index] as TaskSpec
    const make = this.#setup.binding(id)?.input as (outputs: Readonly<Record<string, Json>>) => unknown
    const failed = (error: unknown): void =>
      this.#start(index, null, { ...failureOf(error), kind: 'bad-input', message: `the input function: ${failureOf(error).message}` })
    const made = (input: unknown): void => {
      try {
        this.#start(index, canonicalJson(input))
      } catch (error) {
        failed(error)
      }
    }
    try {
      const input = make(this.#outputs(index))
      if (typeof input === 'object' && input !== null) Promise.resolve(input).then(made, failed)
      else made(input)
    } catch (error) {
      failed(error)
    }
  }

  #start(index: number, input: Json, failure?: Failure): void {
    const { pool = '' } = this.#head.specs[index] as TaskSpec
    const backend = this.#setup.pools.get(pool)?.pool.backend.name ?? pool
    this.send({ type: 'start', index, pool, backend, input, ...(failure && { failure }) })
  }

  /** The slot of a task whose start has been decided: for its attempt, or back. */
  #takeSlot(index: number): void {
    const lease = this.#leases.get(index)
    if (lease === undefined) return
    this.#leases.delete(index)
    const state = this.#head.states[index] as TaskState
    if (state.status === 'running') return void this.#attempts.set(index, this.#attemptOf(index, state, lease))
    lease.release()
    if (state.status === 'ready') this.#enqueue(index, state.since)
  }

  #attemptOf(index: number, state: RunningState, lease: Lease): Attempt {
    const spec = this.#head.specs[index] as TaskSpec
    const { pool, graceMs } = this.#setup.pools.get(state.pool) as OpenPool
    return new Attempt(this, {
      index,
      number: state.attempt,
      key: state.key,
      backend: pool.backend,
      lease,
      timeoutMs: spec.timeoutMs ?? DEFAULT_TIMEOUT_MS,
      graceMs,
      schema: this.#setup.binding(spec.id)?.output,
    })
  }

  /** Not if it has been decided meanwhile that it stops: the record that says so is on its way. */
  #launch(index: number): void {
    const state = this.#head.states[index] as TaskState
    if (state.status === 'running') this.#attempts.get(index)?.launch(this.#request(index, state))
  }

  #stop(event: Extract<RunEvent, { type: 'attempt.stopping' }>): void {
    const { because } = event
    const reason = because.kind === 'timeout' ? because.failure.message : because.reason
    this.#attempts.get(event.index)?.stop(new DOMException(reason, because.kind === 'timeout' ? 'TimeoutError' : 'AbortError'))
  }

  #request(index: number, { pool, input }: RunningState): AgentRequest {
    const { id, description, context } = this.#head.specs[index] as TaskSpec
    const task = context === undefined ? { id, description, pool } : { id, description, pool, context }
    return { runId: this.#head.runId, task, input, outputs: this.#outputs(index) }
  }

  #outputs(index: number): Readonly<Record<string, Json>> {
    const needs = this.#head.needs[index] as readonly number[]
    if (needs.length === 0) return NO_OUTPUTS
    const outputs: Record<string, Json> = {}
    for (const need of needs) {
      const state = this.#head.states[need] as TaskState
      if (state.status === 'succeeded') outputs[(this.#head.specs[need] as TaskSpec).id] = state.output
    }
    return outputs
  }

  #finish(index: number, attempt: Attempt): void {
    this.#attempts.delete(index)
    this.#reports.end(index)
    attempt.finish()
  }
}
