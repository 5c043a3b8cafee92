import type { Clock } from './clock.js'

/** One pending time-out. */
export interface Deadline {
  readonly dueAt: number
  readonly expire: () => void
  previous: Deadline | undefined
  next: Deadline | undefined
  list: DeadlineList | undefined
}

interface DeadlineList {
  readonly durationMs: number
  first: Deadline | undefined
  last: Deadline | undefined
  disarm: (() => void) | undefined
}

/**
 * Time-outs that are nearly always called off. Those of one duration stand in a list, which is in the order of their ends by itself;
 * one timer a list. Adding and removing touch no timer (a timer per attempt would cost more than all the rest of it).
 * Invariant: a list that is not empty has a timer that fires at or before its first end.
 */
export class Deadlines {
  readonly #clock: Clock
  readonly #lists = new Map<number, DeadlineList>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  add(durationMs: number, expire: () => void): Deadline {
    let list = this.#lists.get(durationMs)
    if (list === undefined) {
      list = { durationMs, first: undefined, last: undefined, disarm: undefined }
      this.#lists.set(durationMs, list)
    }
    const dueAt = this.#clock.monotonic() + durationMs
    const deadline: Deadline = { dueAt, expire, previous: list.last, next: undefined, list }
    if (list.last) list.last.next = deadline
    else list.first = deadline
    list.last = deadline
    if (list.disarm === undefined) this.#arm(list, durationMs)
    return deadline
  }

  remove(deadline: Deadline): void {
    const { list, previous, next } = deadline
    if (list === undefined) return
    deadline.list = undefined
    if (previous) previous.next = next
    else list.first = next
    if (next) next.previous = previous
    else list.last = previous
  }

  /** Calls everything off: no timer is left to keep the process alive. */
  close(): void {
    for (const list of this.#lists.values()) list.disarm?.()
    this.#lists.clear()
  }

  #arm(list: DeadlineList, delayMs: number): void {
    list.disarm = this.#clock.schedule(() => this.#expireDue(list), delayMs)
  }

  #expireDue(list: DeadlineList): void {
    list.disarm = undefined
    const now = this.#clock.monotonic()
    for (let first = list.first; first !== undefined && first.dueAt <= now; first = list.first) {
      this.remove(first)
      first.expire()
    }
    if (list.first === undefined) this.#lists.delete(list.durationMs)
    else if (list.disarm === undefined) this.#arm(list, list.first.dueAt - now)
  }
}
