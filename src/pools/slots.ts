import type { Clock } from '../clock.js'
import type { FairShare } from './fair-share.js'
import type { FlowControl } from './flow-control.js'
import type { SlotLease } from './lease.js'
import type { RunQueue, Slot } from './run-queue.js'

/** Keeps the slots: one job each. */
export interface SlotQueue {
  concurrency: number
  add(job: () => Promise<void>): unknown
}

/** What {@link Slots} work with. */
export interface SlotsSetup {
  readonly queue: SlotQueue
  readonly lanes: FairShare
  readonly flow: FlowControl
  readonly clock: Clock
}

/** How many attempts are claimed before every other callback of the process gets its turn (trap 9). */
const CLAIMS_PER_TURN = 256
/** ... and how long at most, in milliseconds; looked at with every 16th claim. */
const TURN_MS = 4

/**
 * The slots of a pool: each claims task after task until nothing is ready, which costs the queue nothing per task.
 *
 * Invariants: at most `concurrency` slots are leased, once those of a higher limit have come back.
 * Trap 8: the queue does not see claims, so a slot looks between two of them whether it still may.
 */
export class Slots {
  readonly #queue: SlotQueue
  readonly #lanes: FairShare
  readonly #flow: FlowControl
  readonly #clock: Clock
  #concurrency: number
  #paused = false
  #slots = 0
  #leased = 0
  /** Since the last turn of the event loop. */
  #claims = 0
  /** When the first of these claims was made. */
  #turnBegan = 0
  #gateIsClosed = false
  #pumping = false
  /** A turn of the event loop ends what was counted for the last one. */
  #turnIsDue = false
  /** Slots that are not leased. */
  readonly #free: Slot[] = []

  constructor({ queue, lanes, flow, clock }: SlotsSetup) {
    this.#queue = queue
    this.#concurrency = queue.concurrency
    this.#lanes = lanes
    this.#flow = flow
    this.#clock = clock
  }

  get leased(): number {
    return this.#leased
  }

  get paused(): boolean {
    return this.#paused
  }

  set paused(paused: boolean) {
    this.#paused = paused
    if (!paused) this.pump()
  }

  set concurrency(concurrency: number) {
    this.#concurrency = concurrency
    this.#queue.concurrency = concurrency
    this.pump()
  }

  /** True when the task that comes next was tried before. */
  nextIsRetry(): boolean {
    for (let lane = this.#lanes.next(); lane !== undefined; lane = this.#lanes.next()) {
      const index = lane.take()
      const terms = index === -1 ? undefined : lane.run.requirements(index)
      if (terms !== undefined) {
        lane.putBack(index)
        return terms.isRetry
      }
      this.#lanes.taken(lane)
    }
    return false
  }

  /**
   * Claims for free slots until nothing is ready or no slot is free. Not re-entered: what a claim sets off (an instant answer, a task
   * of another run that becomes ready) is met by the loop, not by a deeper call. With a limit, the loop is that of its `Turns`.
   */
  pump(): void {
    if (this.#flow.limit === undefined && !this.#pumping) this.#claimAll()
    // One that was introduced by a listener inside a claim, too.
    if (this.#flow.limit !== undefined) this.#flow.wantTurn()
    if (this.#free.length > 0) this.#turnSoon()
  }

  /** False when there is nothing to claim, or no slot for it, or it may not start now. */
  claimOne(): boolean {
    if (this.#slots > this.#concurrency) this.#endSurplus()
    if (this.#paused || this.#gateIsClosed || !this.#flow.mayStart) return false
    const lane = this.#lanes.next()
    const slot = lane && this.#freeSlot()
    if (slot === undefined) return false
    const index = (lane as RunQueue).take()
    const terms = index === -1 ? undefined : (lane as RunQueue).run.requirements(index)
    const lease = terms && this.#flow.admit(slot, terms)
    if (terms !== undefined && lease === undefined) {
      ;(lane as RunQueue).putBack(index)
      this.#free.push(slot)
      this.#turnSoon()
      return false
    }
    this.#lanes.taken(lane as RunQueue)
    if (lease === undefined || !this.#claim(lane as RunQueue, index, lease)) this.#free.push(slot)
    return true
  }

  /** A lease has ended. */
  freed(slot: Slot): void {
    this.#leased--
    this.#free.push(slot)
    this.pump()
  }

  #claimAll(): void {
    this.#pumping = true
    try {
      while (this.claimOne());
    } finally {
      this.#pumping = false
    }
  }

  /** False when the task was no longer ready. */
  #claim(lane: RunQueue, index: number, lease: SlotLease): boolean {
    this.#leased++
    if (lane.run.start(index, lease)) {
      this.#lanes.charge(lane)
      this.#count()
      return true
    }
    this.#flow.revoke(lease)
    this.#leased--
    return false
  }

  /** Trap 9: a million instant tasks would starve every timer. All slots wait for the next turn of the event loop. */
  #count(): void {
    if (this.#claims++ === 0) {
      this.#turnBegan = this.#flow.time.look()
      this.#turnSoon()
    }
    this.#gateIsClosed =
      this.#claims >= CLAIMS_PER_TURN || (this.#claims % 16 === 0 && this.#flow.time.look() - this.#turnBegan > TURN_MS)
  }

  /** A claim may have lowered the concurrency. */
  #endSurplus(): void {
    while (this.#slots > this.#concurrency && this.#free.length > 0) this.#end(this.#free.pop() as Slot)
  }

  /** One that is free, or a new one. The queue starts it inside `add` (trap 1), or when one that has ended has made room there. */
  #freeSlot(): Slot | undefined {
    if (this.#slots > this.#concurrency) return undefined
    if (this.#free.length === 0 && this.#slots < this.#concurrency) this.#addSlot()
    return this.#free.pop()
  }

  #addSlot(): void {
    this.#slots++
    void this.#queue.add(() => new Promise<void>(end => this.#start({ end })))
  }

  #start(slot: Slot): void {
    this.#free.push(slot)
    this.pump()
  }

  #end(slot: Slot): void {
    this.#slots--
    slot.end()
  }

  #turnSoon(): void {
    if (!this.#turnIsDue) this.#clock.schedule(this.#turn, 0)
    this.#turnIsDue = true
  }

  /** In a chain the next task is ready a moment later: a slot with nothing to do stays for a turn of the event loop, then it ends. */
  readonly #turn = (): void => {
    this.#turnIsDue = false
    this.#claims = 0
    if (this.#gateIsClosed) {
      this.#gateIsClosed = false
      this.pump()
    } else for (const slot of this.#free.splice(0)) this.#end(slot)
  }
}
