import type { RunState } from '../state/run-state.js'
import type { TaskSpec } from '../state/task.js'

/**
 * The longest remaining path of each task: its own expected duration plus that of the longest chain of tasks that depend on it.
 * Starting the longest first is within 0.6 % of the optimum where durations are known (see docs/concepts.md, "Ready order").
 * A hint: it affects the order of starts, never correctness, and is not journaled.
 */
export class CriticalRanks {
  #paths: number[] = []
  #known = 0
  #knownMs = 0

  /** True while `#paths` is shared with another instance: it is copied before it is changed. */
  #shares = false

  /** A copy for another run. This instance must not change any more. */
  copy(): CriticalRanks {
    const ranks = new CriticalRanks()
    ranks.#paths = this.#paths
    ranks.#known = this.#known
    ranks.#knownMs = this.#knownMs
    ranks.#shares = true
    return ranks
  }

  /** The length of the longest remaining path of a task: milliseconds where durations are known, otherwise a number of tasks. */
  of(index: number): number {
    return this.#paths[index] as number
  }

  /** Adds the tasks from index `first` on, which are new in `state`. Calls `raised` with each older task whose path has grown. */
  extend(state: RunState, first: number, raised: (index: number) => void = () => {}): void {
    if (this.#shares) this.#paths = this.#paths.slice()
    this.#shares = false
    const end = state.specs.length
    for (let i = first; i < end; i++) this.#addDuration(state.specs[i] as TaskSpec)
    for (let i = first; i < end; i++) this.#paths.push(this.#durationOf(state, i))
    let steps = 8 * (end + state.edgeTo.length)
    if (state.edgeTo.length === 0) return
    for (const i of dependentsFirst(state, first))
      if ((state.dependencies[i] as readonly number[]).length > 0)
        steps -= this.#raiseDependencies(state, i, first, steps, raised)
  }

  #addDuration({ durationMs }: TaskSpec): void {
    if (durationMs === undefined) return
    this.#known++
    this.#knownMs += durationMs
  }

  /** A task of unknown duration counts as an average task of its run. */
  #durationOf(state: RunState, index: number): number {
    return (state.specs[index] as TaskSpec).durationMs ?? (this.#known === 0 ? 1 : this.#knownMs / this.#known)
  }

  /**
   * Raises the paths of the dependencies of a task. Invariant: a new task is visited after all its dependents, so its path is final then.
   * Only older tasks, which are not visited, pass a longer path on to their dependencies. In unusual graphs that takes many steps, so it
   * ends after `limit` steps: the ranks are only a hint. Returns the number of steps.
   */
  #raiseDependencies(
    state: RunState,
    index: number,
    first: number,
    limit: number,
    raised: (index: number) => void,
  ): number {
    const work = [index]
    let steps = 0
    for (let next = work.pop(); next !== undefined && steps < limit; next = work.pop()) {
      const path = this.#paths[next] as number
      for (const need of state.dependencies[next] as readonly number[]) {
        steps++
        const through = path + this.#durationOf(state, need)
        if (through <= (this.#paths[need] as number)) continue
        this.#paths[need] = through
        if (need >= first) continue
        work.push(need)
        raised(need)
      }
    }
    return steps
  }
}

/** The tasks from index `first` on, each after all its dependents: mostly the reverse of the order in which they were added. */
function dependentsFirst(state: RunState, first: number): readonly number[] {
  const order: number[] = []
  const end = state.specs.length
  let hasForwardEdges = false
  for (let i = end - 1; i >= first; i--) {
    order.push(i)
    for (const need of state.dependencies[i] as readonly number[]) hasForwardEdges ||= need > i
  }
  return hasForwardEdges ? sortDependentsFirst(state, first) : order
}

/** Topological sort (Kahn, CACM 5(11), 1962) of the reversed graph. */
function sortDependentsFirst(state: RunState, first: number): readonly number[] {
  const end = state.specs.length
  const waiting: number[] = new Array<number>(end).fill(0)
  for (let i = first; i < end; i++)
    for (const need of state.dependencies[i] as readonly number[]) (waiting[need] as number)++
  const order: number[] = []
  for (let i = first; i < end; i++) if (waiting[i] === 0) order.push(i)
  for (let next = 0; next < order.length; next++)
    for (const need of state.dependencies[order[next] as number] as readonly number[]) {
      ;(waiting[need] as number)--
      if (waiting[need] === 0 && need >= first) order.push(need)
    }
  return order
}
