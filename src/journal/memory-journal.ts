import type { Json } from '../core/json.js'
import type { Journal, OpenJournal } from './journal.js'
import { RecordList } from './record-list.js'
import type { SharedStream } from './shared-stream.js'

/**
 * Keeps records in this process, and is synchronous: what is appended is durable at once, for as long as the process lives.
 * The default of an `Orchestrator`.
 */
export function memoryJournal(): Journal {
  const runs = new Map<string, RecordList>()
  const streams = new Map<string, Json[]>()
  return {
    open(runId): OpenJournal {
      const records = runs.get(runId) ?? new RecordList()
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
