import { ReadyQueue } from './ready-queue.js'

/** The waiting tasks of one priority. Entries of tasks that have been taken stay until they are reached. */
interface Level {
  readonly priority: number
  /** Longest remaining path first. */
  readonly byPath: ReadyQueue
  /** The one that has waited longest first. */
  readonly byAge: ReadyQueue
}

/**
 * The ready tasks of one run in one pool, in the default order:
 *
 * 1. The most urgent priority starts first, where a task that has waited `agingMs` longer than another counts as one step more urgent. Only
 *    the difference of their waiting times matters.
 * 2. Of the tasks of the most urgent priority, that with the longest remaining path starts first, unless another one of them has
 *    waited `agingMs` longer.
 *
 * Invariant: no task waits for ever. Those that become ready more than `agingMs` per step after it never start before it.
 */
export class AgingQueue {
  readonly #agingMs: () => number
  /** Most urgent first. Those without a waiting task are removed. */
  readonly #levels: Level[] = []
  /** By the index of a task: when it became ready; NaN when it does not wait any more. Numbers alone, which V8 stores without boxes. */
  readonly #readyAt: number[] = []
  #size = 0
  /** What `peek` returned last, while nothing has changed since. */
  #next: number | undefined

  /** `agingMs` may change at any time. */
  constructor(agingMs: () => number) {
    this.#agingMs = agingMs
  }

  /** How many tasks wait. */
  get size(): number {
    return this.#size
  }

  /** Adds a task, or changes the remaining path of one that waits. `readyAt`: in milliseconds, on any time line. */
  push(index: number, priority: number, readyAt: number, path: number): void {
    const { byPath, byAge } = this.#levelOf(priority)
    this.#next = undefined
    byPath.push(index, 0, path)
    if (!this.#waits(index)) this.#size++
    if (this.#readyAt[index] === readyAt) return
    this.#readyAt[index] = readyAt
    byAge.push(index, readyAt, 0)
  }

  /** The task that starts next; -1 when there is none. */
  peek(): number {
    this.#next = this.#find()
    return this.#next
  }

  /** Removes what `peek` returns; -1 when there is none. */
  pop(): number {
    const index = this.#next ?? this.peek()
    this.#next = undefined
    if (index === -1) return -1
    this.#readyAt[index] = Number.NaN
    this.#size--
    return index
  }

  #find(): number {
    const agingMs = this.#agingMs()
    const level = this.#nextLevel(agingMs)
    if (level === undefined) return -1
    const oldest = level.byAge.peek()
    if (level !== this.#levels[0]) return oldest
    const next = level.byPath.peek()
    return (this.#readyAt[next] as number) - level.byAge.topUrgency >= agingMs ? oldest : next
  }

  #waits(index: number): boolean {
    const readyAt = this.#readyAt[index]
    return readyAt !== undefined && !Number.isNaN(readyAt)
  }

  #nextLevel(agingMs: number): Level | undefined {
    let next: Level | undefined
    for (let at = 0; at < this.#levels.length; at++) {
      const level = this.#levels[at] as Level
      if (!this.#dropTaken(level)) this.#levels.splice(at--, 1)
      else if (next === undefined || isBefore(level, next, agingMs)) next = level
    }
    return next
  }

  /** False when no task of the level waits. */
  #dropTaken({ byAge, byPath }: Level): boolean {
    while (byAge.size > 0 && this.#readyAt[byAge.peek()] !== byAge.topUrgency) byAge.pop()
    while (byPath.size > 0 && !this.#waits(byPath.peek())) byPath.pop()
    // Taken in the order of paths, tasks leave entries behind an old one that still waits.
    if (byAge.size > 2 * this.#size + 64) byAge.retain((index, readyAt) => this.#readyAt[index] === readyAt)
    return byAge.size > 0
  }

  #levelOf(priority: number): Level {
    let at = this.#levels.length
    while (at > 0 && (this.#levels[at - 1] as Level).priority > priority) at--
    const known = this.#levels[at - 1]
    if (known?.priority === priority) return known
    const level = { priority, byPath: new ReadyQueue(), byAge: new ReadyQueue() }
    this.#levels.splice(at, 0, level)
    return level
  }
}

/** Whether the oldest task of a less urgent priority has waited long enough to start before that of `other`. */
function isBefore({ priority, byAge }: Level, other: Level, agingMs: number): boolean {
  return other.byAge.topUrgency - byAge.topUrgency >= (priority - other.priority) * agingMs
}
