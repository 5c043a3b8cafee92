import * as z from 'zod'
import { FAILURE_KINDS } from '../core/failure/failure.js'
import { method, millis, optionsOf, positiveInteger, positiveMs } from '../options-check.js'
import { poolConcurrencyRule } from './concurrency/concurrency.js'
import { retryBudgetRule } from './retry-budget.js'

const kinds = z.array(z.enum(FAILURE_KINDS as [string, ...string[]]))

const window = optionsOf({ limit: z.number().min(1), perMs: positiveMs })

const health = optionsOf({ everyMs: positiveMs, beforeEach: z.boolean(), freshMs: millis, timeoutMs: positiveMs })

const breaker = optionsOf({
  failures: positiveInteger,
  openMs: millis,
  maxOpenMs: millis,
  maxRestMs: millis,
  probeMs: positiveMs,
  countsAs: kinds,
})

/** What a pool may be made of, besides a `WorkerPool`. `defaults` is the rule for options of its tasks. */
export const poolRule = (defaults: z.ZodType): z.ZodType =>
  optionsOf({
    backend: method('run').optional(),
    backends: z.array(method('run')).min(1).optional(),
    concurrency: poolConcurrencyRule.optional(),
    requests: window.optional(),
    tokens: window.optional(),
    limitKey: z.string().min(1).optional(),
    queueLimit: positiveInteger.optional(),
    health: health.partial().optional(),
    breaker: breaker.partial().optional(),
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
export const limitsRule: z.ZodType = z.record(
  z.string().min(1),
  optionsOf({ concurrency: positiveInteger, requests: window, tokens: window }).partial(),
)
