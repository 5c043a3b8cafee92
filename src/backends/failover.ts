import { CounterpointError } from '../errors.js'
import type { AgentBackend } from './agent-backend.js'
import { type BreakerOptions, CircuitBreaker } from './circuit-breaker.js'

/** What is asked of a ladder for one attempt. */
export interface BackendPreference {
  /** A backend that comes after the one of this name, wrapping round; that one itself only when no other may be used. */
  readonly after?: string
  /** The last one that may be used, which is the cheapest. */
  readonly cheapest?: true
}

/** What a {@link FailoverList} is made of. */
export interface FailoverListOptions {
  /** The name of the pool: what its first backend is called that has no name; the others are `pool#2`, `pool#3`, by their places. */
  readonly pool: string
  /** The most wanted first, the cheapest last. */
  readonly backends: readonly AgentBackend[]
  readonly breaker?: BreakerOptions
  /** Told when a backend becomes ill (`rung.trouble` says why) or well again, never for single attempts. */
  readonly changed?: (rung: PoolBackend) => void
}

/**
 * A backend in its place on a ladder. It is well while its breaker is closed and its health checks find nothing.
 * Invariant: `changed` is called exactly when it has turned from well to ill or back.
 */
export class PoolBackend {
  readonly name: string
  readonly backend: AgentBackend
  /** To be told of every attempt on this rung. */
  readonly breaker: CircuitBreaker
  readonly #changed: (rung: PoolBackend) => void
  #unhealthy: string | undefined
  #wasWell = true

  constructor(
    name: string,
    backend: AgentBackend,
    breaker: BreakerOptions | undefined,
    changed: (rung: PoolBackend) => void,
  ) {
    this.name = name
    this.backend = backend
    this.#changed = changed
    this.breaker = new CircuitBreaker(breaker ?? {}, () => this.#look())
  }

  /** Why it is ill; undefined when it is well. */
  get unhealthyReason(): string | undefined {
    return this.#unhealthy ?? this.breaker.reason
  }

  /** What a health check found. After it `opensAt` may be another time, whether or not `changed` was called. */
  setHealth(healthy: boolean, reason = 'the health check failed'): void {
    this.#unhealthy = healthy ? undefined : reason
    this.#look()
  }

  /** True when an attempt may start on it: one that is ill may still be probed. */
  canStart(now: number): boolean {
    return this.#unhealthy === undefined && this.breaker.canStart(now)
  }

  /** When an attempt may start on it at the latest, in milliseconds of `now`; `Infinity` when only a health check can tell. */
  opensAt(now: number): number {
    return this.#unhealthy === undefined ? (this.breaker.openUntil(now) ?? now) : Number.POSITIVE_INFINITY
  }

  #look(): void {
    const well = this.unhealthyReason === undefined
    if (well === this.#wasWell) return
    this.#wasWell = well
    this.#changed(this)
  }
}

const ANY: BackendPreference = {}

/**
 * The backends of a pool, of which each attempt gets the first that may be used: so the pool fails over while the preferred one is ill
 * and comes back by itself. Once its time is up a single attempt probes it, while the others go on with the next.
 */
export class FailoverList {
  readonly rungs: readonly PoolBackend[]

  /** @throws INVALID_INPUT without a backend, and for two backends of one name: events and fail-over could not tell them apart. */
  constructor({ pool, backends, breaker, changed = () => {} }: FailoverListOptions) {
    const names = namesOf(pool, backends)
    this.rungs = backends.map((backend, i) => new PoolBackend(names[i] as string, backend, breaker, changed))
  }

  /** The rung for the next attempt; undefined when none may be used now. Takes nothing: tell the rung's breaker when the attempt starts. */
  pick(now: number, wanted: BackendPreference = ANY): PoolBackend | undefined {
    const { after, cheapest } = wanted
    if (cheapest) return this.#lowest(now, after)
    const { rungs } = this
    // A name that is not here (renamed before a resume) is found at -1, and the search begins at the top.
    const first = after === undefined ? 0 : rungs.findIndex(rung => rung.name === after) + 1
    for (let i = 0; i < rungs.length; i++) {
      const rung = rungs[(first + i) % rungs.length] as PoolBackend
      if (rung.canStart(now)) return rung
    }
    return undefined
  }

  /** When `pick` finds a rung at the latest, in milliseconds of `now`; `Infinity` when only health checks can tell. */
  opensAt(now: number): number {
    let earliest = Number.POSITIVE_INFINITY
    for (const rung of this.rungs) earliest = Math.min(earliest, rung.opensAt(now))
    return earliest
  }

  #lowest(now: number, after: string | undefined): PoolBackend | undefined {
    let failed: PoolBackend | undefined
    for (let i = this.rungs.length - 1; i >= 0; i--) {
      const rung = this.rungs[i] as PoolBackend
      if (!rung.canStart(now)) continue
      if (rung.name !== after) return rung
      failed = rung
    }
    return failed
  }
}

function namesOf(pool: string, backends: readonly AgentBackend[]): readonly string[] {
  if (backends.length === 0) throw invalid(`pools.${pool}.backends`, 'expected at least one backend, got none')
  const names = backends.map((backend, i) => backend.name ?? (i === 0 ? pool : `${pool}#${i + 1}`))
  for (const [i, name] of names.entries()) {
    const twin = names.indexOf(name)
    if (twin === i) continue
    const message = `expected a name that no other backend of the pool has, got ${JSON.stringify(name)}, which backends[${twin}] has too; give each one a \`name\` of its own`
    throw invalid(`pools.${pool}.backends[${i}].name`, message)
  }
  return names
}

function invalid(path: string, message: string): CounterpointError<'INVALID_INPUT'> {
  return new CounterpointError('INVALID_INPUT', `${path}: ${message}`, { issues: [{ path, message }] })
}
