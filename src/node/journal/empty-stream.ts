import type { Json, SharedStream } from 'counterpoint'
import type { OpenStream } from './open-stream.js'

/** A shared stream of which there is nothing yet: made with its first record. Whoever has nothing to keep leaves no folder and takes no lock. */
export class EmptyStream implements SharedStream {
  readonly #make: () => Promise<OpenStream>
  #made: Promise<OpenStream> | undefined

  constructor(make: () => Promise<OpenStream>) {
    this.#make = make
  }

  async *read(): AsyncGenerator<Json, void, undefined> {
    if (this.#made) yield* (await this.#made).read()
  }

  async append(record: Json): Promise<void> {
    // It is written as it was when it was given.
    const text = JSON.stringify(record)
    await (await this.#there()).append(JSON.parse(text) as Json)
  }

  async replace(records: readonly Json[]): Promise<void> {
    const text = JSON.stringify(records)
    await (await this.#there()).replace(JSON.parse(text) as Json[])
  }

  async close(): Promise<void> {
    await (await this.#made?.catch(() => undefined))?.close()
  }

  /** One that could not be made may be made the next time. */
  #there(): Promise<OpenStream> {
    this.#made ??= this.#make()
    const made = this.#made
    made.catch(() => {
      if (this.#made === made) this.#made = undefined
    })
    return made
  }
}
