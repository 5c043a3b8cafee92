import type { Deadline, DeadlineList, Deadlines } from './deadlines.js'

/** The longest time between two signs of life of one attempt. */
export class IdleWatch implements Deadline {
  dueAt = 0
  previous: Deadline | undefined
  next: Deadline | undefined
  list: DeadlineList | undefined
  readonly expire: () => void
  readonly #deadlines: Deadlines
  readonly #idleMs: number

  constructor(deadlines: Deadlines, idleMs: number, expire: () => void) {
    this.#deadlines = deadlines
    this.#idleMs = idleMs
    this.expire = expire
    deadlines.add(idleMs, this)
  }

  /** A sign of life. */
  beat(): void {
    if (this.list === undefined) return
    this.#deadlines.remove(this)
    this.#deadlines.add(this.#idleMs, this)
  }

  stop(): void {
    this.#deadlines.remove(this)
  }
}
