import type { Json } from '../core/json.js'
import type { Journal, JournalProblem } from './journal.js'
import { memoryStream } from './memory-stream.js'
import type { SharedStream } from './shared-stream.js'

/** Handles an error of opening a stream: returns a stream to use instead, or throws. */
type OnOpenError = (error: unknown) => SharedStream

/**
 * A shared stream that is opened on first use. If opening fails, the error goes to the caller and the next use tries again; with a fallback,
 * a stream in memory takes its place.
 */
class LazyStream implements SharedStream {
  readonly #open: () => SharedStream | Promise<SharedStream>
  readonly #onOpenError: OnOpenError
  #stream: SharedStream | Promise<SharedStream> | undefined
  /** True once it has a record of ours: then no other process has it. */
  #isOurs = false

  constructor(open: () => SharedStream | Promise<SharedStream>, onOpenError: OnOpenError) {
    this.#open = open
    this.#onOpenError = onOpenError
  }

  read(): Iterable<Json> | AsyncIterable<Json> {
    const stream = this.#opened()
    return stream instanceof Promise ? readLater(stream) : stream.read()
  }

  append(record: Json): void | Promise<void> {
    const stream = this.#opened()
    const appended = stream instanceof Promise ? stream.then(opened => opened.append(record)) : stream.append(record)
    if (!(appended instanceof Promise)) return appended
    const done = (): void => {
      this.#isOurs = true
    }
    // Another process may have taken the stream after it was read as empty and before its first record.
    return appended.then(done, error => this.#fallBack(error).append(record))
  }

  replace(records: readonly Json[]): void | Promise<void> {
    const stream = this.#opened()
    return stream instanceof Promise ? stream.then(opened => replaceAll(opened, records)) : replaceAll(stream, records)
  }

  /** Does not open it if it has not been used. */
  close(): void | Promise<void> {
    const stream = this.#stream
    return stream instanceof Promise ? stream.then(opened => opened.close()) : stream?.close()
  }

  #opened(): SharedStream | Promise<SharedStream> {
    if (this.#stream !== undefined) return this.#stream
    try {
      const opening = this.#open()
      this.#stream = opening instanceof Promise ? this.#await(opening) : opening
    } catch (error) {
      this.#stream = this.#fallBack(error)
    }
    return this.#stream
  }

  async #await(opening: Promise<SharedStream>): Promise<SharedStream> {
    try {
      this.#stream = await opening
    } catch (error) {
      this.#stream = undefined
      this.#stream = this.#fallBack(error)
    }
    return this.#stream
  }

  #fallBack(error: unknown): SharedStream {
    if (this.#isOurs) throw error
    this.#stream = this.#onOpenError(error)
    return this.#stream
  }
}

async function* readLater(opening: Promise<SharedStream>): AsyncGenerator<Json, void, undefined> {
  yield* (await opening).read()
}

/** @throws Error for a stream that cannot replace its records: the caller continues to append. */
function replaceAll(stream: SharedStream, records: readonly Json[]): void | Promise<void> {
  if (stream.replace === undefined) throw new Error('this stream cannot be rewritten')
  return stream.replace(records)
}

/**
 * Returns a function that opens the shared streams of a journal by name; it returns undefined where the journal has none. When a stream
 * cannot be opened, because another process has it or it is damaged: with `fallsBack` that is reported, and the stream is kept in memory;
 * without, the error goes to the caller, which may try again.
 */
export function sharedStreamsOf(
  journal: Journal | undefined,
  report: (problem: JournalProblem) => void,
): (name: string, fallsBack: boolean) => SharedStream | undefined {
  const shared = journal?.shared?.bind(journal)
  return (name, fallsBack) => {
    if (shared === undefined) return undefined
    const onOpenError: OnOpenError = error => {
      if (!fallsBack) throw error
      report({
        error,
        message: `the shared stream of ${name} cannot be opened: its records are lost when this process ends. Give each process a journal of its own, with fileJournal a folder`,
      })
      return memoryStream([])
    }
    return new LazyStream(() => shared(name, { report }), onOpenError)
  }
}
