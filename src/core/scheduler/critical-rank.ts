import type { RunState } from '../state/run-state.js'
import type { TaskSpec } from '../state/task.js'

/**
 * The longest remaining path of each task: its own expected time and that of the longest chain of tasks that wait for it.
 * Starting the longest first is within 0.6 % of the optimum where durations are known (see docs/concepts.md, "Ready order").
 * A hint: it changes the order of starts, never their correctness, and is not journaled.
 */
export class CriticalRanks {
  #paths: number[] = []
  #known = 0
  #knownMs = 0

  /** True while the paths are those of another one, too. */
  #shares = false

  /** One that further tasks do not touch. This one must not change any more. */
  copy(): CriticalRanks {
    const ranks = new CriticalRanks()
    ranks.#paths = this.#paths
    ranks.#known = this.#known
    ranks.#knownMs = this.#knownMs
    ranks.#shares = true
    return ranks
  }

  of(index: number): number {
    return this.#paths[index] as number
  }

  /** Takes in the tasks from `first` on, which have just been added to `state`; `raised` hears of each older task whose path has grown. */
  extend(state: RunState, first: number, raised: (index: number) => void = () => {}): void {
    if (this.#shares) this.#paths = this.#paths.slice()
    this.#shares = false
    const end = state.specs.length
    for (let i = first; i < end; i++) this.#learn(state.specs[i] as TaskSpec)
    for (let i = first; i < end; i++) this.#paths.push(this.#durationOf(state, i))
    let steps = 8 * (end + state.edgeTo.length)
    if (state.edgeTo.length === 0) return
    for (const i of fromTheEnd(state, first))
      if ((state.dependencies[i] as readonly number[]).length > 0)
        steps -= this.#raiseNeeds(state, i, first, steps, raised)
  }

  #learn({ durationMs }: TaskSpec): void {
    if (durationMs === undefined) return
    this.#known++
    this.#knownMs += durationMs
  }

  /** A task of unknown duration counts as an average one of its run. */
  #durationOf(state: RunState, index: number): number {
    return (state.specs[index] as TaskSpec).durationMs ?? (this.#known === 0 ? 1 : this.#knownMs / this.#known)
  }

  /**
   * Invariant: a new task is met after all that wait for it, so its path is final when it is passed on. Only an older task, which is
   * not met, has to pass it on again. Such a wave can be long in an odd graph: it is cut off after `limit` steps, for this is a hint.
   * Gives the steps taken.
   */
  #raiseNeeds(state: RunState, index: number, first: number, limit: number, raised: (index: number) => void): number {
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

/** The tasks from `first` on, each after all that wait for it. Mostly that is just backwards. */
function fromTheEnd(state: RunState, first: number): readonly number[] {
  const order: number[] = []
  const end = state.specs.length
  let namesAhead = false
  for (let i = end - 1; i >= first; i--) {
    order.push(i)
    for (const need of state.dependencies[i] as readonly number[]) namesAhead ||= need > i
  }
  return namesAhead ? byDependents(state, first) : order
}

/** Kahn, CACM 5(11), 1962, from the other end. */
function byDependents(state: RunState, first: number): readonly number[] {
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
