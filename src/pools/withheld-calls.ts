/** An attempt that has been decided, and whose backend may not be called now. It holds no slot and nothing of a limit. */
export interface WithheldCall {
  /** True while its run is paused. */
  isHeld(): boolean
  /** From when on its backend admits it (ms of the clock's `monotonic`): `now`, later, or `Infinity` until a health check has succeeded. */
  opensAt(now: number): number
  /** How many tokens it is expected to use. */
  readonly tokens: number
  /** Takes a slot, and its part of the limits, again. Then its backend is called. */
  takeBack(now: number): void
}

/**
 * The withheld calls of a pool, in order. Between the claim of a slot and the call of the backend, the start of an attempt becomes durable.
 * The pool may be paused or parked, or its limits lowered, meanwhile. The attempt has started, so that it cannot return to the queue of
 * its run. Here it waits before all that is queued.
 */
export class WithheldCalls {
  readonly #calls: WithheldCall[] = []

  get size(): number {
    return this.#calls.length
  }

  add(call: WithheldCall): void {
    this.#calls.push(call)
  }

  remove(call: WithheldCall): void {
    const position = this.#calls.indexOf(call)
    if (position !== -1) this.#calls.splice(position, 1)
  }

  /** The one that may be made next, as far as its run and its backend are concerned. */
  next(now: number): WithheldCall | undefined {
    return this.#calls.find(call => !call.isHeld() && call.opensAt(now) <= now)
  }

  /** When to ask `next` again; `Infinity`: when something has changed. */
  nextAt(now: number): number {
    return Math.min(...this.#calls.filter(call => !call.isHeld()).map(call => call.opensAt(now)))
  }
}
