import type { SharedBudget } from '../budget/shared-budget.js'
import type { Failure } from '../core/failure/failure.js'
import { CriticalRanks } from '../core/scheduler/critical-rank.js'
import { preparedPlanOf } from '../core/scheduler/prepared-plan.js'
import type { Signal } from '../core/scheduler/signals.js'
import type { AttemptFailed } from '../core/state/events.js'
import type { History } from '../core/state/history.js'
import type { RunState } from '../core/state/run-state.js'
import type { TaskSpec, TaskState } from '../core/state/task.js'
import type { Admission } from '../pools/admission.js'
import type { AttemptRequirements, Lease, TaskQueue, TaskSource } from '../pools/run-queue.js'
import { Attempts, type AttemptsSetup } from './attempt/attempts.js'
import { HostFunctions } from './host-functions.js'
import { AdmissionCount } from './places.js'
import { type ParkedPool, parkedAmong } from './progress.js'
import { RunQueues } from './run-queues.js'
import { StartRequests } from './start-requests.js'
import { QueueTimeouts } from './timers/queue-timeouts.js'
import { RetryTimers } from './timers/retry-timers.js'

/** What a {@link Effects} works with. */
export interface EffectsOptions extends Omit<AttemptsSetup, 'inputExpired'> {
  readonly admission: Admission
  readonly weight: number
  /** What all runs together may use. */
  readonly budget: SharedBudget | undefined
}

/**
 * What a run does in the world, asked for by its state: queues what is ready, wakes what is delayed, calls backends, stops attempts.
 * Two kinds of effect: those that only lead to further decisions follow the state as decided (`decided`), those that can be
 * heard outside wait until their cause is durable (`published`).
 * Invariant: each state of a task is pursued once, however many events of a record name the task (trap 2).
 */
export class Effects implements TaskSource {
  readonly attempts: Attempts
  readonly #setup: EffectsOptions
  readonly #budget: SharedBudget | undefined
  readonly #head: RunState
  readonly #history: History
  #ranks = new CriticalRanks()
  readonly #lanes: RunQueues
  readonly #seen: (TaskState | undefined)[] = []
  readonly #preparation: HostFunctions
  readonly #places: AdmissionCount
  readonly #starts: StartRequests
  readonly #wakes: RetryTimers
  /** Only while there are tasks with such time-outs. */
  #waiting: QueueTimeouts | undefined
  /** Tasks whose attempt has ended by the record that is pursued. */
  readonly #ended: number[] = []
  #ranked = 0

