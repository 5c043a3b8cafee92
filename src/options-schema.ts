import * as z from 'zod'
import type { Budget, RunBudget } from './core/budget/budget.js'
import { once } from './core/once.js'
import { didYouMean } from './error-text.js'
import { modeRule } from './forecast/choose-mode.js'
import type { OrchestratorOptions, ResumeOptions, RunOptions } from './options.js'
import {
  checkOptions,
  checkValue,
  clockPort,
  fn,
  invalidInput,
  method,
  millis,
  optionsOf,
  port,
  record,
} from './options-check.js'
import { budgetRule, runBudgetRule } from './plan/plan-schema.js'
import { TaskGraph } from './plan/task-graph.js'
import { limitsRule, poolRule } from './pools/pool-schema.js'
import { WorkerPool } from './pools/worker-pool.js'

const orchestrator = once(() =>
  optionsOf({
    pools: record(z.string().min(1), poolRule(z.instanceof(WorkerPool))).optional(),
    limits: limitsRule().optional(),
    distributor: method('distribute').optional(),
    failureHandler: method('verdict').optional(),
    scheduler: method('order').optional(),
    aggregator: method('aggregate').optional(),
    journal: port('open', 'read', 'list', 'delete').optional(),
    clock: clockPort.optional(),
    machine: port('freeMemory', 'cores').optional(),
    random: fn.optional(),
    newId: fn.optional(),
    budget: budgetRule().optional(),
    retain: z.int().min(0).optional(),
  }),
)

const runIdRule = once(() =>
  z
    .string()
    .min(1)
    .max(128)
    .refine(id => id.isWellFormed(), 'expected a text without half of a surrogate pair'),
)

const abortSignal = once(() =>
  z.custom(
    value =>
      value === undefined ||
      (typeof value === 'object' &&
        value !== null &&
        'aborted' in value &&
        typeof Reflect.get(value, 'addEventListener') === 'function'),
    'expected an AbortSignal',
  ),
)

const run = once(() =>
  optionsOf({
    runId: runIdRule().optional(),
    failureMode: z.enum(['continue', 'no-new', 'kill']).optional(),
    only: z.array(z.string()).optional(),
    signal: abortSignal().optional(),
    locals: z
      .custom(value => typeof value === 'object' && value !== null && !Array.isArray(value), 'expected an object')
      .optional(),
    whenFull: z.enum(['wait', 'reject']).optional(),
    weight: z.number().positive().max(1_000_000).optional(),
    budget: runBudgetRule().optional(),
    mode: z.enum(['parallel', 'serial', 'auto']).optional(),
    auto: modeRule().optional(),
    autoFallbackToSerial: z.boolean().optional(),
  }),
)

const resume = once(() => {
  const graph = z.instanceof(TaskGraph, { message: 'expected a TaskGraph, or a list of them' })
  return run()
    .pick({ signal: true, locals: true, whenFull: true, weight: true })
    .extend({ graph: z.union([graph, z.array(graph)]).optional() })
})

/** @throws INVALID_INPUT with one issue for each option that is invalid. */
export function checkOrchestratorOptions(options: OrchestratorOptions): void {
  checkOptions(orchestrator(), options, { of: 'Orchestrator' })
}

/** The id that the `newId` of the host returned. @throws INVALID_INPUT for one that a run cannot have. */
export function checkNewId(id: string): string {
  return checkValue(runIdRule(), id, 'newId()')
}

/** @throws INVALID_INPUT with one issue for each option that is invalid. */
export function checkRunOptions(options: RunOptions, pools: readonly string[]): void {
  checkOptions(run(), options, { of: 'run' })
  checkBudgetedPools(options.budget, pools, 'budget.pools')
}

/** @throws INVALID_INPUT with one issue for each member that is invalid, or when the orchestrator has no budget to replace. */
export function checkBudget(budget: Budget, hasBudget: boolean): void {
  checkOptions(budgetRule(), budget, { of: 'setBudget' })
  if (hasBudget) return
  const message = 'expected an orchestrator that was created with a budget; set one in its options'
  throw invalidInput([{ path: 'budget', message }])
}

/** @throws INVALID_INPUT with one issue for each member that is invalid. */
export function checkRunBudget(budget: RunBudget, pools: readonly string[]): void {
  checkOptions(runBudgetRule(), budget, { of: 'setBudget' })
  checkBudgetedPools(budget, pools, 'pools')
}

/** The budget of a mistyped pool would limit nothing. */
function checkBudgetedPools(budget: RunBudget | undefined, pools: readonly string[], path: string): void {
  const unknown = Object.keys(budget?.pools ?? {}).filter(pool => !pools.includes(pool))
  if (unknown.length === 0) return
  const issues = unknown.map(pool => ({
    path: `${path}.${pool}`,
    message: `there is no pool ${JSON.stringify(pool)}${didYouMean(pool, pools)}; pools: ${pools.join(', ')}`,
  }))
  throw invalidInput(issues)
}

/** @throws INVALID_INPUT with one issue for each option that is invalid. */
export function checkResumeOptions(options: ResumeOptions): void {
  checkOptions(resume(), options, { of: 'resume' })
}

const drain = once(() => optionsOf({ timeoutMs: z.union([millis, z.literal(Number.POSITIVE_INFINITY)]).optional() }))
const events = once(() =>
  optionsOf({
    from: z.custom(value => typeof value === 'number' && !Number.isNaN(value), 'expected a number'),
    signal: abortSignal(),
    progress: z.boolean(),
    streamed: z.boolean(),
  }).partial(),
)
const approve = once(() => optionsOf({ by: z.string().optional() }))

/** @throws INVALID_INPUT for invalid options of `Orchestrator.drain`. */
export function checkDrainOptions(options: object): void {
  checkOptions(drain(), options, { of: 'drain' })
}

/** @throws INVALID_INPUT for invalid options of `Run.events`. */
export function checkEventsOptions(options: object): void {
  checkOptions(events(), options, { of: 'events' })
}

/** @throws INVALID_INPUT for invalid options of `Run.approve`. */
export function checkApproveOptions(options: object): void {
  checkOptions(approve(), options, { of: 'approve' })
}
