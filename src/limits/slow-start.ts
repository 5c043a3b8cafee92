/** The ticket of an attempt that started while nothing was bounded. */
const UNBOUNDED = -1

/**
 * Limits the attempts in flight after a cooldown: one at first, twice as many with each answer, until the normal limit is reached.
 *
 * An attempt that has no answer by its deadline was not refused: it no longer blocks others, and doubles the limit as an answer does. So
 * neither an agent that works for an hour nor one that hangs keeps a pool at one attempt.
 *
 * An answer to an attempt from before the cooldown raises the limit by one. So after a short cooldown with many attempts in flight, starts
 * follow answers at once; after a long one they begin slowly. Attempts from before are not counted as in flight: some may hang for an hour.
 */
export class SlowStart {
  #limit = Number.POSITIVE_INFINITY
  #lastTicket = 0
  /** The last ticket of an attempt that started before the latest cooldown had ended. */
  #lastBefore = 0
  /** By ticket, until when each attempt blocks others. */
  readonly #deadlines = new Map<number, number>()

  get hasRoom(): boolean {
    return this.#deadlines.size < this.#limit
  }

  /** When `expire` makes room; `Infinity` while there is room. */
  get nextRoomAt(): number {
    if (this.hasRoom) return Number.POSITIVE_INFINITY
    let first = Number.POSITIVE_INFINITY
    for (const deadline of this.#deadlines.values()) first = Math.min(first, deadline)
    return first
  }

  /** A cooldown has ended. */
  begin(): void {
    this.#limit = 1
    this.#lastBefore = this.#lastTicket
    this.#deadlines.clear()
  }

  /** False for an attempt from before the cooldown while starts are limited: it is not among those that the slow start has let start. */
  includes(ticket: number): boolean {
    return this.#limit === Number.POSITIVE_INFINITY || ticket > this.#lastBefore
  }

  /** An attempt starts, and blocks others until `deadline` at most. Returns the ticket for `answered` and `released`. */
  started(deadline: number): number {
    if (this.#limit === Number.POSITIVE_INFINITY) return UNBOUNDED
    this.#deadlines.set(++this.#lastTicket, deadline)
    return this.#lastTicket
  }

  /** The backend has answered an attempt. `normalLimit`: how many may be in flight when no cooldown has ended lately. */
  answered(ticket: number, normalLimit: number): void {
    if (this.#limit === Number.POSITIVE_INFINITY) return
    this.#raise(this.#deadlines.has(ticket) ? 2 * this.#limit : this.#limit + 1, normalLimit)
  }

  /** The attempt holds no slot any more. */
  released(ticket: number): void {
    this.#deadlines.delete(ticket)
  }

  /** Attempts whose deadline is up no longer block others. */
  expire(now: number, normalLimit: number): void {
    for (const [ticket, deadline] of this.#deadlines) {
      if (deadline > now) continue
      this.#deadlines.delete(ticket)
      this.#raise(2 * this.#limit, normalLimit)
    }
  }

  #raise(limit: number, normalLimit: number): void {
    this.#limit = limit >= normalLimit ? Number.POSITIVE_INFINITY : limit
    if (this.#limit === Number.POSITIVE_INFINITY) this.#deadlines.clear()
  }
}
