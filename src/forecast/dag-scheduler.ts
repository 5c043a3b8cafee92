import { once } from '../core/once.js'
import {
  DEFAULT_AGING_MS,
  DEFAULT_PRIORITY,
  numberOf,
  type Order,
  type OrderFacts,
  priorityOrder,
} from '../core/scheduler/order.js'
import { criticalRanksOf } from '../core/scheduler/prepared-plan.js'
import type { TaskSpec } from '../core/state/task.js'
import { checkMembers, checkOptions, fn, type MemberTypes, optionsOf } from '../options-check.js'
import { checkPlan } from '../plan/check-plan.js'
import type { PlanInput } from '../plan/plan-input.js'
import { ReadyQueue } from '../pools/ready-queue.js'
import { criticalPath, type PathStep, slackOf } from '../results/critical-path.js'
import { filledWithAverage, stepsOf } from './path-steps.js'
import { readyTasks, type StartedTask, statusesOf } from './ready-tasks.js'
import { VirtualRun } from './virtual-run.js'

/** What the default order reads. */
const FACTS: MemberTypes = { readyAt: 'number', agingMs: 'number' }

const rule = once(() => optionsOf({ order: fn.optional() }))

/**
 * Orders the ready tasks of a run, and analyses a plan without running anything. To replace it, pass an order (a function, or
 * an object with a method `order`) as the option `scheduler` of an orchestrator.
 *
 * A plan is a `TaskGraph`, the result of `parsePlan`, or plain data. The analysis assumes that every task succeeds, that a slot is always
 * free, and that a task without a `durationMs` takes the average of the others, or 1 ms if no task has one.
 *
 * ```ts
 * const scheduler = new DagScheduler()
 * scheduler.ready(plan, ['schema'])     // what can start once "schema" has succeeded
 * scheduler.criticalPath(plan).ids      // the chain of tasks that decides how long the plan takes
 * scheduler.slack(plan).get('frontend') // how much longer "frontend" may take, in milliseconds
 * ```
 *
 * All of its methods that take a plan throw what `Orchestrator.run` throws for a plan that is not valid: INVALID_INPUT, DUPLICATE_ID,
 * UNKNOWN_DEPENDENCY, CYCLE.
 */
export class DagScheduler {
  readonly #order: Order
  /** @internal Its order is that of a run without a scheduler, which a number per task cannot express exactly. */
  readonly isDefault: boolean

  /**
   * @param options `order`: the number by which ready tasks are ordered, lowest first. Default: `priority + readyAt / agingMs`. As the option
   * `scheduler` of an orchestrator, the default also starts the longest remaining path first among tasks of one priority.
   * @throws INVALID_INPUT for unknown or invalid options.
   */
  constructor(options: { readonly order?: Order | undefined } = {}) {
    checkOptions(rule(), options, { of: 'DagScheduler' })
    this.#order = options.order ?? defaultOrder
    this.isDefault = options.order === undefined && this.order === DagScheduler.prototype.order
  }

  /** The number by which a ready task is ordered: the lowest starts first, of equal ones that with the longest remaining path. */
  order(task: TaskSpec, facts: OrderFacts): number {
    checkMembers(task, {}, 'task')
    checkMembers(facts, FACTS, 'facts')
    return this.#order(task, facts)
  }

  /**
   * The ids of the tasks that can start now, in the order in which they would start in one pool, when they become ready at the same time.
   * Approvals are not considered.
   *
   * @param started The tasks that have ended or started: the id of one that has succeeded, or an id and a status, such as the `tasks` of a
   * `RunReport`, of which those are ignored that the plan does not have: they were added to the run later. Default: none.
   * @throws INVALID_INPUT for an unknown id or status, or when `started` is not a list; what the order throws.
   */
  ready(plan: PlanInput, started: Iterable<StartedTask> = []): readonly string[] {
    const { tasks } = checkPlan(plan, undefined)
    const ranks = criticalRanksOf(tasks)
    const queue = new ReadyQueue()
    for (const index of readyTasks(tasks, statusesOf(tasks, started))) {
      const task = tasks[index] as TaskSpec
      const remainingPath = ranks.of(index)
      const facts = {
        runId: '',
        pool: task.pool ?? '',
        readyAt: 0,
        agingMs: DEFAULT_AGING_MS,
        remainingPath,
        attempt: 1,
      }
      queue.push(index, numberOf(this.#order, task, facts, rethrow) as number, remainingPath)
    }
    const ids: string[] = []
    while (queue.size > 0) ids.push((tasks[queue.pop()] as TaskSpec).id)
    return ids
  }

  /** The longest chain of tasks that wait for each other, and its length in milliseconds: the plan cannot take less. */
  criticalPath(plan: PlanInput): { readonly ids: readonly string[]; readonly ms: number } {
    return criticalPath(playedSteps(plan))
  }

  /**
   * How much longer each task may take, in milliseconds, without the plan taking longer; 0 on the critical path. By id; tasks that
   * would be skipped are missing. For a dependency of a trigger rule that needs only one of several, the slack may be larger.
   */
  slack(plan: PlanInput): ReadonlyMap<string, number> {
    return slackOf(playedSteps(plan))
  }
}

function defaultOrder({ priority = DEFAULT_PRIORITY }: TaskSpec, { readyAt, agingMs }: OrderFacts): number {
  return priorityOrder(priority, readyAt, agingMs)
}

function rethrow(error: unknown): never {
  throw error
}

function playedSteps(plan: PlanInput): PathStep[] {
  const { tasks } = checkPlan(plan, undefined)
  const durations = filledWithAverage(tasks.map(task => task.durationMs))
  const unlimited = Number.POSITIVE_INFINITY
  const pools = [{ name: '', concurrency: unlimited, agingMs: undefined, window: undefined }]
  const run = new VirtualRun({ tasks, durations, poolOf: new Uint8Array(tasks.length), pools, maxRunning: unlimited })
  run.play()
  return stepsOf(tasks, run, durations)
}
