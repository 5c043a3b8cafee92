import type { Clock } from '../../clock.js'

/** Something that is told when its time is up. It carries its own place in the list: no object more per attempt. */
export interface Deadline {
  dueAt: number
  previous: Deadline | undefined
  next: Deadline | undefined
  /** Undefined while it stands in none. */
  list: DeadlineList | undefined
  expire(): void
}

/** The deadlines of one duration. */
export interface DeadlineList {
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
  /** The one that was asked for last: mostly there is no other. */
  #latest: DeadlineList | undefined
  #size = 0
  #callOffSweep: (() => void) | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** `deadline` must stand in no list. */
  add(durationMs: number, deadline: Deadline): void {
    const list = this.#latest?.durationMs === durationMs ? this.#latest : this.#listOf(durationMs)
    deadline.dueAt = this.#clock.monotonic() + durationMs
    deadline.previous = list.last
    deadline.next = undefined
    deadline.list = list
    this.#size++
    if (list.last) list.last.next = deadline
    else list.first = deadline
    list.last = deadline
    if (list.disarm === undefined) this.#arm(list, durationMs)
  }

  remove(deadline: Deadline): void {
    const { list, previous, next } = deadline
    if (list === undefined) return
    this.#size--
    if (this.#size === 0) this.#disarmSoon()
    deadline.list = undefined
    if (previous) previous.next = next
    else list.first = next
    if (next) next.previous = previous
    else list.last = previous
    deadline.previous = undefined
    deadline.next = undefined
  }

  /** Calls everything off: no timer is left to keep the process alive. */
  close(): void {
    this.#callOffSweep?.()
    this.#callOffSweep = undefined
    for (const list of this.#lists.values()) list.disarm?.()
    this.#lists.clear()
    this.#latest = undefined
  }

  #listOf(durationMs: number): DeadlineList {
    const list = this.#lists.get(durationMs) ?? { durationMs, first: undefined, last: undefined, disarm: undefined }
    this.#lists.set(durationMs, list)
    this.#latest = list
    return list
  }

  /** With nothing to wait for, no timer is to keep the process alive; in a chain the next deadline comes a moment later. */
  #disarmSoon(): void {
    this.#callOffSweep ??= this.#clock.schedule(this.#sweep, 0)
  }

  readonly #sweep = (): void => {
    this.#callOffSweep = undefined
    if (this.#size === 0) this.close()
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
    if (list.first === undefined) this.#forget(list)
    else if (list.disarm === undefined) this.#arm(list, list.first.dueAt - now)
  }

  #forget(list: DeadlineList): void {
    this.#lists.delete(list.durationMs)
    if (this.#latest === list) this.#latest = undefined
  }
}
