import type { Json } from '../core/json.js'
import type { JournalRecord } from '../core/state/events.js'
import type { History } from '../core/state/history.js'
import type { Journal, OpenJournal } from './journal.js'
import type { SharedStream } from './shared-stream.js'

/** What is kept of a run. */
interface Kept {
  records: JournalRecord[] | History
}

/** What is open of journals in memory, and how each takes a history for its own. */
const openings = new WeakMap<OpenJournal, (history: History) => void>()

/**
 * True when `journal` is one in memory itself, and no wrapper of one: from now on the history, in which all is that it held, is what it
 * holds. Nothing is appended then: what is committed there is written.
 */
export function keepsHistory(journal: OpenJournal, history: History): boolean {
  const keep = openings.get(journal)
  keep?.(history)
  return keep !== undefined
}

/**
 * Keeps records in this process, and is synchronous: what is appended is durable at once, for as long as the process lives.
 * The default of an `Orchestrator`.
 */
export function memoryJournal(): Journal {
  const runs = new Map<string, Kept>()
  const streams = new Map<string, Json[]>()
  return {
    open(runId): OpenJournal {
      const kept = runs.get(runId) ?? { records: [] }
      runs.set(runId, kept)
      const journal: OpenJournal = {
        synchronous: true,
        append: record => {
          if (!Array.isArray(kept.records)) kept.records = [...kept.records]
          kept.records.push(record)
        },
        read: () => kept.records,
        close: () => {},
      }
      openings.set(journal, history => {
        kept.records = history
      })
      return journal
    },
    read: runId => runs.get(runId)?.records ?? [],
    list: () => [...runs.keys()],
    delete: runId => {
      runs.delete(runId)
    },
    shared: name => memoryStream(streams, name),
  }
}

/** Opened twice at once it is one stream, and who has it reads what the other one wrote: as after a crash, in a test. */
function memoryStream(streams: Map<string, Json[]>, name: string): SharedStream {
  const records = streams.get(name) ?? []
  streams.set(name, records)
  return {
    read: () => [...records],
    append: record => {
      records.push(record)
    },
    replace: all => {
      records.splice(0, records.length, ...all)
    },
    close: () => {},
  }
}
