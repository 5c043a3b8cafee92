import * as z from 'zod'
import { breakerRule } from '../backends/circuit-breaker.js'
import { healthRule } from '../backends/health-check.js'
import { Limit } from '../limits/limit.js'
import { limitOptionsRule } from '../limits/limit-options.js'
import { windowRule } from '../limits/rate-window.js'
import { fn, method, millis, optionsOf, positiveInteger, positiveMs } from '../options-check.js'
import { poolConcurrencyRule } from './concurrency/concurrency.js'
import { retryBudgetRule } from './retry-budget.js'

/** The options that a pool and a `WorkerPool` have in common. */
const common = {
  backend: method('run').optional(),
  backends: z.array(method('run')).min(1).optional(),
  concurrency: poolConcurrencyRule.optional(),
  requests: windowRule.optional(),
  tokens: windowRule.optional(),
  queueLimit: positiveInteger.optional(),
  health: healthRule.optional(),
  breaker: breakerRule.optional(),
  retryBudget: retryBudgetRule.optional(),
  agingMs: positiveMs.optional(),
}

/** The rule of `PoolOptions`. `defaults` is the rule for the options of its tasks. */
export const poolRule = (defaults: z.ZodType): z.ZodType =>
  optionsOf({
    ...common,
    limitKey: z.string().min(1).optional(),
    defaults: defaults.optional(),
    intent: z.looseObject({}).optional(),
    graceMs: millis.optional(),
  }).superRefine(requireBackend)

/** The rule of `WorkerPoolOptions`. */
export const workerPoolRule: z.ZodType = optionsOf({
  ...common,
  name: z.string().min(1),
  limit: z.instanceof(Limit).optional(),
  clock: method('schedule'),
  random: fn.optional(),
  machine: method('freeMemory').optional(),
  ledger: z.unknown().optional(),
}).superRefine(requireBackend)

function requireBackend(
  { backend, backends }: { readonly backend?: unknown; readonly backends?: unknown },
  context: { addIssue(issue: { code: 'custom'; path: string[]; message: string }): void },
): void {
  if (backend === undefined && backends === undefined) {
    const message = 'expected a function, or an object with a method run; or several of them in backends'
    context.addIssue({ code: 'custom', path: ['backend'], message })
  }
  if (backend !== undefined && backends !== undefined)
    context.addIssue({ code: 'custom', path: ['backends'], message: 'expected either backend or backends, got both' })
}

/** What the pools of a limit key may do together, by key. */
export const limitsRule: z.ZodType = z.record(z.string().min(1), limitOptionsRule)
