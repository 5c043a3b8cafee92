import type { Json } from '../../core/json.js'
import { GrantHistory } from './grant-history.js'
import { type LimitRecord, type ParkingRecord, parseLimitRecord, type WindowKind } from './records.js'

/** What was read of a limit key. */
export interface KeyRead {
  readonly key: string
  readonly kind: WindowKind
  readonly history: GrantHistory
}

/** A parking as it was read. */
export type ParkingRead = ParkingRecord & { readonly leftMs: number }

/**
 * A reader of a stream of limits. It has a time line of its own, which begins with 0 at the first record: between records of one life
 * by what the monotonic clock said, from one life to the next by the wall clock, which may stand still then but not go back.
 */
export class LedgerReplay {
  readonly keys: Map<string, KeyRead> = new Map()
  /** With how long they were to last from their record on, in milliseconds. */
  readonly #parkings = new Map<string, { readonly parking: ParkingRecord; readonly forMs: number }>()
  #time = 0
  #last: LimitRecord | undefined

  /** Which one wrote last. */
  get life(): number {
    return this.#last?.life ?? 0
  }

  /** It has been read when the wall clock said `wallMs`, and our own clock `nowMs`. From now on times are those of our own clock. */
  end(wallMs: number, nowMs: number): void {
    const time = this.#last === undefined ? 0 : this.#timeAt(wallMs, this.#last)
    for (const { history } of this.keys.values()) history.end(time, nowMs - time)
  }

  /** What is parked when the wall clock says `wallMs`. */
  *parkingsAt(wallMs: number): Iterable<ParkingRead> {
    for (const { parking, forMs } of this.#parkings.values()) {
      const leftMs = Math.min(parking.until - wallMs, forMs)
      if (leftMs > 0) yield { ...parking, leftMs }
    }
  }

  /** Reads one record. */
  take(given: Json): boolean {
    const record = parseLimitRecord(given)
    if (record === undefined) return false
    this.#time = this.#timeOf(record)
    this.#last = record
    for (const grant of record.grants) this.#historyOf(grant.key, grant.kind).read(this.#time, record.life, grant)
    for (const parking of record.parkings)
      this.#parkings.set(parking.key, { parking, forMs: parking.until - record.at })
    return true
  }

  #timeOf(record: LimitRecord): number {
    if (this.#last === undefined) return 0
    if (record.life !== this.#last.life) return this.#timeAt(record.at, this.#last)
    return this.#time + Math.max(0, record.upMs - this.#last.upMs)
  }

  /** Wall clocks show whole milliseconds: what is one of them apart may have come at once. */
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

/** One for each key and kind. */
export function nameOf(key: string, kind: WindowKind): string {
  return `${kind} ${key}`
}
