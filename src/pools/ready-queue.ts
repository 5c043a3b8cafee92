/**
 * The ready tasks of one run in one pool, most urgent first: lowest urgency (priority, with age folded in), then longest remaining path,
 * then the order in which they were added. The key of an entry does not change while it waits.
 *
 * Tasks mostly become ready in the order in which they will be taken: such entries are appended to a list and taken from its head,
 * which costs nothing. Only one that is more urgent than the last of the list goes to the heap.
 */
export class ReadyQueue {
  readonly #inOrder = new Entries()
  #head = 0
  readonly #heap = new Entries()
  /** The key of what was taken last. */
  #urgency = 0
  #path = 0

  get size(): number {
    return this.#inOrder.size - this.#head + this.#heap.size
  }

  push(index: number, urgency: number, path: number): void {
    const list = this.#inOrder
    if (list.size === this.#head || !precedes(urgency, path, index, list, list.size - 1))
      list.push(index, urgency, path)
    else siftUp(this.#heap, this.#heap.push(index, urgency, path))
  }

  /** Takes the most urgent entry; -1 when there is none. */
  pop(): number {
    if (this.size === 0) return -1
    const fromHeap = this.#fromHeap()
    const from = fromHeap ? this.#heap : this.#inOrder
    const at = fromHeap ? 0 : this.#head
    this.#urgency = from.urgencies[at] as number
    this.#path = from.paths[at] as number
    if (fromHeap) return popHeap(this.#heap)
    const index = this.#inOrder.indexes[this.#head++] as number
    if (this.#head === this.#inOrder.size || (this.#head >= 1_024 && this.#head * 2 >= this.#inOrder.size)) {
      this.#inOrder.dropFirst(this.#head)
      this.#head = 0
    }
    return index
  }

  /** Puts back what `pop` gave last: it will come next, unless something more urgent is pushed. */
  putBack(index: number): void {
    this.push(index, this.#urgency, this.#path)
  }

  #fromHeap(): boolean {
    const { urgencies, paths, indexes } = this.#heap
    if (this.#heap.size === 0) return false
    if (this.#inOrder.size === this.#head) return true
    return precedes(urgencies[0] as number, paths[0] as number, indexes[0] as number, this.#inOrder, this.#head)
  }
}

/** Three lists of numbers side by side: an object per entry would cost more than all the rest. */
class Entries {
  urgencies: Float64Array = new Float64Array(8)
  paths: Float64Array = new Float64Array(8)
  indexes: Int32Array = new Int32Array(8)
  size = 0

  push(index: number, urgency: number, path: number): number {
    const at = this.size++
    if (at === this.indexes.length) this.#grow()
    this.set(at, index, urgency, path)
    return at
  }

  dropFirst(count: number): void {
    const { size } = this
    this.urgencies.copyWithin(0, count, size)
    this.paths.copyWithin(0, count, size)
    this.indexes.copyWithin(0, count, size)
    this.size = size - count
  }

  copy(from: number, to: number): void {
    this.set(to, this.indexes[from] as number, this.urgencies[from] as number, this.paths[from] as number)
  }

  set(at: number, index: number, urgency: number, path: number): void {
    this.urgencies[at] = urgency
    this.paths[at] = path
    this.indexes[at] = index
  }

  #grow(): void {
    const { urgencies, paths, indexes } = this
    const size = 2 * indexes.length
    this.urgencies = new Float64Array(size)
    this.urgencies.set(urgencies)
    this.paths = new Float64Array(size)
    this.paths.set(paths)
    this.indexes = new Int32Array(size)
    this.indexes.set(indexes)
  }
}

/** True when an entry of these keys goes before entry `at`. */
function precedes(urgency: number, path: number, index: number, entries: Entries, at: number): boolean {
  const otherUrgency = entries.urgencies[at] as number
  if (urgency !== otherUrgency) return urgency < otherUrgency
  const otherPath = entries.paths[at] as number
  if (path !== otherPath) return path > otherPath
  return index < (entries.indexes[at] as number)
}

function siftUp(heap: Entries, from: number): void {
  const urgency = heap.urgencies[from] as number
  const path = heap.paths[from] as number
  const index = heap.indexes[from] as number
  let at = from
  while (at > 0) {
    const parent = (at - 1) >> 1
    if (!precedes(urgency, path, index, heap, parent)) break
    heap.copy(parent, at)
    at = parent
  }
  heap.set(at, index, urgency, path)
}

function popHeap(heap: Entries): number {
  const top = heap.indexes[0] as number
  const last = heap.size - 1
  const urgency = heap.urgencies[last] as number
  const path = heap.paths[last] as number
  const index = heap.indexes[last] as number
  heap.size = last
  if (last > 0) siftDown(heap, index, urgency, path)
  return top
}

/** Puts an entry where the top was taken. */
function siftDown(heap: Entries, index: number, urgency: number, path: number): void {
  const size = heap.size
  let at = 0
  for (let child = 1; child < size; child = 2 * at + 1) {
    const right = child + 1
    if (
      right < size &&
      precedes(heap.urgencies[right] as number, heap.paths[right] as number, heap.indexes[right] as number, heap, child)
    )
      child = right
    if (precedes(urgency, path, index, heap, child)) break
    heap.copy(child, at)
    at = child
  }
  heap.set(at, index, urgency, path)
}
