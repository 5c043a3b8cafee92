import type { Json } from 'counterpoint'
import type { SharedStream } from '../../src/journal/shared-stream.js'

interface Waiting {
  readonly texts: readonly string[]
  readonly isRewrite: boolean
  readonly done: () => void
  readonly refuse: (error: unknown) => void
}

/** A shared stream with a simulated disk, which stores JSON text. */
export class FakeStream implements SharedStream {
  texts: string[] = []
  /** Number of calls, successful or not. */
  appends = 0
  rewrites = 0
  reads = 0
  closes = 0
  /** If set, every call fails with it. */
  error: Error | undefined
  /** If true, nothing becomes durable before `flush`. */
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

  /** Makes waiting writes durable, or lets them fail. */
  flush(): void {
    for (const write of this.#waiting.splice(0)) {
      if (this.error) {
        write.refuse(this.error)
        continue
      }
      this.#store(write.texts, write.isRewrite)
      write.done()
    }
  }

  /** Simulates the end of the process: waiting writes never settle. `lands`: they reached the disk anyway. */
  crash(lands: boolean): void {
    for (const { texts, isRewrite } of this.#waiting.splice(0)) if (lands) this.#store(texts, isRewrite)
  }

  /** Waiting writes reach the disk but report a failure. */
  storeButFail(): void {
    for (const { texts, isRewrite, refuse } of this.#waiting.splice(0)) {
      this.#store(texts, isRewrite)
      refuse(new Error('the connection was lost'))
    }
  }

  #write(records: readonly Json[], isRewrite: boolean): void | Promise<void> {
    const texts = records.map(record => JSON.stringify(record))
    if (this.isSlow) {
      return new Promise((done, refuse) => {
        this.#waiting.push({ texts, isRewrite, done, refuse })
      })
    }
    if (this.error) throw this.error
    this.#store(texts, isRewrite)
  }

  #store(texts: readonly string[], isRewrite: boolean): void {
    if (isRewrite) this.texts = [...texts]
    else this.texts.push(...texts)
  }
}
