import type { JournalRecord } from '../core/state/events.js'
import { CounterpointError } from '../errors.js'
import type { OpenJournal } from './journal.js'

/**
 * The journal of a new run. While it is being opened, it queues records in order. If it turns out to hold a run already, it rejects them.
 * @throws DUPLICATE_ID when it is open and holds a run already.
 */
export function journalOfNewRun(runId: string, opening: OpenJournal | Promise<OpenJournal>): OpenJournal {
  if (!(opening instanceof Promise)) return checkEmptyNow(runId, opening)
  const opened = opening.then(journal => checkEmpty(runId, journal))
  opened.catch(() => {})
  return new OpeningJournal(opened)
}

/** Invariant: records are appended in the order of the calls, and synchronously once no earlier one is queued. */
class OpeningJournal implements OpenJournal {
  readonly #opened: Promise<OpenJournal>
  #journal: OpenJournal | undefined
  #queued = 0

  constructor(opened: Promise<OpenJournal>) {
    this.#opened = opened
  }

  append(record: JournalRecord): void | Promise<void> {
    return this.#journal && this.#queued === 0 ? this.#journal.append(record) : this.#appendLater(record)
  }

  async *read(): AsyncGenerator<JournalRecord, void, undefined> {
    yield* (await this.#opened).read()
  }

  async close(): Promise<void> {
    return (await this.#opened).close()
  }

  async #appendLater(record: JournalRecord): Promise<void> {
    this.#queued++
    this.#journal = await this.#opened
    this.#queued--
    return this.#journal.append(record)
  }
}

function checkEmptyNow(runId: string, journal: OpenJournal): OpenJournal {
  const records = journal.read()
  if (Symbol.iterator in records) for (const _ of records) throw duplicate(runId)
  return journal
}

async function checkEmpty(runId: string, journal: OpenJournal): Promise<OpenJournal> {
  for await (const _ of journal.read()) {
    await journal.close()
    throw duplicate(runId)
  }
  return journal
}

function duplicate(runId: string): CounterpointError<'DUPLICATE_ID'> {
  const message = `the journal has a run "${runId}" already: resume it, delete it, or choose another runId`
  return new CounterpointError('DUPLICATE_ID', message, { id: runId })
}
