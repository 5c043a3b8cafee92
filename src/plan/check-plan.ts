import { isInstance } from '../core/read-member.js'
import { markChecked } from '../core/scheduler/prepared-plan.js'
import type { FailureMode } from '../core/state/events.js'
import type { TaskSpec } from '../core/state/task.js'
import { checkGraph } from './graph-check.js'
import { readPlanData } from './plan.js'
import type { PlanInput } from './plan-input.js'
import { selectTasks } from './select.js'
import { TaskGraph } from './task-graph.js'

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

/** True for a task with this function of its own. `run` is called in place of a backend, `approval` decides in place of the option. */
export type HasFunction = (id: string, part: 'run' | 'approval') => boolean

/** Checks a plan before it is run. `isKnown` says which tasks the run already has, if it is live. */
export function checkPlan(
  input: PlanInput,
  only: readonly string[] | undefined,
  isKnown?: (id: string) => boolean,
): CheckedPlan {
  const graph = isInstance(TaskGraph, input) ? input : undefined
  const plan = graph ?? readPlanData(input, isKnown)
  if (graph) checkGraph(graph.tasks, isKnown)
  if (graph && !isKnown) markChecked(graph.tasks)
  return {
    name: plan.name,
    version: plan.version,
    only,
    failureMode: 'failureMode' in plan ? plan.failureMode : undefined,
    tasks: only ? selectTasks(plan.tasks, only) : plan.tasks,
    graph,
    hasFunction: (id, part) => graph?.binding(id)?.[part] !== undefined,
  }
}
