import type { JournalRecord } from '../core/event.js'
import type { Journal, OpenJournal } from './journal.js'

/**
 * Keeps records in this process, and is synchronous: what is appended is durable at once, for as long as the process lives.
 * The default of an `Orchestrator`.
 */
export function memoryJournal(): Journal {
  const runs = new Map<string, JournalRecord[]>()
  return {
    open(runId): OpenJournal {
      const records = runs.get(runId) ?? []
      runs.set(runId, records)
      return {
        synchronous: true,
        append: record => {
          records.push(record)
        },
        read: () => records,
        close: () => {},
      }
    },
    read: runId => runs.get(runId) ?? [],
    list: () => [...runs.keys()],
    delete: runId => {
      runs.delete(runId)
    },
  }
}
