import type { Clock } from '../clock.js'
import { failureOf } from './classify-error.js'

/** How the health of a pool's backends is watched: of those that have a `health()`. */
export interface HealthOptions {
  /** From the end of a check to the next, in milliseconds, while the pool has something to do. Default 5,000. */
  readonly everyMs?: number
  /** Also before each attempt: it waits for the answer, together with the others that wait at the time. Default false. */
  readonly beforeEach?: boolean
  /** With `beforeEach`: an answer that is younger than this is taken again, in milliseconds. Default 0: each time a new one. */
  readonly freshMs?: number
  /** A backend that has not answered after so long is unhealthy, in milliseconds. Default 5,000. */
  readonly timeoutMs?: number
}

/** What `health()` answers. Nothing at all is healthy; `message` says why it is not. */
export type Health =
  | boolean
  | { readonly healthy: boolean; readonly message?: string }
  | undefined
  // biome-ignore lint/suspicious/noConfusingVoidType: a function that throws or returns nothing is typed so.
  | void

/** The part of a backend that is watched. To throw or reject is to be unhealthy. */
export interface HealthCheck {
  /** How it is. Not asked of a backend that has no such method. */
  health?(): Health | PromiseLike<Health>
}

/**
 * Asks one backend how it is, again and again between `start` and `stop`, and whenever `check` is called. A backend is thought to be
 * healthy until it is asked. What it answers after its time is up changes nothing.
 *
 * Invariants: no two checks at once. At most one timer, and none between `stop` and `start` but that of a `check` which is under way.
 * Every `check` is answered, with true or false, after `timeoutMs` at the latest, whatever the backend does.
 */
export class HealthMonitor {
  readonly #clock: Clock
  readonly #backend: HealthCheck
  readonly #options: Required<Omit<HealthOptions, 'beforeEach'>>
  readonly #changed: (healthy: boolean, reason: string | undefined) => void
  #healthy = true
  #watching = false
  #checkedAt = Number.NEGATIVE_INFINITY
  #underWay: { readonly answer: Promise<boolean>; readonly settle: (healthy: boolean) => void } | undefined
  /** The timeout of the check that is under way, else the next check. */
  #callOffTimer: () => void = () => {}

  /** `changed` hears of each turn from healthy to unhealthy, with the reason, and back; not of each check. */
  constructor(
    clock: Clock,
    backend: HealthCheck,
    options: HealthOptions,
    changed: (healthy: boolean, reason: string | undefined) => void,
  ) {
    const { everyMs = 5_000, freshMs = 0, timeoutMs = 5_000 } = options
    this.#clock = clock
    this.#backend = backend
    this.#options = { everyMs, freshMs, timeoutMs }
    this.#changed = changed
  }

  /** What the last check found; true before the first. */
  get healthy(): boolean {
    return this.#healthy
  }

  /** Checks now, and every `everyMs` from then on. After a `stop` the first check waits until `everyMs` have passed since the last one. */
  start(): void {
    if (this.#watching || this.#backend.health === undefined) return
    this.#watching = true
    if (this.#underWay !== undefined) return
    const waitMs = this.#checkedAt + this.#options.everyMs - this.#clock.monotonic()
    if (waitMs > 0) this.#callOffTimer = this.#clock.schedule(() => void this.#begin(), waitMs)
    else void this.#begin()
  }

  /** Checks no more. A check that is under way is given up: whoever waits for it is told what the one before found. */
  stop(): void {
    this.#watching = false
    this.#callOffTimer()
    this.#underWay?.settle(this.#healthy)
    this.#underWay = undefined
  }

  /**
   * Resolves to true when the backend is healthy: by the check that is under way, else by the last one if it is younger than `freshMs`,
   * else by a new one. True for a backend without `health()`. Never rejects.
   */
  check(): Promise<boolean> {
    if (this.#underWay !== undefined) return this.#underWay.answer
    if (this.#backend.health === undefined) return Promise.resolve(true)
    if (this.#clock.monotonic() - this.#checkedAt < this.#options.freshMs) return Promise.resolve(this.#healthy)
    return this.#begin()
  }

  #begin(): Promise<boolean> {
    this.#callOffTimer()
    let settle: (healthy: boolean) => void = () => {}
    const answer = new Promise<boolean>(resolve => {
      settle = resolve
    })
    const check = { answer, settle }
    const heard = (trouble: string | undefined): void => {
      if (this.#underWay === check) this.#end(trouble)
    }
    this.#underWay = check
    const { timeoutMs } = this.#options
    this.#callOffTimer = this.#clock.schedule(() => heard(`health() did not answer within ${timeoutMs} ms`), timeoutMs)
    void troubleOf(this.#backend).then(heard)
    return answer
  }

  #end(trouble: string | undefined): void {
    this.#callOffTimer()
    const healthy = trouble === undefined
    const turned = healthy !== this.#healthy
    this.#healthy = healthy
    this.#checkedAt = this.#clock.monotonic()
    this.#underWay?.settle(healthy)
    this.#underWay = undefined
    if (this.#watching) this.#callOffTimer = this.#clock.schedule(() => void this.#begin(), this.#options.everyMs)
    if (turned) this.#changed(healthy, trouble)
  }
}

/** What is wrong with the backend; undefined when it is healthy. Rejects never; may be pending for ever. */
async function troubleOf(backend: HealthCheck): Promise<string | undefined> {
  try {
    return meaning(await backend.health?.())
  } catch (error) {
    return `health() failed: ${failureOf(error).message}`
  }
}

function meaning(answer: unknown): string | undefined {
  if (answer === undefined || answer === true) return undefined
  if (answer === false) return 'health() answered false'
  const { healthy, message } = (answer ?? {}) as { readonly healthy?: unknown; readonly message?: unknown }
  if (healthy === true) return undefined
  if (healthy === false) return typeof message === 'string' && message !== '' ? message : 'health() answered false'
  const got = answer === null ? 'null' : typeof answer
  return `health(): expected true or false, { healthy: true or false, message? }, or nothing; got ${got}`
}
