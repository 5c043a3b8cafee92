/**
 * The ready tasks of one run in one pool, most urgent first: lowest urgency (see `core/scheduler/order.ts`), then longest remaining path,
 * then lowest index. The key of an entry does not change while it waits.
 *
 * Entries that arrive in order are a sorted list, taken from its front in constant time. The first one out of order makes the list a binary
 * heap, until it is empty again: a sorted list is a heap already.
 */
export class ReadyQueue {
  // Three lists of numbers side by side: an object per entry would take more time and memory.
  #urgencies = new Float64Array(8)
  #paths = new Float64Array(8)
  #indexes = new Int32Array(8)
  /** The end of the entries, and their start: above 0 only while they are a sorted list. */
  #end = 0
  #start = 0
  #isSorted = true

  get size(): number {
    return this.#end - this.#start
  }

  push(index: number, urgency: number, path: number): void {
    if (this.#isSorted && this.size > 0 && this.#precedes(index, urgency, path, this.#end - 1)) this.#toHeap()
    if (this.#end === this.#indexes.length) this.#makeRoom()
    let at = this.#end++
    while (at > 0 && !this.#isSorted) {
      const parent = (at - 1) >> 1
      if (!this.#precedes(index, urgency, path, parent)) break
      this.#copy(parent, at)
      at = parent
    }
    this.#set(at, index, urgency, path)
  }

  /** The most urgent entry; -1 when there is none. */
  peek(): number {
    return this.size === 0 ? -1 : (this.#indexes[this.#start] as number)
  }

  /** The urgency of the most urgent entry. Call it only when there is one. */
  get topUrgency(): number {
    return this.#urgencies[this.#start] as number
  }

  /** Removes the entries for which `keeps` returns false. */
  retain(keeps: (index: number, urgency: number) => boolean): void {
    const kept = new ReadyQueue()
    for (let at = this.#start; at < this.#end; at++) {
      const [index, urgency] = [this.#indexes[at] as number, this.#urgencies[at] as number]
      if (keeps(index, urgency)) kept.push(index, urgency, this.#paths[at] as number)
    }
    this.#urgencies = kept.#urgencies
    this.#paths = kept.#paths
    this.#indexes = kept.#indexes
    this.#end = kept.#end
    this.#start = kept.#start
    this.#isSorted = kept.#isSorted
  }

  /** Removes and returns the most urgent entry; -1 when there is none. */
  pop(): number {
    const top = this.peek()
    if (top === -1) return -1
    if (this.#isSorted) this.#start++
    else if (--this.#end > 0) this.#siftDown()
    if (this.size === 0) {
      this.#start = 0
      this.#end = 0
      this.#isSorted = true
    }
    return top
  }

  #toHeap(): void {
    this.#isSorted = false
    this.#shift()
  }

  /** Moves the entries of a sorted list to the beginning. */
  #shift(): void {
    for (const list of [this.#urgencies, this.#paths, this.#indexes]) list.copyWithin(0, this.#start, this.#end)
    this.#end -= this.#start
    this.#start = 0
  }

  #makeRoom(): void {
    if (this.#start > this.#end / 2) this.#shift()
    else this.#grow()
  }

  /** Moves the last entry to where it belongs, from the top. */
  #siftDown(): void {
    const size = this.#end
    const index = this.#indexes[size] as number
    const urgency = this.#urgencies[size] as number
    const path = this.#paths[size] as number
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
