/** What is known of a provider that has refused attempts (`throttled`, `quota`) since its last answer. */
export type RefusalCounts = {
  /** How many attempts in a row. */
  readonly attempts: number
  /** Since the first of them, in milliseconds. */
  readonly forMs: number
  /** How often it has named a time, and refused again after that. */
  readonly broken: number
}

/** Counts the attempts that a provider has refused in a row. Pure: times are arguments, in monotonic milliseconds. */
export class Refusals {
  #attempts = 0
  #since = 0
  #broken = 0
  /** The time that the provider has named last. */
  #namedAt = Number.POSITIVE_INFINITY

  countsAt(now: number): RefusalCounts {
    const forMs = this.#attempts === 0 ? 0 : Math.max(0, now - this.#since)
    return { attempts: this.#attempts, forMs, broken: this.#broken }
  }

  /** An attempt was refused. `retryAfterMs`: the wait that the provider names. */
  refused(now: number, retryAfterMs?: number): void {
    if (this.#attempts === 0) this.#since = now
    this.#attempts++
    if (now >= this.#namedAt) this.#broken++
    // Attempts that are refused together name the same time.
    if (now >= this.#namedAt || this.#namedAt === Number.POSITIVE_INFINITY)
      this.#namedAt = retryAfterMs === undefined ? Number.POSITIVE_INFINITY : now + retryAfterMs
  }

  /** An attempt was answered, or has run for long without being refused. One from before the first refusal shows nothing. */
  accepted(startedAt: number): void {
    if (this.#attempts === 0 || startedAt < this.#since) return
    this.#attempts = 0
    this.#broken = 0
    this.#namedAt = Number.POSITIVE_INFINITY
  }
}
