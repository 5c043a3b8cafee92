import { markChecked } from '../core/scheduler/prepared-plan.js'
import type { FailureMode } from '../core/state/events.js'
import type { TaskSpec } from '../core/state/task.js'
import { checkGraph } from './graph-check.js'
import { type Plan, parseAddition, parsePlan } from './plan.js'
import { selectTasks } from './select.js'
import { type PlanSource, TaskGraph } from './task-graph.js'

/** A plan that has been checked. */
export interface CheckedPlan {
  readonly name: string | undefined
  readonly version: string | undefined
  readonly failureMode: FailureMode | undefined
  readonly only: readonly string[] | undefined
  readonly tasks: readonly TaskSpec[]
  /** Has the input functions and output schemas; undefined for plain data. */
  readonly graph: TaskGraph | undefined
  readonly hasFunction: HasFunction
}

/** True for a task that has a function of its own, which is called in place of a backend. */
export type HasFunction = (id: string) => boolean

/** Finds the functions of tasks in these graphs. */
export function functionsOf(graphs: readonly TaskGraph[]): HasFunction {
  return id => graphs.some(graph => graph.binding(id)?.run !== undefined)
}

/** What `run` and `add` accept: a `TaskGraph`, a plan of `parsePlan`, or a plan as plain data, which is then parsed. */
export type PlanInput = PlanSource | { readonly tasks: readonly object[] }

/** Checks a plan before it is run. `isKnown` says which tasks the run already has, if it is live. */
export function checkPlan(
  input: PlanInput,
  only: readonly string[] | undefined,
  isKnown?: (id: string) => boolean,
): CheckedPlan {
  const graph = input instanceof TaskGraph ? input : undefined
  const plan: Plan = graph ?? (isKnown ? parseAddition(input, isKnown) : parsePlan(input))
  if (graph) checkGraph(graph.tasks, isKnown)
  if (graph && !isKnown) markChecked(graph.tasks)
  return {
    name: plan.name,
    version: plan.version,
    only,
    failureMode: plan.failureMode,
    tasks: only ? selectTasks(plan.tasks, only) : plan.tasks,
    graph,
    hasFunction: functionsOf(graph ? [graph] : []),
  }
}
