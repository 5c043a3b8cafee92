/** The runs that one AbortSignal cancels: one listener for all of them, and none when there are none. */
export class AbortFanout {
  readonly #signal: AbortSignal
  readonly #cancels = new Set<(reason: string) => void>()
  readonly #onAbort = (): void => {
    for (const cancel of [...this.#cancels]) cancel(reasonOf(this.#signal))
  }

  constructor(signal: AbortSignal) {
    this.#signal = signal
  }

  /** Gives a function that takes it out again. */
  add(cancel: (reason: string) => void): () => void {
    if (this.#cancels.size === 0) this.#signal.addEventListener('abort', this.#onAbort, { once: true })
    this.#cancels.add(cancel)
    return () => {
      this.#cancels.delete(cancel)
      if (this.#cancels.size === 0) this.#signal.removeEventListener('abort', this.#onAbort)
    }
  }
}

/** Why a run is cancelled by its signal. */
export function reasonOf({ reason }: AbortSignal): string {
  return reason instanceof Error && reason.name !== 'AbortError' ? reason.message : 'cancelled by its signal'
}
