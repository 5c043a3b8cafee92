import type { Json } from '../../core/json.js'
import { GrantHistory } from './grant-history.js'
import {
  type DurableCooldown,
  type LimitRecord,
  type PendingCooldown,
  parseLimitRecord,
  type WindowKind,
} from './records.js'

/** What was read of one limit key and kind. */
export interface ReplayedKey {
  readonly key: string
  readonly kind: WindowKind
  readonly history: GrantHistory
}

/**
 * Reads the records of a limit ledger. Its time line starts with 0 at the first record. Between records of one process it advances by the
 * monotonic clock, from one process to the next by the wall clock, but never backwards.
 */
export class LedgerReplay {
  readonly keys: Map<string, ReplayedKey> = new Map()
  /** By key. `forMs`: how long it was meant to last from its record on. */
  readonly #cooldowns = new Map<string, { readonly cooldown: DurableCooldown; readonly forMs: number }>()
  #time = 0
  #last: LimitRecord | undefined

  /** The number of the process that wrote last; 0: there are no records. */
  get life(): number {
    return this.#last?.life ?? 0
  }

  /** All records have been read, at `wallMs` of the wall clock and `nowMs` of our monotonic clock. Converts all times to the latter. */
  end(wallMs: number, nowMs: number): void {
    const time = this.#last === undefined ? 0 : this.#timeAt(wallMs, this.#last)
    for (const { history } of this.keys.values()) history.endReplay(time, nowMs - time)
  }

  /** The cooldowns that have not ended at `wallMs` of the wall clock, by key. */
  *cooldownsAt(wallMs: number): Iterable<readonly [string, PendingCooldown]> {
    for (const [key, { cooldown, forMs }] of this.#cooldowns) {
      const leftMs = Math.min(cooldown.until - wallMs, forMs)
      if (leftMs > 0) yield [key, { ...cooldown, leftMs }]
    }
  }

  /** Reads one record. Returns false when it is invalid. */
  take(given: Json): boolean {
    const record = parseLimitRecord(given)
    if (record === undefined) return false
    this.#time = this.#timeOf(record)
    this.#last = record
    for (const grant of record.grants) this.#historyOf(grant.key, grant.kind).replay(this.#time, record.life, grant)
    for (const { key, ...cooldown } of record.parkings)
      this.#cooldowns.set(key, { cooldown, forMs: cooldown.until - record.at })
    return true
  }

  #timeOf(record: LimitRecord): number {
    if (this.#last === undefined) return 0
    if (record.life !== this.#last.life) return this.#timeAt(record.at, this.#last)
    return this.#time + Math.max(0, record.upMs - this.#last.upMs)
  }

  /** Wall clocks show whole milliseconds: times that differ by one may be the same. */
  #timeAt(wallMs: number, last: LimitRecord): number {
    return this.#time + Math.max(0, wallMs - last.at - 1)
  }

  #historyOf(key: string, kind: WindowKind): GrantHistory {
    const name = nameOf(key, kind)
    const known = this.keys.get(name)
    if (known !== undefined) return known.history
    const history = new GrantHistory()
    this.keys.set(name, { key, kind, history })
    return history
  }
}

/** Identifies a key and kind. */
export function nameOf(key: string, kind: WindowKind): string {
  return `${kind} ${key}`
}
