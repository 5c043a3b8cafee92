import type { Clock } from '../../clock.js'
import type { Json } from '../../core/json.js'
import { CompactingLog, type CompactingLogOptions, type PendingChanges } from '../../journal/compacting-log.js'
import { type DurableWindow, Grants } from './grants.js'
import type {
  CooldownRecord,
  DurableCooldown,
  GrantRecord,
  LimitRecord,
  PendingCooldown,
  WindowKind,
} from './records.js'
import { LedgerReplay, nameOf } from './replay.js'

/** What a {@link LimitLedger} keeps for one limit, or for one pool. */
export interface LedgerEntry {
  /** The grants of a window. `ready` is called when `covers` has returned false and another call is worthwhile. */
  grants(kind: WindowKind, window: DurableWindow, ready: () => void): Grants
  /** Calls back once the ledger has been read, with the cooldown that has not ended yet, if there is one. */
  read(callback: (cooldown: PendingCooldown | undefined) => void): void
  parked(cooldown: DurableCooldown): void
  opened(): void
}

const WORDING = {
  name: 'limit ledger',
  whileUnwritable: 'nothing more is granted',
  ifInvalid: 'what they granted is ignored',
  ifLastLost: 'after a restart, what was granted and not used counts as used',
}

/**
 * Keeps limits over a restart: grants and cooldowns, in the stream that the runs of an orchestrator share. The stream is read on first use.
 *
 * Invariant: everything that starts under a limit has been granted by a durable record before. What a crashed process had been granted, and
 * is not known to have used, counts as used when the next process reads the stream. So no window is exceeded over a restart. Wall times are
 * not trusted: no record is dated later than now, and no cooldown lasts longer than it was meant to.
 * While the stream cannot be written, nothing more is granted. A stream without `replace` grows as long as it is used.
 */
export class LimitLedger {
  readonly #clock: Clock
  readonly #log: CompactingLog<LedgerReplay>
  readonly #grants = new Map<string, Grants>()
  /** `endsAt`: in milliseconds of the clock's `monotonic`. */
  readonly #cooldowns = new Map<string, { readonly cooldown: DurableCooldown; readonly endsAt: number }>()
  /** Grants that need a record. */
  readonly #requested = new Set<Grants>()
  /** Keys whose cooldown has changed since the last record. */
  readonly #changedKeys = new Set<string>()
  readonly #onOpen: (() => void)[] = []
  #life = 0
  #openedAt = 0