  constructor(setup: EffectsOptions, head: RunState, durable: RunState, history: History) {
    const inputExpired = (index: number): void => this.#preparation.inputExpired(index)
    this.attempts = new Attempts({ ...setup, inputExpired }, head, durable, history)
    this.#preparation = new HostFunctions({
      attempts: this.attempts,
      head,
      durable,
      binding: id => setup.binding(id),
      start: (index, input, failure) => this.#starts.send(index, input, failure),
      pass: index => {
        this.#enqueue(index, this.#head.states[index] as Extract<TaskState, { status: 'ready' }>)
        this.#lanes.offer()
      },
      hold: index => setup.send({ type: 'hold', index, reason: 'approval' }),
    })
    this.#lanes = new RunQueues(this, setup.pools, setup.weight)
    this.#places = new AdmissionCount(setup.admission, head)
    this.#starts = new StartRequests({
      head,
      attempts: this.attempts,
      budget: setup.budget,
      send: setup.send,
      firstEstimate: pool => setup.pools.get(pool)?.pool.backend.estimate,
    })
    this.#wakes = new RetryTimers(setup.clock, index => setup.send({ type: 'wake', index }))
    this.#setup = setup
    this.#budget = setup.budget
    this.#head = head
    this.#history = history
  }

  /** Effects of a decision that nobody can hear: of the events from `from` to `to`. */
  decided(signal: Signal, from: number, to: number): void {
    const { specs } = this.#head
    if (this.#ranked < specs.length) this.#takeIn(signal)
    this.#reviewHold()
    if (signal.type === 'start' || (signal.type === 'exhaust' && signal.level === 'hard')) this.#takeSlot(signal.index)
    for (let seq = from; seq <= to; seq++) {
      const index = this.#history.indexOf(seq)
      if (index === -1) continue
      const type = this.#history.typeOf(seq)
      if (type === 'task.succeeded') this.attempts.succeeded(index)
      else if (type === 'attempt.failed') this.attempts.failed(this.#history.event(seq) as AttemptFailed)
      if (this.#budget?.concerns(type)) this.#budget.onEvent(this.#head, this.#history.event(seq))
      this.#pursue(index)
    }
    if (signal.type === 'recover') for (let index = 0; index < specs.length; index++) this.#pursue(index)
    // Only now are slots given back, and tasks claimed: all that the record made ready has its place in the order.
    if (this.#ended.length === 1) this.attempts.finish(this.#ended.pop() as number)
    else if (this.#ended.length > 0) for (const index of this.#ended.splice(0)) this.attempts.finish(index)
    if (this.#head.serial) this.#reviewHold()
    this.#lanes.offer()
  }

  /** Effects of the events from `from` to `to`, which are durable. */
  published(from: number, to: number): void {
    this.attempts.published(from, to)
    this.#preparation.published(this.#history, from, to)
  }

  /** The run is over: nothing of it is left in pools or timers. */
  close(): void {
    this.#budget?.releaseRun(this.#head)
    this.#lanes.close()
    this.#places.close()
    this.#wakes.close()
    this.#waiting?.close()
    this.attempts.close()
  }

  remainingPath(index: number): number {
    return this.#ranks.of(index)
  }

  start(index: number, lease: Lease): boolean {
    if (this.#head.states[index]?.status !== 'ready' || this.attempts.of(index)) return false
    this.attempts.claim(index, lease)
    this.#waiting?.claimed(index)
    if (this.#head.serial) this.#reviewHold()
    if (!this.#preparation.makesInput(index)) this.#starts.send(index, this.#head.specs[index]?.input ?? null)
    return true
  }

  requirements(index: number): AttemptRequirements | undefined {
    return this.#starts.terms(index)
  }

  onParkedChange(parked: boolean, lane: TaskQueue): void {
    const pool = this.#lanes.poolOf(lane)
    if (pool !== undefined) this.#waiting?.park(pool, parked)
  }

  /** The pools in which it has had tasks, and that are parked. */
  parkedPools(): readonly ParkedPool[] {
    return parkedAmong(this.#lanes.pools, this.#setup.pools)
  }

  #takeIn(signal: Signal): void {
    const wiring = signal.type === 'add' ? preparedPlanOf(signal.tasks) : undefined
    // A scheduler of the host may have made other tasks of the signal.
    if (wiring?.initialState.specs === this.#head.specs) this.#ranks = wiring.criticalRanks.copy()
    else this.#ranks.extend(this.#head, this.#ranked, index => this.#raise(index))
    this.attempts.grow(this.#head.specs.length)
    for (; this.#ranked < this.#head.specs.length; this.#ranked++) this.#enter(this.#ranked, signal.type === 'recover')
  }

  /** Nothing is claimed while the run does not go on; in a serial one, not while there is an attempt. */
  #reviewHold(): void {
    const { phase, serial } = this.#head
    const going = phase.status === 'running'
    this.#waiting?.run(going)
    this.#lanes.hold(!going || (serial && this.attempts.size > 0))
  }

  #pursue(index: number): void {
    const state = this.#head.states[index] as TaskState
    const before = this.#seen[index]
    if (state === before) return
    this.#seen[index] = state
    this.#waiting?.moved(index, state)
    if (before?.status === 'delayed') this.#wakes.callOff(index)
    if (before?.status === 'ready' && state.status !== 'running') this.#withdraw(index)
    if (state.status === 'running' || state.status === 'stopping') return this.#places.leave(index)
    if (this.attempts.of(index)) this.#ended.push(index)
    if (state.status === 'ready') this.#ready(index, state)
    else if (state.status === 'delayed') this.#sleep(index, state.until)
    else if (state.status !== 'blocked' && state.status !== 'held') this.#places.leave(index)
  }

  #enter(index: number, recovered: boolean): void {
    const { queueTimeoutMs, totalTimeoutMs } = this.#head.specs[index] as TaskSpec
    if (queueTimeoutMs !== undefined || totalTimeoutMs !== undefined) this.#waiting ??= this.#newWaiting()
    this.#places.enter(index, recovered)
  }

  #newWaiting(): QueueTimeouts {
    const expired = (index: number, failure: Failure): void => {
      const state = this.#head.states[index] as TaskState
      this.#setup.send({ type: 'expire', index, attempt: state.status === 'running' ? state.attempt : 0, failure })
    }
    const isParked = (pool: string): boolean => this.#lanes.isParked(pool)
    return new QueueTimeouts({ clock: this.#setup.clock, head: this.#head, isParked, expired })
  }

  #ready(index: number, state: Extract<TaskState, { status: 'ready' }>): void {
    if (!this.#preparation.gates(index)) this.#enqueue(index, state)
  }

  #enqueue(index: number, { since }: { readonly since: number }): void {
    const spec = this.#head.specs[index] as TaskSpec
    if (this.#lanes.push(index, spec, since)) return this.#waiting?.queued(index)
    const known = [...this.#setup.pools.keys()].join(', ')
    const message = `${spec.pool === undefined ? 'the task names no pool and none could be found' : `there is no pool "${spec.pool}"`}; pools: ${known}`
    this.#starts.send(index, null, { kind: 'bad-input', code: 'NO_POOL', message })
  }

  /** Its path has grown: a ready task takes its new place. Its old entry is passed over when it is met. */
  #raise(index: number): void {
    const state = this.#seen[index]
    if (state?.status !== 'ready' || this.attempts.of(index)) return
    this.#lanes.raise(index, this.#head.specs[index] as TaskSpec, state.since)
  }

  /** Ready no more, and not because it runs. */
  #withdraw(index: number): void {
    if (this.#preparation.callOff(index)) return
    if (this.attempts.of(index)) this.attempts.finish(index)
    else this.#lanes.drop(this.#head.specs[index] as TaskSpec)
  }

  #sleep(index: number, until: number): void {
    // After a restart the wall clock may say anything: no wait grows longer than it was meant to be.
    this.#wakes.set(index, Math.min(until - this.#setup.now(), until - this.#head.at))
  }

  /** The slot of a task whose start has been decided: for its attempt, or back. */
  #takeSlot(index: number): void {
    if (!this.attempts.of(index)) return
    const state = this.#head.states[index] as TaskState
    // It left its lane when it was claimed: there is nothing to withdraw.
    this.#seen[index] = state.status === 'ready' ? state : undefined
    if (state.status === 'running') return this.attempts.prepare(index, state)
    this.attempts.finish(index)
    if (state.status === 'ready') this.#enqueue(index, state)
  }
}
