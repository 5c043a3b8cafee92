/** A list of which the first elements have been taken is cut when it has more of these than of others, and at least so many. */
const MIN_CUT = 1_024

/** First in, first out, in constant time: `Array.shift` takes milliseconds on a long list. */
export class Fifo<T> {
  readonly #items: T[] = []
  /** The position of the first element. */
  #first = 0

  get size(): number {
    return this.#items.length - this.#first
  }

  push(item: T): void {
    this.#items.push(item)
  }

  /** The first element; undefined when there is none. */
  peek(): T | undefined {
    return this.#items[this.#first]
  }

  /** Takes the first element; undefined when there is none. */
  shift(): T | undefined {
    // Usually there is one. `pop` keeps the capacity of the list, which would have to be allocated for the next one.
    if (this.size <= 1) {
      const last = this.size === 1 ? this.#items.pop() : undefined
      if (this.#first > 0) this.#items.length = this.#first = 0
      return last
    }
    const item = this.#items[this.#first++]
    if (this.#first >= MIN_CUT && this.#first > this.size) {
      this.#items.splice(0, this.#first)
      this.#first = 0
    }
    return item
  }

  [Symbol.iterator](): IterableIterator<T> {
    return this.#items.slice(this.#first).values()
  }

  /** Takes all elements. */
  takeAll(): readonly T[] {
    const all = [...this]
    this.#items.length = this.#first = 0
    return all
  }
}
