import type { DurableWindow, Grants } from './grants.js'
import type { DurableCooldown, LimitLedger } from './limit-ledger.js'
import type { WindowKind } from './records.js'

/** What a {@link LimitLedger} knows of one limit, or of one pool. */
export class LedgerPage {
  readonly #ledger: LimitLedger
  readonly #key: string

  constructor(ledger: LimitLedger, key: string) {
    this.#ledger = ledger
    this.#key = key
  }

  /** What may start in a window, as far as the ledger knows. `ready` is called when it is worth another try. */
  grants(kind: WindowKind, window: DurableWindow, ready: () => void): Grants {
    return this.#ledger.grants(this.#key, kind, window, ready)
  }

  /** Calls back with the parking from before the restart, if there is one: once the ledger has been read. */
  read(callback: (parking: (DurableCooldown & { readonly leftMs: number }) | undefined) => void): void {
    this.#ledger.whenOpen(() => callback(this.#ledger.parkedUntil(this.#key)))
  }

  parked(parking: DurableCooldown): void {
    this.#ledger.parked(this.#key, parking)
  }

  opened(): void {
    this.#ledger.opened(this.#key)
  }
}
