import PQueue from 'p-queue'
import type { Clock } from '../clock.js'
import { CounterpointError } from '../errors.js'
import type { AgentBackend } from './agent-backend.js'
import { type Claimant, type Lane, RunLane, type Slot, SlotLease } from './lane.js'

/** What a pool is doing. */
export interface PoolStats {
  /** Attempts that hold a slot. */
  readonly running: number
  /** Ready tasks that wait for a slot. */
  readonly queued: number
  readonly concurrency: number
  readonly paused: boolean
}

/** What a {@link WorkerPool} needs. */
export interface WorkerPoolSetup {
  readonly name: string
  readonly backend: AgentBackend
  /** How many attempts run at once. Default 4. */
  readonly concurrency?: number
  /** A waiting task gains one step of priority for each such span, in milliseconds. Default 60,000. */
  readonly agingMs?: number
  readonly clock: Clock
}

/** How many attempts are claimed before every other callback of the process gets its turn (trap 9). */
const CLAIMS_PER_TURN = 256
/** ... and how long at most, in milliseconds; looked at with every 16th claim. */
const TURN_MS = 4

/**
 * A backend behind slots. One p-queue job per slot claims task after task until nothing is ready: the only user of p-queue,
 * which keeps the slots and costs nothing per task. Runs share the pool by stride scheduling
 * (Waldspurger and Weihl, MIT/LCS/TM-528, 1995): fairness between runs first, priority inside a run.
 *
 * Invariants: at most `concurrency` slots are leased, once those of a higher limit have come back.
 * Trap 8: p-queue does not see claims, so a slot looks between two of them whether it still may.
 */
export class WorkerPool {
  readonly name: string
  readonly backend: AgentBackend
  readonly #clock: Clock
  readonly #agingMs: number
  readonly #queue: PQueue
  #concurrency: number
  #paused = false
  #slots = 0
  #leased = 0
  readonly #lanes: RunLane[] = []
  #pass = 0
  #claims = 0
  #turnBegan = 0
  #gateIsClosed = false
  #pumping = false
  #sweeping = false
  /** Slots that are not leased. */
  readonly #free: Slot[] = []
  readonly #onRelease: (slot: Slot) => void = slot => this.#release(slot)

  /** @throws INVALID_INPUT for a concurrency that is no positive integer. */
  constructor({ name, backend, concurrency = 4, agingMs = 60_000, clock }: WorkerPoolSetup) {
    this.name = name
    this.backend = backend
    this.#clock = clock
    this.#agingMs = agingMs
    this.#concurrency = checkConcurrency(name, concurrency)
    this.#queue = new PQueue({ concurrency })
  }

  /** How many attempts run at once. May be set while the pool works: a lower one takes effect as attempts end. */
  get concurrency(): number {
    return this.#concurrency
  }

  /** @throws INVALID_INPUT for anything but a positive integer. */
  set concurrency(value: number) {
    this.#concurrency = checkConcurrency(this.name, value)
    this.#queue.concurrency = value
    this.#pump()
  }

  /** Starts nothing until `unpause`; what runs goes on. */
  pause(): void {
    this.#paused = true
  }

  /** Starts again. */
  unpause(): void {
    this.#paused = false
    this.#pump()
  }

  /** What the pool is doing now. */
  stats(): PoolStats {
    let queued = 0
    for (const lane of this.#lanes) queued += lane.waiting
    return { running: this.#leased, queued, concurrency: this.#concurrency, paused: this.#paused }
  }

  /** Lets a run in. With twice the `weight` it gets twice the slots, as long as both have something to do. */
  open(run: Claimant, weight: number): Lane {
    const lane = new RunLane(run, 1 / weight, this.#agingMs, {
      filled: () => this.#join(lane),
      closed: () => this.#remove(lane),
    })
    return lane
  }

  /** A run that was idle starts level with the others: it has saved nothing up. */
  #join(lane: RunLane): void {
    if (!lane.joined) {
      lane.joined = true
      lane.pass = Math.max(lane.pass, this.#pass)
      this.#lanes.push(lane)
    }
    this.#pump()
  }

  #remove(lane: RunLane): void {
    if (!lane.joined) return
    lane.joined = false
    this.#lanes.splice(this.#lanes.indexOf(lane), 1)
  }

