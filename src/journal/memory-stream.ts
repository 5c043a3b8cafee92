import type { Json } from '../core/json.js'
import type { SharedStream } from './shared-stream.js'

/** A stream that keeps its records in this array. */
export function memoryStream(records: Json[]): SharedStream {
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
