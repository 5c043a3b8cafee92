import { isThenable } from '../core/is-thenable.js'
import { readMember } from '../core/read-member.js'
import type { JournalRecord } from '../core/state/events.js'
import { show } from '../error-text.js'
import { CounterpointError } from '../errors.js'
import type { Journal, JournalHost, OpenJournal } from './journal.js'

/** Opens the journal of a run. @throws JOURNAL when what the host's journal opens is none. */
export function openJournal(journal: Journal, runId: string, host: JournalHost): OpenJournal | Promise<OpenJournal> {
  const opening = journal.open(runId, host)
  const check = (opened: OpenJournal): OpenJournal => {
    const missing = ['append', 'read', 'close'].find(name => typeof readMember(opened, name) !== 'function')
    if (missing === undefined) return opened
    const message = `expected open() of the journal to return an object with a method ${missing}, got ${show(opened)}`
    throw new CounterpointError('JOURNAL', message, { runId })
  }
  return isThenable(opening) ? Promise.resolve(opening).then(check) : check(opening)
}

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
  readonly lost: Promise<unknown>
  readonly #opened: Promise<OpenJournal>
  #journal: OpenJournal | undefined
  #queued = 0

  constructor(opened: Promise<OpenJournal>) {
    this.#opened = opened
    this.lost = new Promise(resolve => void opened.then(journal => journal.lost?.then(resolve)).catch(() => {}))
  }

  append(record: JournalRecord): void | Promise<void> {
    return this.#journal && this.#queued === 0 ? this.#journal.append(record) : this.#appendLater(record)
  }

  async *read(): AsyncGenerator<JournalRecord, void, undefined> {
    yield* (await this.#opened).read()
  }

  /** One that could not be opened has nothing to close: `append` has rejected with the reason. */
  async close(): Promise<void> {
    const journal = await this.#opened.catch(() => undefined)
    return journal?.close()
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
  if (Symbol.iterator in records) for (const _ of records) throw duplicateRun(runId)
  return journal
}

async function checkEmpty(runId: string, journal: OpenJournal): Promise<OpenJournal> {
  for await (const _ of journal.read()) {
    await journal.close()
    throw duplicateRun(runId)
  }
  return journal
}

/** The error for the id of a run that exists already, in this process or in the journal. */
export function duplicateRun(runId: string): CounterpointError<'DUPLICATE_ID'> {
  const message = `there is a run "${runId}" already: resume it, delete it, or choose another runId`
  return new CounterpointError('DUPLICATE_ID', message, { id: runId })
}
