import type { Clock } from '../../clock.js'
import type { ParkReason } from '../../core/failure/failure.js'
import type { Json } from '../../core/json.js'
import {
  CompactingLog,
  type CompactingLogOptions,
  type LogOwner,
  type PendingChanges,
} from '../../journal/compacting-log.js'
import { type DurableWindow, Grants } from './grants.js'
import type { GrantRecord, LimitRecord, ParkingRecord, WindowKind } from './records.js'
import { LedgerReplay, nameOf } from './replay.js'

/** A parking that is to hold over a restart. */
export interface DurableCooldown {
  /** In milliseconds since 1970. */
  readonly until: number
  readonly reason: ParkReason
  readonly message?: string
}

/** What a {@link LimitLedger} keeps for one limit, or for one pool. */
export interface LedgerEntry {
  /** The grants of a window. `ready` is called when `covers` has returned false and may return true now. */
  grants(kind: WindowKind, window: DurableWindow, ready: () => void): Grants
  /** Calls back once the ledger has been read, with the cooldown that has not ended yet, if there is one. */
  read(callback: (cooldown: (DurableCooldown & { readonly leftMs: number }) | undefined) => void): void
  parked(cooldown: DurableCooldown): void
  opened(): void
}

interface Parked extends DurableCooldown {
  /** In milliseconds of the clock's `monotonic`. */
  readonly endsAt: number
}

const WORDING = {
  name: 'limit ledger',
  whileUnwritable: 'nothing more is granted',
  ifInvalid: 'what they granted is ignored',
  ifLastLost: 'after a restart, what was granted and not used counts as used',
}

/**
 * What keeps limits over a restart: grants and parkings, in the stream that the runs of an orchestrator share. It is read when something
 * is first asked for. Where there is no such stream there is no ledger: nothing is kept, and nothing waits.
 *
 * Invariant: all that starts under a limit has been granted by a durable record before. What a process that crashed had been granted and
 * is not known to have used counts as used when the next one reads the stream; so no window is exceeded over the restart. Wall times are
 * believed as far as they can be: nothing was later than now, and no parking lasts longer than it was to last.
 * While the stream cannot be written nothing more is granted. A stream without `replace` grows for as long as it is used.
 */
export class LimitLedger {
  readonly #clock: Clock
  readonly #log: CompactingLog<LedgerReplay>
  readonly #grants = new Map<string, Grants>()
  readonly #parkings = new Map<string, Parked>()
  /** Who asks for more. */
  readonly #asking = new Set<Grants>()
  /** The keys whose parking is not in the stream as it is. */
  readonly #changed = new Set<string>()
  readonly #waiting: (() => void)[] = []
  #life = 0
  #openedAt = 0

  constructor(setup: CompactingLogOptions) {
    this.#clock = setup.clock
    this.#log = new CompactingLog(setup, this.#owner())
  }

  /** True once the stream has been read. */
  get isOpen(): boolean {
    return this.#log.isOpen
  }

  /** Reads the stream if that has not begun. Calls back once it has been read, at once if it has; never, if the ledger is closed before. */
  whenOpen(callback: () => void): void {
    if (this.isOpen) return callback()
    this.#waiting.push(callback)
    this.#log.flush()
  }

  /** The view of one key. */
  entry(key: string): LedgerEntry {
    return {
      grants: (kind, window, ready) => this.grants(key, kind, window, ready),
      read: callback => this.whenOpen(() => callback(this.parkedUntil(key))),
      parked: cooldown => this.parked(key, cooldown),
      opened: () => this.opened(key),
    }
  }

