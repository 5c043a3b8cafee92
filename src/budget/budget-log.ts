import { CompactingLog, type CompactingLogOptions, type PendingChanges } from '../journal/compacting-log.js'
import { type BudgetRecord, BudgetReplay, type HoldRecord, NOTHING_SPENT, type Spent } from './budget-records.js'

/** The new value of a key; undefined: its hold was removed. */
type Change = { readonly hold: HoldRecord; readonly onDurable: () => void } | undefined

const WORDING = {
  name: 'budget log',
  whileUnwritable: 'nothing starts',
  ifInvalid: 'their usage is ignored',
  ifLastLost: 'after a restart, the estimates of the last attempts count instead of what they used',
}

/** Persists what a `SharedBudget` needs after a restart: what is reserved, and what has been used. */
export class BudgetLog {
  readonly #log: CompactingLog<BudgetReplay>
  readonly #holds = new Map<string, HoldRecord>()
  /** By key: what is not durable yet. */
  #changed = new Map<string, Change>()
  #spent: Spent = NOTHING_SPENT

  /** `onOpen` is called once, when the stream has been read. */
  constructor(options: CompactingLogOptions, onOpen: (replay: BudgetReplay) => void) {
    this.#log = new CompactingLog(options, {
      recordType: 'budget',
      wording: WORDING,
      newReplay: () => new BudgetReplay(),
      onRead: replay => {
        this.#spent = replay.spent
        for (const [key, hold] of replay.holds) this.#holds.set(key, hold)
        onOpen(replay)
      },
      takeChanges: rewrite => this.#takeChanges(rewrite),
      lastRecord: () => (this.#changed.size > 0 ? this.#record(this.#changed.keys()) : undefined),
    })
  }

  /** True once the stream has been read. */
  get isOpen(): boolean {
    return this.#log.isOpen
  }

  /** Reads the stream if that has not begun. */
  open(): void {
    this.#log.flush()
  }

  /** Adds a hold. Calls back once it is durable; never, if it is settled before. */
  reserved(hold: HoldRecord, onDurable: () => void): void {
    this.#holds.set(hold.key, hold)
    this.#changed.set(hold.key, { hold, onDurable })
    this.#log.flush()
  }

  /** Removes the hold of this key. `spent` is the new sum of all that has been used. */
  settled(key: string, spent: Spent): void {
    this.#holds.delete(key)
    this.#changed.set(key, undefined)
    this.#spent = spent
    this.#log.flush()
  }

  /** Writes what is not durable yet, in one try, and closes the stream. Never rejects: failures are reported. */
  close(): Promise<void> {
    return this.#log.close()
  }

  #takeChanges(rewrite: boolean): PendingChanges | undefined {
    if (this.#changed.size === 0) return undefined
    const changed = this.#changed
    this.#changed = new Map()
    return {
      records: [this.#record(rewrite ? this.#holds.keys() : changed.keys())],
      onDurable: () => {
        // A hold that has changed again meanwhile is not durable yet.
        for (const [key, change] of changed) if (change && this.#holds.get(key) === change.hold) change.onDurable()
      },
      onRefused: () => {
        for (const [key, change] of changed) if (!this.#changed.has(key)) this.#changed.set(key, change)
      },
    }
  }

  /** The state of these keys. */
  #record(keys: Iterable<string>): BudgetRecord {
    const holds: HoldRecord[] = []
    const over: string[] = []
    for (const key of keys) {
      const hold = this.#holds.get(key)
      if (hold) holds.push(hold)
      else over.push(key)
    }
    return { type: 'budget', spent: this.#spent, holds, over }
  }
}
