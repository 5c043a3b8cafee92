import type { Clock } from '../../clock.js'
import type { InContext } from '../../core/async-context.js'
import type { RunState } from '../../core/state/run-state.js'
import type { Attempt } from './attempt.js'

/** What a {@link CallGate} works with. */
export interface CallGateOptions {
  readonly clock: Clock
  readonly head: RunState
  readonly durable: RunState
  /** Calls a function in the async context of the run. */
  readonly inContext: InContext
  /** Calls that were withheld may be made again, as far as this run is concerned. */
  onOpen(): void
}

/**
 * Decides whether the backend of an attempt whose start is durable may be called: not while the run is paused, nor when its pool has been
 * paused, parked or lowered since the attempt got its slot. Such an attempt gives its slot back, and waits in its pool.
 */
export class CallGate {
  readonly #options: CallGateOptions
  /** Pauses that have been requested and not decided yet. */
  #pausing = 0
  /** Few attempts are withheld: without one, there is no map to look into. */
  #withheldMs: WeakMap<Attempt, number> | undefined

  constructor(options: CallGateOptions) {
    this.#options = options
  }

  /** True when the backend may be called now. */
  isOpenFor({ lease }: Attempt): boolean {
    return lease.mayCall && !this.#isPaused
  }

  /** Calls `retry` once there may be another answer, and the attempt has a slot again. */
  withhold(attempt: Attempt, retry: () => void): void {
    const { clock, inContext } = this.#options
    const from = clock.monotonic()
    const onSlot = (): void => {
      this.#withheldMs ??= new WeakMap()
      this.#withheldMs.set(attempt, this.withheldMs(attempt) + clock.monotonic() - from)
      // The slot may be that of another run (trap 10).
      inContext(retry)
    }
    attempt.lease.withhold(() => this.#isPaused, onSlot)
  }

  /** How long the attempt was withheld, in milliseconds. */
  withheldMs(attempt: Attempt): number {
    return this.#withheldMs?.get(attempt) ?? 0
  }

  /** The run is to be paused: closed from now on, whatever was decided before, until it is known whether the pause is durable. */
  closeDuring(pause: Promise<unknown>): void {
    this.#pausing++
    const onDecided = (): void => {
      this.#pausing--
      this.#options.onOpen()
    }
    pause.then(onDecided, onDecided)
  }

  /** The run is no longer paused (it may be stopping), and that is durable. */
  onUnpaused(): void {
    this.#options.onOpen()
  }

  /** A pause holds from its call on, its end from when it is durable on. What drains is not called any more. */
  get #isPaused(): boolean {
    const { status } = this.#options.head.phase
    const isHeld = status === 'paused' || status === 'draining' || this.#options.durable.phase.status === 'paused'
    return this.#pausing > 0 || isHeld
  }
}