  /**
   * The grants of a limit key. What the stream knows of the time before is put into `window`: now, or when it has been read. `ready` is
   * called whenever `covers` has said no and is worth another try; it may not throw. Another call takes its `window` and `ready` instead.
   */
  grants(key: string, kind: WindowKind, window: DurableWindow, ready: () => void): Grants {
    const grants = this.#grantsOf(key, kind)
    grants.bind(this.#clock.monotonic(), window, ready)
    return grants
  }

  /** The key is parked like this from now on. */
  parked(key: string, parking: DurableCooldown): void {
    if (!this.isOpen) return this.whenOpen(() => this.parked(key, parking))
    const until = Math.min(parking.until, Number.MAX_SAFE_INTEGER)
    this.#parkings.set(key, { ...parking, until, endsAt: this.#clock.monotonic() + until - this.#clock.now() })
    this.#parkingChanged(key)
  }

  /** The key is no longer parked, before its time. */
  opened(key: string): void {
    if (!this.isOpen) return this.whenOpen(() => this.opened(key))
    if (this.#parkings.delete(key)) this.#parkingChanged(key)
  }

  /** How the key is parked, with the milliseconds that are left; undefined: it is not, or the stream has not been read yet. */
  parkedUntil(key: string): (DurableCooldown & { readonly leftMs: number }) | undefined {
    const parked = this.#parkings.get(key)
    if (parked === undefined) return undefined
    const { endsAt, ...parking } = parked
    const leftMs = endsAt - this.#clock.monotonic()
    return leftMs > 0 ? { ...parking, leftMs } : undefined
  }

  /** Writes what was really used, and lets go of the stream. From now on nothing is granted. Never rejects: what fails is told. */
  close(): Promise<void> {
    for (const grants of this.#grants.values()) grants.close()
    return this.#log.close()
  }

  #parkingChanged(key: string): void {
    this.#changed.add(key)
    this.#log.flush()
  }

  #grantsOf(key: string, kind: WindowKind): Grants {
    const name = nameOf(key, kind)
    const known = this.#grants.get(name)
    if (known !== undefined) return known
    const grants = new Grants(key, kind, one => {
      this.#asking.add(one)
      this.#log.flush()
    })
    this.#grants.set(name, grants)
    if (this.isOpen) grants.open(undefined)
    return grants
  }

  #owner(): LogOwner<LedgerReplay> {
    return {
      recordType: 'limits',
      wording: WORDING,
      newReplay: () => new LedgerReplay(),
      onRead: replay => this.#onRead(replay),
      takeChanges: rewrite => this.#takeChanges(rewrite),
      lastRecord: () => this.#lastRecord(),
    }
  }

  #onRead(replay: LedgerReplay): void {
    this.#life = replay.life + 1
    this.#openedAt = this.#clock.monotonic()
    replay.end(this.#clock.now(), this.#openedAt)
    for (const { key, kind } of replay.keys.values()) this.#grantsOf(key, kind)
    for (const [name, grants] of this.#grants) grants.open(replay.keys.get(name)?.history)
    for (const { key, leftMs, ...parking } of replay.parkingsAt(this.#clock.now()))
      this.#parkings.set(key, { ...parking, endsAt: this.#openedAt + leftMs })
    for (const callback of this.#waiting.splice(0)) callback()
    for (const grants of this.#grants.values()) grants.wake()
  }

  #takeChanges(rewrite: boolean): PendingChanges | undefined {
    const now = this.#clock.monotonic()
    const records: GrantRecord[] = []
    const grants = [...this.#asking].filter(one => push(records, one.next(now)))
    const keys = [...this.#changed]
    this.#asking.clear()
    this.#changed.clear()
    if (grants.length === 0 && keys.length === 0) return undefined
    if (!rewrite) return this.#pending([this.#record(now, records, keys)], grants, keys)
    const others = [...this.#grants.values()].filter(one => !grants.includes(one) && push(records, one.present(now)))
    const parked = [...this.#parkings.keys()].filter(key => this.parkedUntil(key) !== undefined)
    return this.#pending([...this.#past(now), this.#record(now, records, parked)], [...grants, ...others], keys)
  }

  #pending(records: readonly LimitRecord[], grants: readonly Grants[], keys: readonly string[]): PendingChanges {
    return {
      records,
      onDurable: () => {
        for (const one of grants) one.written()
        for (const one of grants) one.settle()
      },
      onRefused: () => {
        for (const one of grants) this.#asking.add(one)
        for (const key of keys) this.#changed.add(key)
      },
    }
  }

  /** What started before the present record, in the order of time. */
  #past(now: number): readonly LimitRecord[] {
    const grants = [...this.#grants.values()].flatMap(one => [...one.past(now)])
    return grants.sort((a, b) => a.at - b.at).map(({ at, record }) => this.#record(at, [record], []))
  }

  #lastRecord(): Json | undefined {
    const now = this.#clock.monotonic()
    const records: GrantRecord[] = []
    for (const grants of this.#grants.values()) push(records, grants.last(now))
    const keys = [...this.#changed]
    return records.length + keys.length > 0 ? this.#record(now, records, keys) : undefined
  }

  #record(at: number, grants: readonly GrantRecord[], keys: readonly string[]): LimitRecord {
    const parkings = keys.map(key => this.#parkingRecord(key))
    const wallAt = this.#clock.now() - (this.#clock.monotonic() - at)
    return { type: 'limits', life: this.#life, at: wallAt, upMs: at - this.#openedAt, grants, parkings }
  }

  #parkingRecord(key: string): ParkingRecord {
    const parked = this.parkedUntil(key)
    if (parked === undefined) return { key, until: 0, reason: 'host' }
    const { leftMs: _, ...parking } = parked
    return { key, ...parking }
  }
}

/** True when there was something to add. */
function push(records: GrantRecord[], record: GrantRecord | undefined): boolean {
  if (record !== undefined) records.push(record)
  return record !== undefined
}
