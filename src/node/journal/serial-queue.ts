/**
 * What comes in lists, one by one.
 * BAD: an async generator that yields each. It takes several turns of promises for every record (measured: 0.4 us, and twice that
 * through a second one). GOOD: `next` gives what is there at once, and waits for a list only.
 */
export class SerialQueue<T> implements AsyncIterableIterator<T> {
  readonly #lists: AsyncGenerator<readonly T[], void, undefined>
  #list: readonly T[] = []
  #next = 0
  /** The calls that wait for a list, one after the other. */
  #waiting = 0
  #turn: Promise<unknown> = Promise.resolve()

  constructor(lists: AsyncGenerator<readonly T[], void, undefined>) {
    this.#lists = lists
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  next(): Promise<IteratorResult<T, void>> {
    if (this.#waiting === 0 && this.#next < this.#list.length)
      return Promise.resolve({ done: false, value: this.#list[this.#next++] as T })
    this.#waiting++
    const result = this.#turn.then(() => this.#take())
    this.#turn = result.catch(() => {})
    return result
  }

  async return(): Promise<IteratorResult<T, void>> {
    this.#list = []
    await this.#lists.return()
    return { done: true, value: undefined }
  }

  async #take(): Promise<IteratorResult<T, void>> {
    try {
      while (this.#next >= this.#list.length) {
        const lists = await this.#lists.next()
        if (lists.done) return { done: true, value: undefined }
        this.#list = lists.value
        this.#next = 0
      }
      return { done: false, value: this.#list[this.#next++] as T }
    } finally {
      this.#waiting--
    }
  }
}
