import * as z from 'zod'
import { FAILURE_KINDS } from '../core/failure/failure.js'

import { method, millis, optionsOf, positiveInteger, positiveMs } from '../options-check.js'

const kinds = z.array(z.enum(FAILURE_KINDS as [string, ...string[]]))

const window = optionsOf({ limit: z.number().min(1), perMs: positiveMs })

const range = optionsOf({
  min: positiveInteger,
  max: positiveInteger,
  start: positiveInteger.optional(),
  increase: z.number().positive().optional(),
  decrease: z.number().positive().lt(1).optional(),
  coolDownMs: millis.optional(),
  windowMs: millis.optional(),
  tolerance: z.number().min(0).max(1).optional(),
  countsAs: kinds.optional(),
})
  .refine(({ min, max }) => min <= max, { path: ['max'], message: 'expected a number that is not below min' })
  .refine(({ min, max, start = min }) => start >= min && start <= max, {
    path: ['start'],
    message: 'expected a number from min to max',
  })

/** What is wrong is told of the form that was meant: a number, a range, or `auto`. */
const concurrency = z.unknown().superRefine((value, context) => {
  if (value === 'auto') return
  const meant = typeof value === 'object' && value !== null ? range : positiveInteger
  for (const issue of meant.safeParse(value).error?.issues ?? [])
    context.addIssue(issue as Parameters<typeof context.addIssue>[0] & object)
})

const health = optionsOf({ everyMs: positiveMs, beforeEach: z.boolean(), freshMs: millis, timeoutMs: positiveMs })

const breaker = optionsOf({
  failures: positiveInteger,
  openMs: millis,
  maxOpenMs: millis,
  maxRestMs: millis,
  probeMs: positiveMs,
  countsAs: kinds,
})

const retryBudget = optionsOf({
  ratio: z.number().min(0),
  floor: z.union([z.number().min(0), z.literal(Number.POSITIVE_INFINITY)]),
  perMs: positiveMs,
})

/** What a pool may be made of, besides a `WorkerPool`. `defaults` is the rule for options of its tasks. */
export const poolRule = (defaults: z.ZodType): z.ZodType =>
  optionsOf({
    backend: method('run').optional(),
    backends: z.array(method('run')).min(1).optional(),
    concurrency: concurrency.optional(),
    requests: window.optional(),
    tokens: window.optional(),
    limitKey: z.string().min(1).optional(),
    queueLimit: positiveInteger.optional(),
    health: health.partial().optional(),
    breaker: breaker.partial().optional(),
    retryBudget: retryBudget.partial().optional(),
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
