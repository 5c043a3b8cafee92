/** The places of tasks by their ids. What a run has in common with others of its plan stands there once. */
export class TaskIds {
  #shared: ReadonlyMap<string, number> = new Map()
  readonly #own = new Map<string, number>()
  /** Knows all tasks that this one will be told of, at the same places. */
  readonly #ahead: TaskIds | undefined
  /** How many of those it has been told of. */
  #told: number

  constructor(ahead?: TaskIds) {
    this.#ahead = ahead
    this.#told = ahead?.size ?? 0
  }

  /** How many there are. */
  get size(): number {
    return this.#ahead ? this.#told : this.#shared.size + this.#own.size
  }

  /** The place of a task; undefined when it is not there. */
  get(id: string): number | undefined {
    if (this.#ahead === undefined) return this.#shared.get(id) ?? this.#own.get(id)
    const index = this.#ahead.get(id)
    return index !== undefined && index < this.#told ? index : undefined
  }

  /** True when there is a task of that id. */
  has(id: string): boolean {
    return this.get(id) !== undefined
  }

  /** A task has been added, at the next place. */
  set(id: string, index: number): void {
    if (this.#ahead) this.#told = index + 1
    else this.#own.set(id, index)
  }

  /** One that hears of the same tasks later, and has no list of its own. */
  follow(): TaskIds {
    return new TaskIds(this)
  }

  /** Has all that `others` have, which must not change any more, in place of what it has. */
  adopt(others: TaskIds): void {
    this.#shared = others.#shared.size === 0 ? others.#own : others.#shared
    this.#own.clear()
  }
}
