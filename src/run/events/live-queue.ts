import type { LiveEvent } from '../../events/event-map.js'

/** What a chunk counts at least, in bytes: so many small ones are bounded too. */
const MIN_BYTES = 32

interface Entry {
  /** The `seq` of the last journaled event before it. */
  readonly after: number
  readonly bytes: number
  /** Undefined once a later report has replaced it. */
  event: LiveEvent | undefined
}

/**
 * The events that are not journaled and that one reader has yet to read, in order. Streamed chunks are all kept and counted in `bytes`. Of
 * the reports of an attempt only the last is kept: it holds what the earlier ones said, and a slow reader costs one report per attempt.
 */
export class LiveQueue {
  /** Of the chunks that wait. */
  bytes = 0
  #entries: Entry[] = []
  /** The place of the first entry that waits. */
  #first = 0
  /** How many entries wait. */
  #size = 0
  /** The report that waits, by attempt. */
  readonly #reports = new Map<string, Entry>()

  push(event: LiveEvent, after: number, bytes: number): void {
    const entry: Entry = { after, bytes: Math.max(bytes, MIN_BYTES), event }
    if (event.type === 'attempt.progressed') this.#replaceReport(reportKey(event), entry)
    else this.bytes += entry.bytes
    this.#entries.push(entry)
    this.#size++
    if (this.#entries.length > 2 * this.#size + 64) this.#compact()
  }

  /** Takes the first event, if every journaled event before it has a `seq` below `next`. */
  shift(next: number): LiveEvent | undefined {
    for (; this.#first < this.#entries.length; this.#first++) {
      const { event, after, bytes } = this.#entries[this.#first] as Entry
      if (event === undefined) continue
      if (after >= next) return undefined
      this.#first++
      this.#size--
      if (event.type === 'attempt.progressed') this.#reports.delete(reportKey(event))
      else this.bytes -= bytes
      if (this.#size === 0) this.clear()
      return event
    }
    return undefined
  }

  clear(): void {
    this.#entries.length = 0
    this.#first = 0
    this.#size = 0
    this.bytes = 0
    this.#reports.clear()
  }

  #replaceReport(key: string, entry: Entry): void {
    const earlier = this.#reports.get(key)
    if (earlier) {
      earlier.event = undefined
      this.#size--
    }
    this.#reports.set(key, entry)
  }

  /** Drops what has been read or replaced. */
  #compact(): void {
    this.#entries = this.#entries.filter((entry, i) => i >= this.#first && entry.event !== undefined)
    this.#first = 0
  }
}

function reportKey({ index, attempt }: LiveEvent): string {
  return `${index}/${attempt}`
}
