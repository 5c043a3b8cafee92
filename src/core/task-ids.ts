/** The places of tasks by their ids. What a run has in common with others of its plan stands there once. */
export class TaskIds {
  readonly #shared: ReadonlyMap<string, number>
  readonly #own: Map<string, number>

  constructor(shared: ReadonlyMap<string, number> = new Map(), own: ReadonlyMap<string, number> = new Map()) {
    this.#shared = shared
    this.#own = new Map(own)
  }

  /** How many there are. */
  get size(): number {
    return this.#shared.size + this.#own.size
  }

  /** The place of a task; undefined when it is not there. */
  get(id: string): number | undefined {
    return this.#shared.get(id) ?? this.#own.get(id)
  }

  /** True when there is a task of that id. */
  has(id: string): boolean {
    return this.get(id) !== undefined
  }

  /** A task has been added. */
  set(id: string, index: number): void {
    this.#own.set(id, index)
  }

  /** One that further tasks do not touch. */
  copy(): TaskIds {
    return new TaskIds(this.#shared, this.#own)
  }

  /** One that shares what is here, which must not change any more. */
  share(): TaskIds {
    return new TaskIds(this.#shared.size === 0 ? this.#own : this.#shared)
  }
}
