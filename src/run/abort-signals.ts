/** A run that a signal can cancel. */
interface Cancellable {
  cancel(reason: string): unknown
  /** Calls `cleanup` when the run has ended. */
  onEnd(cleanup: () => void): void
}

/** Cancels runs when their AbortSignal is aborted. Adds one listener per signal, however many runs share it. */
export class AbortSignals {
  readonly #fanouts = new WeakMap<AbortSignal, AbortFanout>()

  cancelOnAbort(run: Cancellable, signal: AbortSignal): void {
    if (signal.aborted) return void run.cancel(abortReasonOf(signal))
    const fanout = this.#fanouts.get(signal) ?? new AbortFanout(signal)
    this.#fanouts.set(signal, fanout)
    run.onEnd(fanout.add(reason => void run.cancel(reason)))
  }
}

/** The runs that one AbortSignal cancels. Adds one listener to the signal for all of them, and removes it when there are none. */
class AbortFanout {
  readonly #signal: AbortSignal
  readonly #cancels = new Set<(reason: string) => void>()
  readonly #onAbort = (): void => {
    for (const cancel of [...this.#cancels]) cancel(abortReasonOf(this.#signal))
  }

  constructor(signal: AbortSignal) {
    this.#signal = signal
  }

  /** Gives a function that removes `cancel` again. */
  add(cancel: (reason: string) => void): () => void {
    if (this.#cancels.size === 0) this.#signal.addEventListener('abort', this.#onAbort, { once: true })
    this.#cancels.add(cancel)
    return () => {
      this.#cancels.delete(cancel)
      if (this.#cancels.size === 0) this.#signal.removeEventListener('abort', this.#onAbort)
    }
  }
}

/** Why a run is cancelled by its signal: the message of the abort reason, if the host gave one. */
function abortReasonOf({ reason }: AbortSignal): string {
  return reason instanceof Error && reason.name !== 'AbortError' ? reason.message : 'cancelled by its signal'
}
