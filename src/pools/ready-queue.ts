/**
 * The ready tasks of one run in one pool, most urgent first: lowest urgency (priority, with age folded in), then longest remaining path,
 * then the order in which they were added. The key of an entry does not change while it waits.
 *
 * Tasks mostly become ready in the order in which they will be taken: such entries are appended to a list and taken from its head,
 * which costs nothing. Only one that is more urgent than the last of the list goes to the heap.
 */
export class ReadyQueue {
  readonly #inOrder = new InOrder()
  readonly #heap = new Entries()
  get size(): number {
    return this.#inOrder.size + this.#heap.size
  }

  push(index: number, urgency: number, path: number): void {
    if (!this.#inOrder.append(index, urgency, path)) siftUp(this.#heap, this.#heap.push(index, urgency, path))
  }

  /** The most urgent entry; -1 when there is none. */
  peek(): number {
    if (this.size === 0) return -1
    const { runs, head } = this.#inOrder
    return (this.#isHeapNext() ? this.#heap.indexes[0] : runs.indexes[head]) as number
  }

  /** Removes and returns the most urgent entry; -1 when there is none. */
  pop(): number {
    if (this.size === 0) return -1
    return this.#isHeapNext() ? popHeap(this.#heap) : this.#inOrder.take()
  }

  #isHeapNext(): boolean {
    const { runs, head, size } = this.#inOrder
    return this.#heap.size > 0 && (size === 0 || headsHeap(this.#heap, runs, head))
  }
}

/** True when the top of the heap goes before the first of a run. */
function headsHeap(heap: Entries, runs: Entries, run: number): boolean {
  return precedes(heap.urgencies[0] as number, heap.paths[0] as number, heap.indexes[0] as number, runs, run)
}

/**
 * A list in the order in which it will be taken. Tasks that follow each other and have the same key are one run: a plan of which everything
 * is ready at once, as many are, takes no room.
 */
class InOrder {
  /** The keys of the runs, and the first index that is left of each. */
  readonly runs: Entries = new Entries()
  #lasts: Int32Array = new Int32Array(8)
  /** The first run that is left. */
  head = 0
  size = 0

  /** False when the task goes before the last one here: its place is not at the end. */
  append(index: number, urgency: number, path: number): boolean {
    const { runs } = this
    const run = runs.size - 1
    if (this.size > 0) {
      const last = this.#lasts[run] as number
      const isSameKey = urgency === runs.urgencies[run] && path === runs.paths[run]
      if (isSameKey ? index < last : precedes(urgency, path, index, runs, run)) return false
      if (isSameKey && index === last + 1) {
        this.#lasts[run] = index
        this.size++
        return true
      }
    }
    const next = runs.push(index, urgency, path)
    if (next >= this.#lasts.length) this.#lasts = grown(this.#lasts, new Int32Array(2 * next))
    this.#lasts[next] = index
    this.size++
    return true
  }

  take(): number {
    const { runs, head } = this
    const index = runs.indexes[head] as number
    runs.indexes[head] = index + 1
    this.size--
    if (index === this.#lasts[head]) this.#drop()
    return index
  }

  /** The first run is empty. */
  #drop(): void {
    this.head++
    if (this.head < this.runs.size && (this.head < 1_024 || this.head * 2 < this.runs.size)) return
    this.#lasts.copyWithin(0, this.head, this.runs.size)
    this.runs.dropFirst(this.head)
    this.head = 0
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
    const size = 2 * this.indexes.length
    this.urgencies = grown(this.urgencies, new Float64Array(size))
    this.paths = grown(this.paths, new Float64Array(size))
    this.indexes = grown(this.indexes, new Int32Array(size))
  }
}

function grown<T extends Float64Array | Int32Array>(from: T, to: T): T {
  to.set(from)
  return to
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
