/**
 * An AbortController that is created when its signal is first read. Creating one costs 2 us on Node 20, more than the rest of an attempt,
 * and many backends never read the signal.
 */
export class LazyAbort {
  #controller: AbortController | undefined
  #reason: unknown

  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    if (this.#reason !== undefined) this.#controller.abort(this.#reason)
    return this.#controller.signal
  }

  /** `reason` must not be undefined. */
  abort(reason: unknown): void {
    this.#reason = reason
    this.#controller?.abort(reason)
  }
}
