import type { Clock } from '../../clock.js'
import { OneShotTimer } from '../../limits/one-shot-timer.js'
import type { Concurrency } from './concurrency.js'

/** Free memory is looked at again after this time, in milliseconds. */
const LOOK_AGAIN_MS = 1_000

/** Keeps processes back while there is too little memory for another one. */
export class MemoryGate {
  /** True until it is looked at again. */
  isClosed = false
  readonly #concurrency: Concurrency
  readonly #recheck: OneShotTimer

  /** `opened` is called when it is worth another try. */
  constructor(clock: Clock, concurrency: Concurrency, opened: () => void) {
    this.#concurrency = concurrency
    this.#recheck = new OneShotTimer(clock, () => {
      this.isClosed = false
      opened()
    })
  }

  /** True when one more may start beside the `running` ones. */
  admits(now: number, running: number): boolean {
    if (this.#concurrency.hasMemory(now, running)) return true
    this.isClosed = true
    this.#recheck.fireBy(now + LOOK_AGAIN_MS)
    return false
  }

  /** Nobody waits any more. */
  rest(): void {
    this.isClosed = false
    this.#recheck.cancel()
  }
}
