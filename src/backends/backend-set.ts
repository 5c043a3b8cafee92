import type { Clock } from '../clock.js'
import type { AgentBackend } from './agent-backend.js'
import type { BreakerOptions, BreakerState } from './circuit-breaker.js'
import { type BackendPreference, FailoverList, type PoolBackend } from './failover.js'
import { HealthMonitor, type HealthOptions } from './health-check.js'

/** How a backend of a pool is. */
export interface BackendStats {
  readonly name: string
  /** Of the agent, as the backend says it. */
  readonly version?: string
  readonly healthy: boolean
  /** Why it is not. */
  readonly reason?: string
  readonly breaker: BreakerState
}

/** What the backends of a pool need. */
export interface BackendSetOptions {
  readonly pool: string
  readonly backends: readonly AgentBackend[]
  readonly breaker?: BreakerOptions
  readonly health?: HealthOptions
  readonly clock: Clock
  /** A backend became ill (`rung.trouble` says why) or well again. */
  readonly onHealthChange: (rung: PoolBackend) => void
  /** An answer of `health()` that a claim waited for is there. */
  readonly onChecked: () => void
}

const DEFAULT_EVERY_MS = 5_000

/** Which backend the next attempt gets, and how each of them is: circuit breakers, and checks while the pool has runs. */
export class BackendSet {
  /** The one backend of the pool, while it is well: then there is nothing to choose. */
  onlyHealthy: PoolBackend | undefined
  /** True while a claim waits for the answer of `health()`. */
  isChecking = false
  /** A check before each claim is wanted, and there is something to check. */
  readonly checksBeforeEach: boolean
  readonly #ladder: FailoverList
  readonly #watches = new Map<PoolBackend, HealthMonitor>()
  readonly #setup: BackendSetOptions
  #justChecked: PoolBackend | undefined

  /** @throws INVALID_INPUT without a backend, and for two of one name. */
  constructor(setup: BackendSetOptions) {
    const { pool, backends, breaker, health = {}, clock } = setup
    this.#setup = setup
    const changed = (rung: PoolBackend): void => this.#changed(rung)
    this.#ladder = new FailoverList({ pool, backends, ...(breaker && { breaker }), changed })
    for (const rung of this.#ladder.rungs) {
      if (rung.backend.health === undefined) continue
      const found = (healthy: boolean, reason: string | undefined): void => rung.setHealth(healthy, reason)
      this.#watches.set(rung, new HealthMonitor(clock, rung.backend, health, found))
    }
    this.checksBeforeEach = health.beforeEach === true && this.#watches.size > 0
    this.#lookForOnly()
  }

  get preferred(): AgentBackend {
    return (this.#ladder.rungs[0] as PoolBackend).backend
  }

  get all(): readonly AgentBackend[] {
    return this.#ladder.rungs.map(rung => rung.backend)
  }

  /** The backend for the next attempt; undefined when none may be used now. */
  pick(now: number, wanted?: BackendPreference): PoolBackend | undefined {
    return this.#ladder.pick(now, wanted)
  }

  /** When `pick` is worth another try at the latest: when the first breaker opens, else after the next health check. */
  opensAt(now: number): number {
    const at = this.#ladder.opensAt(now)
    return at === Number.POSITIVE_INFINITY ? now + (this.#setup.health?.everyMs ?? DEFAULT_EVERY_MS) : at
  }

  /** How many others could take an attempt now. */
  alternatives(now: number, than: PoolBackend): number {
    let others = 0
    for (const rung of this.#ladder.rungs) if (rung !== than && rung.canStart(now)) others++
    return others
  }

  /** Checks from now on, again and again. */
  start(): void {
    for (const watch of this.#watches.values()) watch.start()
  }

  stop(): void {
    for (const watch of this.#watches.values()) watch.stop()
  }

  /** True when `health()` has just said that all is well. If not it is asked, and `checked` is called: what claims then, may. */
  isCheckedNow(rung: PoolBackend): boolean {
    const watch = this.checksBeforeEach ? this.#watches.get(rung) : undefined
    if (watch === undefined || this.#justChecked === rung) return true
    this.isChecking = true
    void watch.check().then(() => {
      this.isChecking = false
      this.#justChecked = rung
      this.#setup.onChecked()
      this.#justChecked = undefined
    })
    return false
  }

  stats(now: number): readonly BackendStats[] {
    return this.#ladder.rungs.map(({ name, backend, breaker, unhealthyReason: trouble }) => ({
      name,
      ...(backend.version !== undefined && { version: backend.version }),
      healthy: trouble === undefined,
      ...(trouble !== undefined && { reason: trouble }),
      breaker: breaker.stateAt(now),
    }))
  }

  #changed(rung: PoolBackend): void {
    this.#lookForOnly()
    this.#setup.onHealthChange(rung)
  }

  #lookForOnly(): void {
    const [first, second] = this.#ladder.rungs as readonly [PoolBackend, PoolBackend?]
    this.onlyHealthy = second === undefined && first.unhealthyReason === undefined ? first : undefined
  }
}
