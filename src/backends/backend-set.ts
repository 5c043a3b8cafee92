import type { Clock } from '../clock.js'
import type { AgentBackend, AgentFunction } from './agent-backend.js'
import { type BreakerOptions, type BreakerState, DEFAULT_PROBE_MS } from './circuit-breaker.js'
import { type BackendPreference, pickBackend } from './failover.js'
import { HealthMonitor, type HealthOptions } from './health-check.js'
import { backendNames, PoolBackend } from './pool-backend.js'

/** The state of a backend of a pool. */
export type BackendStats = {
  readonly name: string
  /** The `version` of the backend. */
  readonly version?: string
  readonly healthy: boolean
  /** Why it is unhealthy. */
  readonly reason?: string
  readonly breaker: BreakerState
}

/** What a {@link BackendSet} is made of. */
export interface BackendSetOptions {
  /** The name of the pool. */
  readonly pool: string
  /** Sorted by preference, the cheapest last. None: the pool runs only tasks with a function of their own. */
  readonly backends: readonly (AgentBackend | AgentFunction)[]
  readonly breaker?: BreakerOptions | undefined
  readonly health?: HealthOptions | undefined
  readonly clock: Clock
  /** A backend became unhealthy (`unhealthyReason` says why), or healthy again. */
  readonly onHealthChange: (backend: PoolBackend) => void
  /** A backend admits attempts from another time on. */
  readonly onAdmissionChange?: () => void
  /** A check that `isCheckedNow` has started is done: the pool may claim again. */
  readonly onChecked: () => void
}

const DEFAULT_EVERY_MS = 5_000

/** The backends of a pool with their circuit breakers and health monitors. Chooses the backend of the next attempt. */
export class BackendSet {
  /** The backend of a pool that has only one, while it is healthy: the fast path of a claim. */
  onlyHealthy: PoolBackend | undefined
  /** True while a claim waits for an answer of `health()`. */
  isChecking = false
  /** True when a check is required before each attempt, and a backend has a `health()`. */
  readonly checksBeforeEach: boolean
  /** After this time, in milliseconds, an attempt that has no answer no longer blocks others. */
  readonly probeMs: number
  readonly #backends: readonly PoolBackend[]
  readonly #monitors = new Map<PoolBackend, HealthMonitor>()
  readonly #options: BackendSetOptions
  #justChecked: PoolBackend | undefined

  /** @throws INVALID_INPUT for two of the same name. */
  constructor(options: BackendSetOptions) {
    const { pool, breaker, health = {}, clock } = options
    const backends = options.backends.map(backend => (typeof backend === 'function' ? { run: backend } : backend))
    this.#options = options
    this.probeMs = breaker?.probeMs ?? DEFAULT_PROBE_MS
    const names = backendNames(pool, backends)
    const onChange = (backend: PoolBackend): void => {
      this.#updateOnlyHealthy()
      options.onHealthChange(backend)
    }
    const { onAdmissionChange } = options
    this.#backends = backends.map(
      (backend, i) => new PoolBackend(names[i] as string, backend, breaker, onChange, onAdmissionChange),
    )
    for (const backend of this.#backends) {
      if (backend.backend.health === undefined) continue
      const onCheck = (healthy: boolean, reason: string | undefined): void => backend.setHealth(healthy, reason)
      this.#monitors.set(backend, new HealthMonitor(clock, backend.backend, health, onCheck))
    }
    this.checksBeforeEach = health.beforeEach === true && this.#monitors.size > 0
    this.#updateOnlyHealthy()
  }

  /** The first of the list; undefined when there is none. */
  get preferred(): AgentBackend | undefined {
    return this.#backends[0]?.backend
  }

  /** Sorted by preference. */
  get all(): readonly AgentBackend[] {
    return this.#backends.map(({ backend }) => backend)
  }

  /** The backend for the next attempt; undefined when none may be used now. Notify its breaker when the attempt starts. */
  pick(now: number, preference?: BackendPreference): PoolBackend | undefined {
    return pickBackend(this.#backends, now, preference)
  }

  /** When to call `pick` again at the latest: when the first breaker admits a probe, else after the next health check. */
  opensAt(now: number): number {
    const at = Math.min(...this.#backends.map(backend => backend.opensAt(now)))
    return at === Number.POSITIVE_INFINITY ? now + (this.#options.health?.everyMs ?? DEFAULT_EVERY_MS) : at
  }

  /** How many other backends could take an attempt now. */
  alternatives(now: number, than: PoolBackend): number {
    return this.#backends.filter(backend => backend !== than && backend.canStart(now)).length
  }

  /** Starts the periodic health checks. */
  start(): void {
    for (const monitor of this.#monitors.values()) monitor.start()
  }

  /** Stops the periodic health checks. */
  stop(): void {
    for (const monitor of this.#monitors.values()) monitor.stop()
  }

  /** True when the backend was checked just now, or needs no check. Else starts a check; claims made in `onChecked` find it true. */
  isCheckedNow(backend: PoolBackend): boolean {
    const monitor = this.checksBeforeEach ? this.#monitors.get(backend) : undefined
    if (monitor === undefined || this.#justChecked === backend) return true
    this.isChecking = true
    void monitor.check().then(() => {
      this.isChecking = false
      this.#justChecked = backend
      this.#options.onChecked()
      this.#justChecked = undefined
    })
    return false
  }

  stats(now: number): readonly BackendStats[] {
    return this.#backends.map(({ name, backend, breaker, unhealthyReason }) => ({
      name,
      ...(backend.version !== undefined && { version: backend.version }),
      healthy: unhealthyReason === undefined,
      ...(unhealthyReason !== undefined && { reason: unhealthyReason }),
      breaker: breaker.stateAt(now),
    }))
  }

  #updateOnlyHealthy(): void {
    const [first, second] = this.#backends
    this.onlyHealthy = second === undefined && first?.unhealthyReason === undefined ? first : undefined
  }
}
