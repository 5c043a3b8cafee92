import { CriticalRanks } from '../core/scheduler/critical-rank.js'
import type { Order } from '../core/scheduler/order.js'
import { preparedPlanOf } from '../core/scheduler/prepared-plan.js'
import type { Signal } from '../core/scheduler/signals.js'
import type { AttemptFailed } from '../core/state/events.js'
import type { History } from '../core/state/history.js'
import type { RunState } from '../core/state/run-state.js'
import type { TaskSpec, TaskState, TaskStatus } from '../core/state/task.js'
import type { Admission } from '../pools/admission.js'
import type { AttemptRequirements, Lease, TaskQueue, TaskSource } from '../pools/run-queue.js'
import { AdmissionCount } from './admission-ticket.js'
import { Attempts } from './attempt/attempts.js'
import type { AttemptsOptions } from './attempt/attempts-options.js'
import { HostFunctions } from './host-functions.js'
import { hostOrder } from './host-order.js'
import { type ParkedPool, parkedAmong } from './progress.js'
import { RunQueues } from './run-queues.js'
import { StartRequests } from './start-requests.js'
import { QueueTimeouts } from './timers/queue-timeouts.js'
import { RetryTimers } from './timers/retry-timers.js'

/** What {@link Effects} work with. */
export interface EffectsOptions extends Omit<AttemptsOptions, 'onInputTimeout' | 'onCallsAllowed'> {
  readonly admission: Admission
  /** The share of its pools that the run gets, relative to other runs. */
  readonly weight: number
  /** The order of the host. */
  readonly order: Order | undefined
  /** The order of the host threw, or returned no number. */
  onOrderFailed(error: unknown): void
}

type StateOf<S extends TaskStatus> = Extract<TaskState, { readonly status: S }>

/**
 * What a run does because of its state: queues ready tasks, starts timers, calls backends, stops attempts. Effects that lead only to
 * further decisions follow the state as decided (`onDecided`); those that are visible outside wait until their cause is durable
 * (`onPublished`); decision 004.
 * Invariant: each state of a task is acted on once per record, however many events of the record name the task (trap 2).
 */
export class Effects implements TaskSource {
  readonly attempts: Attempts
  readonly order: TaskSource['order']
  readonly #options: EffectsOptions
  readonly #head: RunState
  readonly #history: History
  readonly #queues: RunQueues
  readonly #hostFunctions: HostFunctions
  readonly #admissionCount: AdmissionCount
  readonly #startRequests: StartRequests
  readonly #retryTimers: RetryTimers
  readonly #queueTimeouts: QueueTimeouts
  #ranks = new CriticalRanks()
  /** The states that have been acted on. */
  readonly #applied: (TaskState | undefined)[] = []
  /** How many tasks have been taken in. */
  #taskCount = 0
  /** Tasks whose attempt ended with the present record. */
  readonly #ended: number[] = []

  readonly #entering: { readonly [S in TaskStatus]: (index: number, state: StateOf<S>) => void } = {
    blocked: index => this.#endAttempt(index),
    ready: (index, state) => {
      this.#endAttempt(index)
      if (!this.#hostFunctions.checkApproval(index)) this.#enqueue(index, state)
    },
    held: index => this.#waitOutside(index),
    running: (index, state) => {
      this.#admissionCount.leave(index)
      this.attempts.prepare(index, state)
    },
    stopping: index => this.#admissionCount.leave(index),
    delayed: (index, state) => {
      this.#waitOutside(index)
      this.#scheduleRetry(index, state.until)
    },
    succeeded: index => this.#endTask(index),
    dead: index => this.#endTask(index),
    skipped: index => this.#endTask(index),
    cancelled: index => this.#endTask(index),
  }

