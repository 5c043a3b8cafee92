import { Refusals } from '../core/failure/refusals.js'
import { invalid } from '../options-check.js'
import type { AgentBackend } from './agent-backend.js'
import { type BreakerOptions, CircuitBreaker } from './circuit-breaker.js'

/**
 * A backend of a pool. It is healthy while its breaker is closed and its last health check was good.
 * Invariants: `onHealthChange` is called exactly when it becomes unhealthy or healthy again, never for single attempts;
 * `onAdmissionChange` after it, and whenever `opensAt` changes otherwise than by the start of an attempt.
 */
export class PoolBackend {
  /** Unique in its pool. */
  readonly name: string
  readonly backend: AgentBackend
  /** Must be notified of every attempt on this backend. */
  readonly breaker: CircuitBreaker
  /** The attempts on it that were refused in a row. Must be notified likewise. */
  readonly refusals: Refusals = new Refusals()
  readonly #onHealthChange: (backend: PoolBackend) => void
  readonly #onAdmissionChange: () => void
  #failedCheck: string | undefined
  #isHealthy = true

  constructor(
    name: string,
    backend: AgentBackend,
    breaker: BreakerOptions | undefined,
    onHealthChange: (backend: PoolBackend) => void,
    onAdmissionChange: () => void = () => {},
  ) {
    this.name = name
    this.backend = backend
    this.#onHealthChange = onHealthChange
    this.#onAdmissionChange = onAdmissionChange
    this.breaker = new CircuitBreaker(breaker, () => this.#update(), onAdmissionChange)
  }

  /** Undefined when it is healthy. */
  get unhealthyReason(): string | undefined {
    return this.#failedCheck ?? this.breaker.reason
  }

  /** Sets the result of a health check. */
  setHealth(healthy: boolean, reason = 'the health check failed'): void {
    this.#failedCheck = healthy ? undefined : reason
    this.#update()
    this.#onAdmissionChange()
  }

  /** True when an attempt may start on it, be it as the probe of an unhealthy one. */
  canStart(now: number): boolean {
    return this.#failedCheck === undefined && this.breaker.canStart(now)
  }

  /** The latest time at which an attempt may start on it; `Infinity` when that depends on a health check. */
  opensAt(now: number): number {
    return this.#failedCheck === undefined ? (this.breaker.openUntil(now) ?? now) : Number.POSITIVE_INFINITY
  }

  #update(): void {
    const isHealthy = this.unhealthyReason === undefined
    if (isHealthy === this.#isHealthy) return
    this.#isHealthy = isHealthy
    this.#onHealthChange(this)
  }
}

/**
 * The names of the backends of a pool: their own, else the name of the pool for the first one, `pool#2` for the second, and so on.
 * @throws INVALID_INPUT for two of the same name.
 */
export function backendNames(pool: string, backends: readonly AgentBackend[]): readonly string[] {
  const names = backends.map((backend, i) => backend.name ?? (i === 0 ? pool : `${pool}#${i + 1}`))
  for (const [i, name] of names.entries()) {
    const twin = names.indexOf(name)
    if (twin !== i)
      throw invalid(`pools.${pool}.backends[${i}].name`, `a name other than that of backends[${twin}]`, name)
  }
  return names
}
