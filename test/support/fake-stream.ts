import type { Json } from 'counterpoint'
import type { SharedStream } from '../../src/journal/shared-stream.js'

interface Waiting {
  readonly texts: readonly string[]
  readonly anew: boolean
  readonly done: () => void
  readonly refuse: (error: unknown) => void
}

/** A shared stream whose disk is yours. It keeps JSON text, as a disk does. */
export class FakeStream implements SharedStream {
  texts: string[] = []
  /** Asked for, with or without success. */
  appends = 0
  rewrites = 0
  reads = 0
  closes = 0
  /** Every call is refused with it. */
  error: Error | undefined
  /** Nothing becomes durable before `flush`. */
  isSlow = false
  replace?: (records: readonly Json[]) => void | Promise<void>
  #waiting: Waiting[] = []

  constructor({ replaces = false, texts = [] as readonly string[] } = {}) {
    this.texts = [...texts]
    if (replaces) this.replace = records => this.#replace(records)
  }

  get records(): readonly Json[] {
    return this.texts.map(text => JSON.parse(text) as Json)
  }

  get pending(): number {
    return this.#waiting.length
  }

  async *read(): AsyncIterable<Json> {
    this.reads++
    if (this.error) throw this.error
    yield* this.records
  }

  append(record: Json): void | Promise<void> {
    this.appends++
    return this.#write([record], false)
  }

  close(): void {
    this.closes++
    if (this.error) throw this.error
  }

  #replace(records: readonly Json[]): void | Promise<void> {
    this.rewrites++
    return this.#write(records, true)
  }

  /** What waits becomes durable, or is refused. */
  flush(): void {
    for (const write of this.#waiting.splice(0)) {
      if (this.error) {
        write.refuse(this.error)
        continue
      }
      this.#keep(write.texts, write.anew)
      write.done()
    }
  }

  /** The process ends: nobody hears any more of what waits. `lands`: it reached the disk all the same. */
  crash(lands: boolean): void {
    for (const { texts, anew } of this.#waiting.splice(0)) if (lands) this.#keep(texts, anew)
  }

  /** What waits reaches the disk, and is said not to have. */
  mislead(): void {
    for (const { texts, anew, refuse } of this.#waiting.splice(0)) {
      this.#keep(texts, anew)
      refuse(new Error('the connection was lost'))
    }
  }

  #write(records: readonly Json[], anew: boolean): void | Promise<void> {
    const texts = records.map(record => JSON.stringify(record))
    if (this.isSlow) {
      return new Promise((done, refuse) => {
        this.#waiting.push({ texts, anew, done, refuse })
      })
    }
    if (this.error) throw this.error
    this.#keep(texts, anew)
  }

  #keep(texts: readonly string[], anew: boolean): void {
    if (anew) this.texts = [...texts]
    else this.texts.push(...texts)
  }
}
