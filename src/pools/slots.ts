import type { Clock } from '../clock.js'
import { Turn } from '../core/turn.js'
import { OneShotTimer } from '../limits/one-shot-timer.js'
import type { RoundRobinMember } from '../limits/round-robin.js'
import type { FairShare } from './fair-share.js'
import type { FlowControl } from './flow-control.js'
import type { AttemptRequirements, RunQueue } from './run-queue.js'

/** What {@link Slots} are made of. */
export interface SlotsOptions {
  /** Holds the slots, one job each: a p-queue. */
  readonly queue: { concurrency: number; add(job: () => Promise<void>): unknown }
  readonly runs: FairShare
  readonly flow: FlowControl
  readonly clock: Clock
}

/**
 * The slots of a pool. Each starts attempt after attempt until no task is ready, so a task costs no job of p-queue.
 *
 * Invariant: at most `concurrency` slots are in use, apart from those in use when it was lowered.
 * p-queue does not see single attempts, so pause, cooldown and limits are checked before each start (trap 8).
 */
export class Slots implements RoundRobinMember {
  readonly #queue: SlotsOptions['queue']
  readonly #runs: FairShare
  readonly #flow: FlowControl
  readonly #clock: Clock
  readonly #recheck: OneShotTimer
  #concurrency: number
  /** Slots added to p-queue that have not ended; some may not have begun. */
  #added = 0
  /** Ends a slot; one function for each that has begun. */
  readonly #ends: (() => void)[] = []
  #isStarting = false
  /** The starts in this turn of the event loop. */
  readonly #turn = new Turn()
  #isTurnScheduled = false
  #isYielding = false

  constructor({ queue, runs, flow, clock }: SlotsOptions) {
    this.#queue = queue
    this.#concurrency = queue.concurrency
    this.#runs = runs
    this.#flow = flow
    this.#clock = clock
    this.#recheck = new OneShotTimer(clock, () => this.dispatch())
  }

  get isPaused(): boolean {
    return this.#flow.isPaused
  }

  set isPaused(isPaused: boolean) {
    this.#flow.isPaused = isPaused
    this.dispatch()
  }

  set concurrency(concurrency: number) {
    this.#concurrency = concurrency
    this.#queue.concurrency = concurrency
    this.dispatch()
  }

  /** True when the task that would start next is a retry. */
  get isNextRetry(): boolean {
    return this.#next()?.requirements.isRetry === true
  }

  /**
   * Starts attempts until no task is ready, no slot is free, or flow control refuses: to be called whenever one of these may have changed,
   * also for the worse. A pool that waits for its limit keeps other pools waiting, so it must be asked again when it has nothing to start
   * any more: its task has been withdrawn or held, it was paused or parked, a run has gone. This is the one place for all of that.
   * Not re-entered: what a start causes (an instant answer, a task that becomes ready) is handled by the running loop. With a limit,
   * the limit runs the loop, since its pools take turns.
   */
  dispatch(): void {
    if (this.#flow.limit === undefined && !this.#isStarting) this.#startAll()
    // A listener may have introduced a limit meanwhile.
    this.#flow.limit?.requestTurn(this)
    if (this.#idle > 0) this.#scheduleTurn()
  }

  /** Starts one attempt. False when none can start now. */
  startOne(): boolean {
    this.#endSurplus()
    if (this.#isYielding || !this.#flow.isOpen) return false
    if (this.#flow.withheld.size > 0) {
      const wasMade = this.#makeWithheld()
      if (wasMade !== undefined) return wasMade
    }
    if (this.#runs.next() === undefined || !this.#hasIdle()) return false
    const next = this.#next()
    if (next === undefined) return false
    const now = this.#clock.monotonic()
    const decision = this.#flow.decide(next.requirements, now)
    if (decision.kind === 'wait') {
      if (decision.until !== undefined) this.#recheck.fireBy(decision.until)
      this.#scheduleTurn()
      return false
    }
    const { queue } = next
    if (queue.source.start(queue.take(), decision.lease)) {
      this.#runs.charge(queue)
      this.#countStart(now)
    } else decision.lease.cancel()
    return true
  }

  /** A run has gone: perhaps the one that kept other pools waiting. */
  runClosed(): void {
    if (this.#runs.isEmpty && this.#flow.withheld.size === 0) this.stop()
    else this.dispatch()
  }

  /** Checks are no longer due: nothing is ready. */
  stop(): void {
    this.#recheck.cancel()
    this.#flow.limit?.cancelTurn(this)
  }

  /** Undefined when there is none that may be made. Else false when it has to wait, and everything behind it. */
  #makeWithheld(): boolean | undefined {
    const now = this.#clock.monotonic()
    const call = this.#flow.withheld.next(now)
    if (call === undefined) this.#recheck.fireBy(this.#flow.withheld.nextAt(now))
    if (call === undefined) return undefined
    return this.#hasIdle() && this.#flow.makeWithheld(call, now)
  }

  /** Slots that have begun and hold no lease. */
  get #idle(): number {
    return this.#ends.length - this.#flow.inFlight
  }

  /** The task that would start next. Drops entries of tasks that are no longer ready. */
  #next(): { readonly queue: RunQueue; readonly requirements: AttemptRequirements } | undefined {
    for (let queue = this.#runs.next(); queue !== undefined; queue = this.#runs.next()) {
      const requirements = queue.source.requirements(queue.peek())
      if (requirements !== undefined) return { queue, requirements }
      queue.take()
    }
    return undefined
  }

  #startAll(): void {
    this.#isStarting = true
    try {
      while (this.startOne());
    } finally {
      this.#isStarting = false
    }
  }

  /** A million instant tasks would starve every timer: after a while, no slot starts anything until the next turn (trap 9). */
  #countStart(now: number): void {
    if (this.#turn.isNew) this.#scheduleTurn()
    this.#isYielding = this.#turn.step(now)
  }

  /** True when a slot is idle; adds one if there may be more. p-queue begins it inside `add` (trap 1), or later if one is just ending. */
  #hasIdle(): boolean {
    if (this.#added > this.#concurrency) return false
    if (this.#idle === 0 && this.#added < this.#concurrency) {
      this.#added++
      void this.#queue.add(() => new Promise<void>(end => this.#begin(end)))
    }
    return this.#idle > 0
  }

  #begin(end: () => void): void {
    this.#ends.push(end)
    this.dispatch()
  }

  #endOne(): void {
    this.#added--
    this.#ends.pop()?.()
  }

  /** The concurrency was lowered. */
  #endSurplus(): void {
    while (this.#added > this.#concurrency && this.#idle > 0) this.#endOne()
  }

  #scheduleTurn(): void {
    if (!this.#isTurnScheduled) this.#clock.schedule(this.#onTurn, 0)
    this.#isTurnScheduled = true
  }

  /** In a chain the next task is ready a moment later, so an idle slot ends only after a turn of the event loop. */
  readonly #onTurn = (): void => {
    this.#isTurnScheduled = false
    this.#turn.begin()
    if (this.#isYielding) {
      this.#isYielding = false
      this.dispatch()
    } else while (this.#idle > 0) this.#endOne()
  }
}
