import type { JournalRecord } from '../core/state/events.js'
import { CounterpointError } from '../errors.js'
import type { OpenJournal } from './journal.js'

/**
 * The journal of a new run. One that is still being opened takes records already, and keeps them waiting, in order.
 * One that turns out to hold a run already takes none.
 */
export function newJournal(runId: string, opening: OpenJournal | Promise<OpenJournal>): OpenJournal {
  if (!(opening instanceof Promise)) return refuseUsedNow(runId, opening)
  const opened = opening.then(journal => refuseUsed(runId, journal))
  opened.catch(() => {})
  return new OpeningJournal(opened)
}

/** Invariant: records go on in the order in which they came, at once when none that came before it was open still waits. */
class OpeningJournal implements OpenJournal {
  readonly #opened: Promise<OpenJournal>
  #journal: OpenJournal | undefined
  #waiting = 0

  constructor(opened: Promise<OpenJournal>) {
    this.#opened = opened
  }

  append(record: JournalRecord): void | Promise<void> {
    return this.#journal && this.#waiting === 0 ? this.#journal.append(record) : this.#appendLater(record)
  }

  async *read(): AsyncGenerator<JournalRecord, void, undefined> {
    yield* (await this.#opened).read()
  }

  async close(): Promise<void> {
    return (await this.#opened).close()
  }

  async #appendLater(record: JournalRecord): Promise<void> {
    this.#waiting++
    const journal = await this.#opened
    this.#journal = journal
    this.#waiting--
    return journal.append(record)
  }
}

function refuseUsedNow(runId: string, journal: OpenJournal): OpenJournal {
  const records = journal.read()
  if (Symbol.iterator in records) for (const _ of records) throw used(runId)
  return journal
}

async function refuseUsed(runId: string, journal: OpenJournal): Promise<OpenJournal> {
  for await (const _ of journal.read()) {
    await journal.close()
    throw used(runId)
  }
  return journal
}

function used(runId: string): CounterpointError<'DUPLICATE_ID'> {
  const message = `the journal has a run "${runId}" already: resume it, delete it, or choose another runId`
  return new CounterpointError('DUPLICATE_ID', message, { id: runId })
}
