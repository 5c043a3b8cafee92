import * as z from 'zod'
import type { Clock } from '../clock.js'
import { captureContext } from '../core/async-context.js'
import { once } from '../core/once.js'
import type { Complete } from '../core/with-defaults.js'
import { millis, optionsOf, positiveMs } from '../options-check.js'
import { failureOf } from './classify-error.js'
import { cleanText } from './redact.js'

/** How the health of a pool's backends is checked. Applies to backends with a `health()`. */
export type HealthOptions = {
  /** From the end of a check to the next, in milliseconds, while the pool has runs. Default 5,000. */
  readonly everyMs?: number | undefined
  /** Also check before each attempt. Attempts that wait at the same time share one check. Default false. */
  readonly beforeEach?: boolean | undefined
  /** With `beforeEach`: an answer younger than this, in milliseconds, is used again. Default 0: each time a new check. */
  readonly freshMs?: number | undefined
  /** A backend that has not answered after this time, in milliseconds, is unhealthy. Default 5,000. */
  readonly timeoutMs?: number | undefined
}

/** The rule for {@link HealthOptions}. */
export const healthRule: () => z.ZodType = once(() =>
  optionsOf({
    everyMs: positiveMs,
    beforeEach: z.boolean(),
    freshMs: millis,
    timeoutMs: positiveMs,
  }).partial(),
)

/** An answer of `health()`. `undefined` means healthy; `message` says why it is not. */
export type Health =
  | boolean
  | { readonly healthy: boolean; readonly message?: string | undefined }
  | undefined
  // biome-ignore lint/suspicious/noConfusingVoidType: a function that throws or returns nothing is typed so.
  | void

/** The part of a backend that is checked. A backend that throws or rejects is unhealthy. */
export interface HealthCheck {
  /** A backend without this method is always healthy. */
  health?(): Health | PromiseLike<Health>
}

/**
 * Checks one backend periodically between `start` and `stop`, and on each call of `check`. A backend counts as healthy before its first
 * check. An answer that comes after the timeout is ignored.
 *
 * Invariants: at most one check at a time. At most one timer; between `stop` and `start` only that of a pending `check`.
 * Every `check` resolves within `timeoutMs`, whatever the backend does.
 */
export class HealthMonitor {
  readonly #clock: Clock
  readonly #backend: HealthCheck
  readonly #options: Complete<Omit<HealthOptions, 'beforeEach'>>
  readonly #onChange: (healthy: boolean, reason: string | undefined) => void
  readonly #inContext = captureContext()
  #healthy = true
  #isStarted = false
  #checkedAt = Number.NEGATIVE_INFINITY
  #pending: Promise<boolean> | undefined
  /** Resolves the pending check. */
  #resolve: (healthy: boolean) => void = () => {}
  /** Cancels the timeout of the pending check, or the timer of the next check. */
  #cancelTimer: () => void = () => {}

  /** `onChange` is called when the backend becomes unhealthy, with the reason, or healthy again. */
  constructor(
    clock: Clock,
    backend: HealthCheck,
    options: HealthOptions,
    onChange: (healthy: boolean, reason: string | undefined) => void,
  ) {
    const { everyMs = 5_000, freshMs = 0, timeoutMs = 5_000 } = options
    this.#clock = clock
    this.#backend = backend
    this.#options = { everyMs, freshMs, timeoutMs }
    this.#onChange = onChange
  }

  /** The result of the last check; true before the first. */
  get healthy(): boolean {
    return this.#healthy
  }

  /** Checks now and then every `everyMs`. After a `stop` the first check waits until `everyMs` have passed since the last one. */
  start(): void {
    if (this.#isStarted || this.#backend.health === undefined) return
    this.#isStarted = true
    if (this.#pending !== undefined) return
    const waitMs = this.#checkedAt + this.#options.everyMs - this.#clock.monotonic()
    if (waitMs > 0) this.#scheduleCheck(waitMs)
    else void this.#begin()
  }

  /** Ends the periodic checks. A pending check is abandoned: its callers get the result of the one before. */
  stop(): void {
    this.#isStarted = false
    this.#cancelTimer()
    this.#resolve(this.#healthy)
    this.#pending = undefined
  }

  /**
   * Resolves to true when the backend is healthy: by the pending check if there is one, else by the last one if it is younger than
   * `freshMs`, else by a new one. True for a backend without `health()`. Never rejects.
   */
  check(): Promise<boolean> {
    if (this.#pending !== undefined) return this.#pending
    if (this.#backend.health === undefined) return Promise.resolve(true)
    if (this.#clock.monotonic() - this.#checkedAt < this.#options.freshMs) return Promise.resolve(this.#healthy)
    return this.#begin()
  }

  #begin(): Promise<boolean> {
    this.#cancelTimer()
    const pending = new Promise<boolean>(resolve => {
      this.#resolve = resolve
    })
    const end = (unhealthyReason: string | undefined): void => {
      if (this.#pending === pending) this.#end(unhealthyReason)
    }
    this.#pending = pending
    const { timeoutMs } = this.#options
    // A run may have led here, and a pool belongs to none.
    this.#inContext(() => {
      this.#cancelTimer = this.#clock.schedule(() => end(`health() did not answer within ${timeoutMs} ms`), timeoutMs)
      void unhealthyReasonOf(this.#backend).then(end)
    })
    return pending
  }

  #end(unhealthyReason: string | undefined): void {
    this.#cancelTimer()
    const healthy = unhealthyReason === undefined
    const hasChanged = healthy !== this.#healthy
    this.#healthy = healthy
    this.#checkedAt = this.#clock.monotonic()
    this.#pending = undefined
    this.#resolve(healthy)
    if (this.#isStarted) this.#scheduleCheck(this.#options.everyMs)
    if (hasChanged) this.#onChange(healthy, unhealthyReason)
  }

  #scheduleCheck(waitMs: number): void {
    this.#cancelTimer = this.#clock.schedule(() => void this.#begin(), waitMs)
  }
}

/** Undefined when the backend is healthy. Never rejects; may never settle. */
async function unhealthyReasonOf(backend: HealthCheck): Promise<string | undefined> {
  try {
    return reasonIn(await backend.health?.())
  } catch (error) {
    return `health() failed: ${failureOf(error).message}`
  }
}

function reasonIn(answer: unknown): string | undefined {
  if (answer === undefined || answer === true) return undefined
  if (answer === false) return 'health() answered false'
  const { healthy, message } = (answer ?? {}) as { readonly healthy?: unknown; readonly message?: unknown }
  if (healthy === true) return undefined
  if (healthy === false)
    return typeof message === 'string' && message !== '' ? cleanText(message) : 'health() answered false'
  const got = answer === null ? 'null' : typeof answer
  return `health(): expected true or false, { healthy: true or false, message? }, or nothing; got ${got}`
}
