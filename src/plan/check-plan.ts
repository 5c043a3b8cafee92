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
  /** For the input functions and output schemas. */
  readonly graph: TaskGraph | undefined
}

/** What may be given to `run` and `add`: a `TaskGraph`, what `parsePlan` made, or a plan as plain data, which is parsed. */
export type PlanInput = PlanSource | { readonly tasks: readonly object[] }

/** Reads and checks what a run is to do. `known` tells the tasks that the run already has. */
export function checkPlan(
  input: PlanInput,
  only: readonly string[] | undefined,
  known?: (id: string) => boolean,
): CheckedPlan {
  const graph = input instanceof TaskGraph ? input : undefined
  if (graph) checkGraph(graph.tasks, known)
  const plan: Plan = graph ?? (known ? parseAddition(input, known) : parsePlan(input))
  return {
    name: plan.name,
    version: plan.version,
    only,
    failureMode: plan.failureMode,
    tasks: only ? selectTasks(plan.tasks, only) : plan.tasks,
    graph,
  }
}
