/**
 * The index of each task by its id. Runs of one prepared plan share the table of its ids; the ids of tasks that were added later
 * are stored separately.
 */
export class TaskIds {
  readonly #plan: TaskIds | undefined
  readonly #added = new Map<string, number>()

  /** @param plan Ids to start with. Shared, not copied: it must not change any more. */
  constructor(plan?: TaskIds) {
    this.#plan = plan
  }

  /** The number of tasks. */
  get size(): number {
    return (this.#plan?.size ?? 0) + this.#added.size
  }

  /** The index of a task; undefined when there is none with this id. */
  get(id: string): number | undefined {
    return this.#plan?.get(id) ?? this.#added.get(id)
  }

  /** True when there is a task with this id. */
  has(id: string): boolean {
    return this.get(id) !== undefined
  }

  /** Adds a task. */
  set(id: string, index: number): void {
    this.#added.set(id, index)
  }

  /** A copy that can be changed independently. */
  copy(): TaskIds {
    const copy = new TaskIds(this.#plan)
    for (const [id, index] of this.#added) copy.set(id, index)
    return copy
  }
}
