import { addTask } from '../state/evolve.js'
import { emptyState } from '../state/new-state.js'
import type { RunState } from '../state/run-state.js'
import type { TaskSpec } from '../state/task.js'
import { CriticalRanks } from './critical-rank.js'

/** What follows from the tasks of a plan alone: the same for all its runs, so it is worked out once. */
export interface PreparedPlan {
  /** A run that has these tasks, of which none is placed yet. Never changed. */
  readonly initialState: RunState
  readonly criticalRanks: CriticalRanks
}

/** Invariant: these lists and their tasks are frozen, all is there that they wait for, and nothing waits for itself. */
const sound = new WeakSet<readonly object[]>()
const wirings = new WeakMap<readonly TaskSpec[], PreparedPlan | undefined>()

/** These frozen tasks have been checked: they need no second look. */
export function markChecked(tasks: readonly TaskSpec[]): void {
  sound.add(tasks)
}

/** True for tasks that have been declared sound. */
export function isChecked(tasks: readonly object[]): boolean {
  return sound.has(tasks)
}

/** The wiring of sound tasks. Undefined for others, and where they make more of a run than lists: a task with a budget opens an account. */
export function preparedPlanOf(tasks: readonly TaskSpec[]): PreparedPlan | undefined {
  if (!wirings.has(tasks) && sound.has(tasks)) wirings.set(tasks, wired(tasks))
  return wirings.get(tasks)
}

function wired(tasks: readonly TaskSpec[]): PreparedPlan | undefined {
  if (tasks.some(({ budget }) => budget !== undefined)) return undefined
  const blank = emptyState('')
  for (let index = 0; index < tasks.length; index++) addTask(blank, tasks[index] as TaskSpec, false)
  const ranks = new CriticalRanks()
  ranks.extend(blank, 0)
  return { initialState: blank, criticalRanks: ranks }
}
