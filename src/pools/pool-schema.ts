import * as z from 'zod'
import { breakerRule } from '../backends/circuit-breaker.js'
import { healthRule } from '../backends/health-check.js'
import { limitOptionsRule } from '../limits/limit.js'
import { windowRule } from '../limits/rate-window.js'
import { method, millis, optionsOf, positiveInteger, positiveMs } from '../options-check.js'
import { poolConcurrencyRule } from './concurrency/concurrency.js'
import { retryBudgetRule } from './retry-budget.js'

/** What a pool may be made of, besides a `WorkerPool`. `defaults` is the rule for options of its tasks. */
export const poolRule = (defaults: z.ZodType): z.ZodType =>
  optionsOf({
    backend: method('run').optional(),
    backends: z.array(method('run')).min(1).optional(),
    concurrency: poolConcurrencyRule.optional(),
    requests: windowRule.optional(),
    tokens: windowRule.optional(),
    limitKey: z.string().min(1).optional(),
    queueLimit: positiveInteger.optional(),
    health: healthRule.optional(),
    breaker: breakerRule.optional(),
    retryBudget: retryBudgetRule.optional(),
    defaults: defaults.optional(),
    intent: z.looseObject({}).optional(),
    graceMs: millis.optional(),
    agingMs: positiveMs.optional(),
  }).superRefine(({ backend, backends }, context) => {
    if (backend === undefined && backends === undefined)
      context.addIssue({
        code: 'custom',
        path: ['backend'],
        message: 'expected a function, or an object with a method run; or several of them in backends',
      })
    if (backend !== undefined && backends !== undefined)
      context.addIssue({
        code: 'custom',
        path: ['backends'],
        message: 'expected either backend or backends, got both',
      })
  })

/** What the pools of a limit key may do together, by key. */
export const limitsRule: z.ZodType = z.record(z.string().min(1), limitOptionsRule)