  /**
   * Claims for free slots until nothing is ready or no slot is free. Not re-entered: what a claim sets off (an instant answer, a task
   * of another run that becomes ready) is met by the loop, not by a deeper call.
   */
  #pump(): void {
    if (this.#pumping) return
    this.#pumping = true
    try {
      do this.#endSurplus()
      while (!this.#paused && !this.#gateIsClosed && this.#claimNext())
    } finally {
      this.#pumping = false
    }
    if (this.#free.length > 0) this.#sweepSoon()
  }

  /** A claim may have lowered the concurrency. */
  #endSurplus(): void {
    while (this.#slots > this.#concurrency && this.#free.length > 0) this.#end(this.#free.pop() as Slot)
  }

  /** False when there is nothing to claim, or no slot for it. */
  #claimNext(): boolean {
    const lane = this.#nextLane()
    const slot = lane && this.#freeSlot()
    if (slot === undefined) return false
    if (!this.#claim(lane as RunLane, slot)) this.#free.push(slot)
    return true
  }

  /** One that is free, or a new one. p-queue starts it inside `add` (trap 1), or when one that has ended has made room there. */
  #freeSlot(): Slot | undefined {
    if (this.#slots > this.#concurrency) return undefined
    if (this.#free.length === 0 && this.#slots < this.#concurrency) {
      this.#slots++
      void this.#queue.add(() => new Promise<void>(end => this.#start({ end })))
    }
    return this.#free.pop()
  }

  #start(slot: Slot): void {
    this.#free.push(slot)
    this.#pump()
  }

  /** False when the task was no longer ready. */
  #claim(lane: RunLane, slot: Slot): boolean {
    const index = lane.take()
    if (lane.size === 0) this.#remove(lane)
    if (index === -1) return false
    const lease = new SlotLease(slot, this.#onRelease)
    this.#leased++
    if (lane.run.claim(index, lease)) {
      this.#charge(lane)
      return true
    }
    lease.revoke()
    this.#leased--
    return false
  }

  #charge(lane: RunLane): void {
    lane.waiting--
    this.#pass = lane.pass
    lane.pass += lane.stride
    this.#claims++
    if (
      this.#claims >= CLAIMS_PER_TURN ||
      (this.#claims % 16 === 0 && this.#clock.monotonic() - this.#turnBegan > TURN_MS)
    )
      this.#closeGate()
  }

  #release(slot: Slot): void {
    this.#leased--
    this.#free.push(slot)
    this.#pump()
  }

  #end(slot: Slot): void {
    this.#slots--
    slot.end()
  }

  /** In a chain the next task is ready a moment later: a slot with nothing to do stays for a turn of the event loop, then it ends. */
  #sweepSoon(): void {
    if (this.#sweeping) return
    this.#sweeping = true
    this.#clock.schedule(() => {
      this.#sweeping = false
      if (this.#gateIsClosed) return
      for (const slot of this.#free.splice(0)) this.#end(slot)
    }, 0)
  }

  #nextLane(): RunLane | undefined {
    let next: RunLane | undefined
    for (const lane of this.#lanes) if (!lane.held && (next === undefined || lane.pass < next.pass)) next = lane
    return next
  }

  /** Trap 9: a million instant tasks would starve every timer. All slots wait for one turn of the event loop. */
  #closeGate(): void {
    if (this.#gateIsClosed) return
    this.#gateIsClosed = true
    this.#clock.schedule(() => {
      this.#gateIsClosed = false
      this.#claims = 0
      this.#turnBegan = this.#clock.monotonic()
      this.#pump()
    }, 0)
  }
}

function checkConcurrency(pool: string, value: number): number {
  if (Number.isInteger(value) && value > 0) return value
  const issue = { path: `pools.${pool}.concurrency`, message: `expected a positive integer, got ${value}` }
  throw new CounterpointError('INVALID_INPUT', `${issue.path}: ${issue.message}`, { issues: [issue] })
}
