import type { RunQueue } from './run-queue.js'

/**
 * The runs of a pool, and whose turn it is: stride scheduling (Waldspurger and Weihl, MIT/LCS/TM-528, 1995), fairness between runs first,
 * priority inside a run. A run that was idle or held starts level with the others: it has saved nothing up.
 */
export class FairShare {
  readonly #open = new Set<RunQueue>()
  /** Those with something in their queue. */
  readonly #filled: RunQueue[] = []
  #pass = 0

  /** True while a run is there, whether or not it has anything ready. */
  get live(): boolean {
    return this.#open.size > 0
  }

  /** True when nothing is ready. */
  get empty(): boolean {
    return this.#filled.length === 0
  }

  /** Ready tasks in all. */
  get waiting(): number {
    let waiting = 0
    for (const lane of this.#filled) waiting += lane.waiting
    return waiting
  }

  /** Every run that is there. */
  get all(): Iterable<RunQueue> {
    return this.#open
  }

  open(lane: RunQueue): void {
    this.#open.add(lane)
  }

  close(lane: RunQueue): void {
    this.#open.delete(lane)
    this.#remove(lane)
  }

  filled(lane: RunQueue): void {
    if (lane.joined) return
    lane.joined = true
    this.level(lane)
    this.#filled.push(lane)
  }

  /** It may claim again: it has saved nothing up while it was held. */
  level(lane: RunQueue): void {
    lane.pass = Math.max(lane.pass, this.#pass)
  }

  /** Something was taken out of its queue. */
  taken(lane: RunQueue): void {
    if (lane.size === 0) this.#remove(lane)
  }

  /** A task of it has started. */
  charge(lane: RunQueue): void {
    lane.waiting--
    this.#pass = lane.pass
    lane.pass += lane.stride
  }

  /** Whose turn it is. */
  next(): RunQueue | undefined {
    let next: RunQueue | undefined
    for (const lane of this.#filled) if (!lane.held && (next === undefined || lane.pass < next.pass)) next = lane
    return next
  }

  #remove(lane: RunQueue): void {
    if (!lane.joined) return
    lane.joined = false
    if (this.#filled[this.#filled.length - 1] === lane) this.#filled.pop()
    else this.#filled.splice(this.#filled.indexOf(lane), 1)
  }
}