  constructor(options: EffectsOptions, head: RunState, durable: RunState, history: History) {
    const { clock, pools, send, order } = options
    this.order = order && hostOrder(order, head, options.onOrderFailed)
    this.#options = options
    this.#head = head
    this.#history = history
    const onInputTimeout = (index: number): void => this.#hostFunctions.onInputTimeout(index)
    const onCallsAllowed = (): void => this.#queues.dispatchAll()
    this.attempts = new Attempts({ ...options, onInputTimeout, onCallsAllowed }, head, durable, history)
    this.#hostFunctions = new HostFunctions({
      ...options,
      attempts: this.attempts,
      head,
      durable,
      start: (index, input, failure) => this.#startRequests.send(index, input, failure),
      enqueue: index => {
        this.#enqueue(index, head.states[index] as StateOf<'ready'>)
        this.#queues.dispatch()
      },
      hold: index => send({ type: 'hold', index, reason: 'approval' }),
    })
    this.#queues = new RunQueues(this, pools, options.weight)
    this.#admissionCount = new AdmissionCount(options.admission, head)
    this.#startRequests = new StartRequests({ ...options, head, attempts: this.attempts })
    this.#retryTimers = new RetryTimers(clock, index => send({ type: 'wake', index }))
    this.#queueTimeouts = new QueueTimeouts({ clock, head, send, isParked: pool => this.#queues.isParked(pool) })
  }

  /** The effects that nothing outside can see, of a signal and its events from `from` to `to`. They may not be durable yet. */
  onDecided(signal: Signal, from: number, to: number): void {
    this.#takeInNewTasks(signal)
    this.#updateHold()
    if (signal.type === 'start') this.#returnRefusedSlot(signal.index)
    for (let seq = from; seq <= to; seq++) this.#onEvent(seq)
    if (signal.type === 'recover') for (let index = 0; index < this.#taskCount; index++) this.#apply(index)
    // Slots are given back and tasks are claimed only now: everything that the record made ready has been put in order.
    for (let index = this.#ended.shift(); index !== undefined; index = this.#ended.shift()) this.attempts.finish(index)
    if (this.#head.serial) this.#updateHold()
    this.#queues.dispatch()
    this.#options.budget?.afterDecision()
  }

  /** The effects of the events from `from` to `to`, which are durable. */
  onPublished(from: number, to: number): void {
    this.attempts.onPublished(from, to)
    this.#hostFunctions.onPublished(this.#history, from, to)
  }

  /** The run has ended: leaves nothing in pools and no timers. */
  close(): void {
    this.#options.budget?.leave()
    this.#hostFunctions.close()
    this.#queues.close()
    this.#admissionCount.close()
    this.#retryTimers.close()
    this.#queueTimeouts.close()
    this.attempts.close()
  }

  remainingPath(index: number): number {
    return this.#ranks.of(index)
  }

  start(index: number, lease: Lease): boolean {
    if (this.#head.states[index]?.status !== 'ready' || this.attempts.get(index)) return false
    this.attempts.claim(index, lease)
    this.#queues.claimed(index)
    this.#queueTimeouts.onClaimed(index)
    if (this.#head.serial) this.#updateHold()
    if (!this.#hostFunctions.prepareInput(index))
      this.#startRequests.send(index, this.#head.specs[index]?.input ?? null)
    return true
  }

  requirements(index: number): AttemptRequirements | undefined {
    return this.#queues.isWaiting(index) ? this.#startRequests.requirements(index) : undefined
  }

  onParkedChange(parked: boolean, queue: TaskQueue): void {
    const pool = this.#queues.poolOf(queue)
    if (pool !== undefined) this.#queueTimeouts.setParked(pool, parked)
  }

  /** The parked ones of the pools in which the run has had tasks. */
  parkedPools(): readonly ParkedPool[] {
    return parkedAmong(this.#queues.pools, this.#options.pools)
  }

  #takeInNewTasks(signal: Signal): void {
    const { specs } = this.#head
    if (this.#taskCount === specs.length) return
    const prepared = signal.type === 'add' ? preparedPlanOf(signal.tasks) : undefined
    if (prepared?.initialState.specs === specs) this.#ranks = prepared.criticalRanks.copy()
    else this.#ranks.extend(this.#head, this.#taskCount, index => this.#moveUp(index))
    this.attempts.grow(specs.length)
    for (; this.#taskCount < specs.length; this.#taskCount++) {
      this.#queueTimeouts.onAdded(this.#taskCount)
      this.#admissionCount.enter(this.#taskCount, signal.type === 'recover')
    }
  }

  /** No task is claimed while the run is not running, nor while a serial run has an attempt. */
  #updateHold(): void {
    const { phase, serial } = this.#head
    const isRunning = phase.status === 'running'
    this.#queueTimeouts.setRunning(isRunning)
    this.#queues.setHeld(!isRunning || (serial && this.attempts.size > 0))
  }

  /** A start that is refused, because the run is paused for instance, changes no state: the task gives its slot back and waits for another. */
  #returnRefusedSlot(index: number): void {
    const state = this.#head.states[index]
    if (state?.status !== 'ready' || state !== this.#applied[index] || !this.attempts.get(index)) return
    this.attempts.finish(index)
    this.#enqueue(index, state)
  }

  #onEvent(seq: number): void {
    const index = this.#history.indexOf(seq)
    if (index === -1) return
    const type = this.#history.typeOf(seq)
    if (type === 'task.succeeded') this.attempts.onSucceeded(index)
    else if (type === 'attempt.failed') this.attempts.onFailed(this.#history.event(seq) as AttemptFailed)
    this.#apply(index)
  }

  #apply(index: number): void {
    const state = this.#head.states[index] as TaskState
    const previous = this.#applied[index]
    if (state === previous) return
    this.#applied[index] = state
    this.#queueTimeouts.onState(index, state)
    if (previous?.status === 'delayed') this.#retryTimers.cancel(index)
    if (previous?.status === 'ready' && state.status !== 'running') {
      this.#hostFunctions.cancel(index)
      this.#queues.withdraw(index, this.#head.specs[index] as TaskSpec)
    }
    this.#entering[state.status](index, state as never)
  }

  /** A run may have no other task in the pool, after a restart for instance: it must still show, and be notified, that it is parked. */
  #waitOutside(index: number): void {
    this.#endAttempt(index)
    this.#queues.open(this.#head.specs[index]?.pool ?? '')
  }

  #endTask(index: number): void {
    this.#endAttempt(index)
    this.#admissionCount.leave(index)
  }

  /** The slot is given back after the record. */
  #endAttempt(index: number): void {
    if (this.attempts.get(index)) this.#ended.push(index)
  }

  #enqueue(index: number, { since }: StateOf<'ready'>): void {
    if (this.#queues.add(index, this.#head.specs[index] as TaskSpec, since)) this.#queueTimeouts.onQueued(index)
    else this.#startRequests.sendWithoutPool(index)
  }

  /** Its remaining path is longer than when the ready task was queued. */
  #moveUp(index: number): void {
    const state = this.#applied[index]
    if (state?.status === 'ready') this.#queues.update(index, this.#head.specs[index] as TaskSpec, state.since)
  }

  /** After a restart the wall clock may have any value: a delay never grows beyond what was decided. */
  #scheduleRetry(index: number, until: number): void {
    this.#retryTimers.schedule(index, Math.min(until - this.#options.now(), until - this.#head.at))
  }
}
