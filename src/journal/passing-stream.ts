import type { Json } from '../core/json.js'
import type { Journal, JournalProblem } from './journal.js'
import type { SharedStream } from './shared-stream.js'

type Instead = (error: unknown) => SharedStream

/** A stream that ends with this process. */
function passingStream(): SharedStream {
  let records: Json[] = []
  return {
    read: () => records,
    append: record => {
      records.push(record)
    },
    replace: others => {
      records = [...others]
    },
    close: () => {},
  }
}

/**
 * A shared stream that is opened when it is first used; one that could not be is opened the next time. With `instead`, what would be
 * kept in it ends with this process, and the runs go on.
 */
class LazyStream implements SharedStream {
  readonly #open: () => SharedStream | Promise<SharedStream>
  readonly #instead: Instead | undefined
  #stream: SharedStream | Promise<SharedStream> | undefined
  /** Something of ours is in it: nobody else has it. */
  #isOurs = false

  constructor(open: () => SharedStream | Promise<SharedStream>, instead: Instead | undefined) {
    this.#open = open
    this.#instead = instead
  }

  read(): Iterable<Json> | AsyncIterable<Json> {
    const now = this.#there()
    return now instanceof Promise ? readLater(now) : now.read()
  }

  append(record: Json): void | Promise<void> {
    const now = this.#there()
    const appended = now instanceof Promise ? now.then(opened => opened.append(record)) : now.append(record)
    if (!(appended instanceof Promise)) return appended
    const kept = (): void => {
      this.#isOurs = true
    }
    // Another may have taken it between the look at it, when there was nothing, and the first record.
    return appended.then(kept, error => this.#pass(error).append(record))
  }

  replace(records: readonly Json[]): void | Promise<void> {
    const now = this.#there()
    return now instanceof Promise ? now.then(opened => replaced(opened, records)) : replaced(now, records)
  }

  /** One that nobody has used is not opened for that. */
  close(): void | Promise<void> {
    const now = this.#stream
    return now instanceof Promise ? now.then(opened => opened.close()) : now?.close()
  }

  #there(): SharedStream | Promise<SharedStream> {
    if (this.#stream !== undefined) return this.#stream
    try {
      const opening = this.#open()
      this.#stream = opening instanceof Promise ? this.#await(opening) : opening
    } catch (error) {
      this.#stream = this.#pass(error)
    }
    return this.#stream
  }

  async #await(opening: Promise<SharedStream>): Promise<SharedStream> {
    try {
      this.#stream = await opening
    } catch (error) {
      this.#stream = undefined
      this.#stream = this.#pass(error)
    }
    return this.#stream
  }

  #pass(error: unknown): SharedStream {
    if (this.#isOurs || this.#instead === undefined) throw error
    this.#stream = this.#instead(error)
    return this.#stream
  }
}

async function* readLater(opening: Promise<SharedStream>): AsyncGenerator<Json, void, undefined> {
  yield* (await opening).read()
}

/**
 * Opens the streams of a journal by name; gives undefined when it has none. Where one cannot be opened (another process has it, it is
 * damaged), `passes` says that the runs go on without what it keeps; else whoever reads it is told, and may try again.
 */
export function sharedStreamsOf(
  journal: Journal | undefined,
  report: (problem: JournalProblem) => void,
): (name: string, passes: boolean) => SharedStream | undefined {
  const shared = journal?.shared?.bind(journal)
  return (name, passes) => {
    if (shared === undefined) return undefined
    const message = `what is kept of ${name} over a restart cannot be opened, and ends with this process`
    const instead = (error: unknown): SharedStream => {
      report({ error, message })
      return passingStream()
    }
    return new LazyStream(() => shared(name, { report }), passes ? instead : undefined)
  }
}

/** One that cannot be written anew says so: whoever asked goes on adding to it. */
function replaced(stream: SharedStream, records: readonly Json[]): void | Promise<void> {
  if (stream.replace === undefined) throw new Error('this stream cannot be written anew')
  return stream.replace(records)
}
