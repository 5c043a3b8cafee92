import type { Json } from '../core/json.js'
import type { JournalRecord } from '../core/state/events.js'
import type { History } from '../core/state/history.js'
import type { Journal, OpenJournal } from './journal.js'
import { memoryStream } from './memory-stream.js'

interface StoredRun {
  records: JournalRecord[] | History
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
      const run = runs.get(runId) ?? { records: [] }
      runs.set(runId, run)
      const journal: OpenJournal = {
        synchronous: true,
        append: record => {
          if (!Array.isArray(run.records)) run.records = [...run.records]
          run.records.push(record)
        },
        read: () => run.records,
        close: () => {},
      }
      openings.set(journal, history => {
        run.records = history
      })
      return journal
    },
    read: runId => runs.get(runId)?.records ?? [],
    list: () => [...runs.keys()],
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
