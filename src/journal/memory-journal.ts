import type { Json } from '../core/json.js'
import { once } from '../core/once.js'
import type { JournalRecord } from '../core/state/events.js'
import type { History } from '../core/state/history.js'
import type { Journal, OpenJournal } from './journal.js'
import { memoryStream } from './memory-stream.js'

interface StoredRun {
  records: JournalRecord[] | History
  /** How many have it open. */
  openers: number
}

/** The open journals in memory, each with a function that makes it share a history. */
const openings = new WeakMap<OpenJournal, (history: History) => void>()

/**
 * Makes an in-memory journal share the history of its run instead of a copy, so that nothing needs to be appended. The history must
 * contain all that the journal holds. Returns false, and does nothing, for any other journal, also for a wrapper of one in memory.
 */
export function shareHistory(journal: OpenJournal, history: History): boolean {
  const share = openings.get(journal)
  share?.(history)
  return share !== undefined
}

/**
 * A journal in the memory of this process. It is synchronous: a record is durable at once, as long as the process lives.
 * The default of an `Orchestrator`.
 */
export function memoryJournal(): Journal {
  const runs = new Map<string, StoredRun>()
  const streams = new Map<string, Json[]>()
  return {
    open(runId): OpenJournal {
      const run: StoredRun = runs.get(runId) ?? { records: [], openers: 0 }
      runs.set(runId, run)
      run.openers++
      const close = once(() => {
        run.openers--
        if (run.openers === 0 && isEmpty(run) && runs.get(runId) === run) runs.delete(runId)
      })
      const journal: OpenJournal = {
        synchronous: true,
        append: record => {
          if (!Array.isArray(run.records)) run.records = [...run.records]
          run.records.push(record)
        },
        read: () => run.records,
        close: () => void close(),
      }
      openings.set(journal, history => {
        run.records = history
      })
      return journal
    },
    read: runId => runs.get(runId)?.records ?? [],
    list: () => [...runs.keys()],
    isOpen: runId => (runs.get(runId)?.openers ?? 0) > 0,
    delete: runId => {
      runs.delete(runId)
    },
    shared: name => {
      const records = streams.get(name) ?? []
      streams.set(name, records)
      return memoryStream(records)
    },
  }
}

/** A run that was opened and never written. */
function isEmpty({ records }: StoredRun): boolean {
  for (const _ of records) return false
  return true
}
