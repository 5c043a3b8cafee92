/**
 * The ready tasks of one run in one pool, most urgent first: lowest urgency (priority, with age folded in), then longest remaining path,
 * then lowest index. A binary heap. The key of an entry does not change while it waits.
 */
export class ReadyQueue {
  // Three lists of numbers side by side: an object per entry would take more time and memory.
  #urgencies = new Float64Array(8)
  #paths = new Float64Array(8)
  #indexes = new Int32Array(8)
  #size = 0

  get size(): number {
    return this.#size
  }

  push(index: number, urgency: number, path: number): void {
    if (this.#size === this.#indexes.length) this.#grow()
    let at = this.#size++
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!this.#precedes(index, urgency, path, parent)) break
      this.#copy(parent, at)
      at = parent
    }
    this.#set(at, index, urgency, path)
  }

  /** The most urgent entry; -1 when there is none. */
  peek(): number {
    return this.#size === 0 ? -1 : (this.#indexes[0] as number)
  }

  /** Removes and returns the most urgent entry; -1 when there is none. */
  pop(): number {
    if (this.#size === 0) return -1
    const top = this.#indexes[0] as number
    this.#size--
    if (this.#size > 0) this.#siftDown()
    return top
  }

  /** Moves the last entry to where it belongs, from the top. */
  #siftDown(): void {
    const size = this.#size
    const [index, urgency, path] = [
      this.#indexes[size] as number,
      this.#urgencies[size] as number,
      this.#paths[size] as number,
    ]
    let at = 0
    for (let child = 1; child < size; child = 2 * at + 1) {
      const right = child + 1
      if (
        right < size &&
        this.#precedes(
          this.#indexes[right] as number,
          this.#urgencies[right] as number,
          this.#paths[right] as number,
          child,
        )
      )
        child = right
      if (this.#precedes(index, urgency, path, child)) break
      this.#copy(child, at)
      at = child
    }
    this.#set(at, index, urgency, path)
  }

  /** True when an entry of these keys goes before the one at `at`. */
  #precedes(index: number, urgency: number, path: number, at: number): boolean {
    const otherUrgency = this.#urgencies[at] as number
    if (urgency !== otherUrgency) return urgency < otherUrgency
    const otherPath = this.#paths[at] as number
    return path === otherPath ? index < (this.#indexes[at] as number) : path > otherPath
  }

  #copy(from: number, to: number): void {
    this.#set(to, this.#indexes[from] as number, this.#urgencies[from] as number, this.#paths[from] as number)
  }

  #set(at: number, index: number, urgency: number, path: number): void {
    this.#urgencies[at] = urgency
    this.#paths[at] = path
    this.#indexes[at] = index
  }

  #grow(): void {
    const length = 2 * this.#indexes.length
    this.#urgencies = grown(this.#urgencies, new Float64Array(length))
    this.#paths = grown(this.#paths, new Float64Array(length))
    this.#indexes = grown(this.#indexes, new Int32Array(length))
  }
}

function grown<T extends Float64Array | Int32Array>(from: T, to: T): T {
  to.set(from)
  return to
}