  constructor(options: CompactingLogOptions) {
    this.#clock = options.clock
    this.#log = new CompactingLog(options, {
      recordType: 'limits',
      wording: WORDING,
      newReplay: () => new LedgerReplay(),
      onRead: replay => this.#onRead(replay),
      takeChanges: rewrite => this.#takeChanges(rewrite),
      lastRecord: () => this.#lastRecord(),
    })
  }

  /** True once the stream has been read. */
  get isOpen(): boolean {
    return this.#log.isOpen
  }

  /** Calls back once the stream has been read: at once if it has been; never, if the ledger is closed before. Begins to read it. */
  whenOpen(callback: () => void): void {
    if (this.isOpen) return callback()
    this.#onOpen.push(callback)
    this.#log.flush()
  }

  /** The view of one key. */
  entry(key: string): LedgerEntry {
    return {
      grants: (kind, window, ready) => this.grants(key, kind, window, ready),
      read: callback => this.whenOpen(() => callback(this.cooldownOf(key))),
      parked: cooldown => this.parked(key, cooldown),
      opened: () => this.opened(key),
    }
  }

  /**
   * The grants of a limit key. What is known to have started before is added to `window`, now or when the stream has been read. `ready` is
   * called when `covers` has returned false and another call is worthwhile; it must not throw. A later call replaces `window` and `ready`.
   */
  grants(key: string, kind: WindowKind, window: DurableWindow, ready: () => void): Grants {
    const grants = this.#grantsOf(key, kind)
    grants.attach(this.#clock.monotonic(), window, ready)
    return grants
  }

  /** Sets the cooldown of the key. */
  parked(key: string, cooldown: DurableCooldown): void {
    if (!this.isOpen) return this.whenOpen(() => this.parked(key, cooldown))
    const until = Math.min(cooldown.until, Number.MAX_SAFE_INTEGER)
    const endsAt = this.#clock.monotonic() + until - this.#clock.now()
    this.#cooldowns.set(key, { cooldown: { ...cooldown, until }, endsAt })
    this.#onCooldownChange(key)
  }

  /** Removes the cooldown of the key. */
  opened(key: string): void {
    if (!this.isOpen) return this.whenOpen(() => this.opened(key))
    if (this.#cooldowns.delete(key)) this.#onCooldownChange(key)
  }

  /** The cooldown of the key; undefined when it has ended, and before the stream has been read. */
  cooldownOf(key: string): PendingCooldown | undefined {
    const parked = this.#cooldowns.get(key)
    if (parked === undefined) return undefined
    const leftMs = parked.endsAt - this.#clock.monotonic()
    return leftMs > 0 ? { ...parked.cooldown, leftMs } : undefined
  }

  /** Writes what was used, and closes the stream. Nothing is granted from now on. Never rejects: failures are reported. */
  close(): Promise<void> {
    for (const grants of this.#grants.values()) grants.close()
    return this.#log.close()
  }

  #onCooldownChange(key: string): void {
    this.#changedKeys.add(key)
    this.#log.flush()
  }

  #grantsOf(key: string, kind: WindowKind): Grants {
    const name = nameOf(key, kind)
    const known = this.#grants.get(name)
    if (known !== undefined) return known
    const grants = new Grants(key, kind, one => {
      this.#requested.add(one)
      this.#log.flush()
    })
    this.#grants.set(name, grants)
    if (this.isOpen) grants.open(undefined)
    return grants
  }

  #onRead(replay: LedgerReplay): void {
    this.#life = replay.life + 1
    this.#openedAt = this.#clock.monotonic()
    replay.end(this.#clock.now(), this.#openedAt)
    for (const { key, kind } of replay.keys.values()) this.#grantsOf(key, kind)
    for (const [name, grants] of this.#grants) grants.open(replay.keys.get(name)?.history)
    for (const [key, { leftMs, ...cooldown }] of replay.cooldownsAt(this.#clock.now()))
      this.#cooldowns.set(key, { cooldown, endsAt: this.#openedAt + leftMs })
    for (const callback of this.#onOpen.splice(0)) callback()
    for (const grants of this.#grants.values()) grants.notify()
  }

  #takeChanges(rewrite: boolean): PendingChanges | undefined {
    const now = this.#clock.monotonic()
    const records: GrantRecord[] = []
    const granted = [...this.#requested].filter(one => push(records, one.nextRecord(now)))
    const keys = [...this.#changedKeys]
    this.#requested.clear()
    this.#changedKeys.clear()
    if (granted.length === 0 && keys.length === 0) return undefined
    if (!rewrite) return this.#pending([this.#record(now, records, keys)], granted, keys)
    const others = [...this.#grants.values()].filter(
      one => !granted.includes(one) && push(records, one.currentRecord(now)),
    )
    const parked = [...this.#cooldowns.keys()].filter(key => this.cooldownOf(key) !== undefined)
    return this.#pending([...this.#past(now), this.#record(now, records, parked)], [...granted, ...others], keys)
  }

  #pending(records: readonly LimitRecord[], grants: readonly Grants[], keys: readonly string[]): PendingChanges {
    return {
      records,
      onDurable: () => {
        for (const one of grants) one.onDurable()
        for (const one of grants) one.notify()
      },
      onRefused: () => {
        for (const one of grants) this.#requested.add(one)
        for (const key of keys) this.#changedKeys.add(key)
      },
    }
  }

  /** What has started before the present record, in the order of time. */
  #past(now: number): readonly LimitRecord[] {
    const past = [...this.#grants.values()].flatMap(one => [...one.pastRecords(now)])
    return past.sort((a, b) => a.at - b.at).map(({ at, record }) => this.#record(at, [record], []))
  }

  #lastRecord(): Json | undefined {
    const now = this.#clock.monotonic()
    const records: GrantRecord[] = []
    for (const grants of this.#grants.values()) push(records, grants.finalRecord(now))
    const keys = [...this.#changedKeys]
    return records.length + keys.length > 0 ? this.#record(now, records, keys) : undefined
  }

  #record(at: number, grants: readonly GrantRecord[], keys: readonly string[]): LimitRecord {
    const parkings = keys.map(key => this.#cooldownRecord(key))
    const wallAt = this.#clock.now() - (this.#clock.monotonic() - at)
    return { type: 'limits', life: this.#life, at: wallAt, upMs: at - this.#openedAt, grants, parkings }
  }

  #cooldownRecord(key: string): CooldownRecord {
    const cooldown = this.cooldownOf(key) && this.#cooldowns.get(key)?.cooldown
    return { key, ...(cooldown ?? { until: 0, reason: 'host' }) }
  }
}

/** Adds the record, if there is one. Returns whether there was. */
function push(records: GrantRecord[], record: GrantRecord | undefined): boolean {
  if (record !== undefined) records.push(record)
  return record !== undefined
}
