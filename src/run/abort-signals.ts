import { nonEmptyString } from '../backends/safe-read.js'
import { readMember } from '../core/read-member.js'

/** A run that a signal can cancel. */
interface Cancellable {
  cancel(reason: string): unknown
  /** Calls `cleanup` when the run has ended. */
  onEnd(cleanup: () => void): void
}

/** What each AbortSignal of a host calls when it is aborted. */
const fanouts = new WeakMap<AbortSignal, AbortFanout>()

/**
 * Calls `listener` when `signal` is aborted. Gives a function that removes it. Adds one listener to the signal, however many runs and
 * readers share it: Node warns of a leak from the eleventh on.
 */
export function onAbort(signal: AbortSignal, listener: () => void): () => void {
  const fanout = fanouts.get(signal) ?? new AbortFanout(signal)
  fanouts.set(signal, fanout)
  return fanout.add(listener)
}

/** Cancels the run when `signal` is aborted. */
export function cancelOnAbort(run: Cancellable, signal: AbortSignal): void {
  if (signal.aborted) return void run.cancel(abortReasonOf(signal))
  run.onEnd(onAbort(signal, () => void run.cancel(abortReasonOf(signal))))
}

class AbortFanout {
  readonly #signal: AbortSignal
  readonly #listeners = new Set<() => void>()
  readonly #onAbort = (): void => {
    for (const listener of [...this.#listeners]) listener()
  }

  constructor(signal: AbortSignal) {
    this.#signal = signal
  }

  add(listener: () => void): () => void {
    if (this.#listeners.size === 0) this.#signal.addEventListener('abort', this.#onAbort, { once: true })
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
      if (this.#listeners.size === 0) this.#signal.removeEventListener('abort', this.#onAbort)
    }
  }
}

/** Why a run is cancelled by its signal: the abort reason, or its message, if the host gave a text. Never throws. */
function abortReasonOf(signal: AbortSignal): string {
  const reason = readMember(signal, 'reason')
  const text =
    readMember(reason, 'name') === 'AbortError'
      ? undefined
      : (nonEmptyString(reason) ?? nonEmptyString(readMember(reason, 'message')))
  return text ?? 'cancelled by its signal'
}
