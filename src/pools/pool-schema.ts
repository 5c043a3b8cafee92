import * as z from 'zod'
import { breakerRule } from '../backends/circuit-breaker.js'
import { healthRule } from '../backends/health-check.js'
import { once } from '../core/once.js'
import { readMember } from '../core/read-member.js'
import { Limit } from '../limits/limit.js'
import { limitOptionsRule } from '../limits/limit-options.js'
import { windowRule } from '../limits/rate-window.js'
import { clockPort, fn, method, millis, optionsOf, port, positiveInteger, positiveMs } from '../options-check.js'
import { estimateRule, taskDefaultsRule } from '../plan/plan-schema.js'
import { poolConcurrencyRule } from './concurrency/concurrency.js'
import { retryBudgetRule } from './retry-budget.js'

/** The members that a backend may have besides `run`. */
const backendMembers = once(() => ({
  name: z.string(),
  version: z.string(),
  awaitsTermination: z.boolean(),
  estimate: estimateRule(),
  health: fn,
  killOrphans: fn,
}))

/** An agent: a function, or an object with a method `run`, and members of the contract that are what they should be. */
const backendRule = once(() =>
  method('run').superRefine((backend, context) => {
    for (const [name, rule] of Object.entries(backendMembers())) {
      const member = readMember(backend, name)
      if (member === undefined) continue
      const { error } = rule.safeParse(member, { reportInput: true })
      const issues = error?.issues.map(issue => ({ ...issue, path: [name, ...issue.path] })) ?? []
      context.issues.push(...(issues as typeof context.issues))
    }
  }),
)

/** The options that a pool and a `WorkerPool` have in common. */
const common = once(() => ({
  backend: backendRule().optional(),
  backends: z.array(backendRule()).min(1).optional(),
  concurrency: poolConcurrencyRule().optional(),
  requests: windowRule().optional(),
  tokens: windowRule().optional(),
  queueLimit: positiveInteger.optional(),
  health: healthRule().optional(),
  breaker: breakerRule().optional(),
  retryBudget: retryBudgetRule().optional(),
  defaults: taskDefaultsRule().optional(),
  intent: z.looseObject({}).optional(),
  graceMs: millis.optional(),
  agingMs: positiveMs.optional(),
}))

const poolOptions = once(() => optionsOf({ ...common(), limitKey: z.string().min(1).optional() }))

/** The rule of a pool: options, the function of its backend alone, or what `isWorkerPool` accepts. */
export const poolRule = (isWorkerPool: z.ZodType): z.ZodType =>
  z
    .unknown()
    .refine(pool => !isBackend(pool), {
      path: ['run'],
      message: 'expected an agent in the option backend: { backend: ... }, got it in place of the options',
    })
    .pipe(
      z.union([
        isWorkerPool,
        z.custom(
          pool => typeof pool === 'function',
          'expected the options of a pool, or the function of its backend alone',
        ),
        poolOptions().superRefine(checkBackends),
      ]),
    )

/** True for an object with a method `run`. */
function isBackend(pool: unknown): boolean {
  return typeof pool === 'object' && pool !== null && typeof Reflect.get(pool, 'run') === 'function'
}

/** The rule of `WorkerPoolOptions`. */
export const workerPoolRule: () => z.ZodType = once(() =>
  optionsOf({
    ...common(),
    name: z.string().min(1),
    limit: z.instanceof(Limit).optional(),
    clock: clockPort.optional(),
    random: fn.optional(),
    machine: port('freeMemory', 'cores').optional(),
    ledger: z.unknown().optional(),
  }).superRefine(checkBackends),
)

/** The options that say something about the backends of a pool. */
const BACKEND_OPTIONS = ['health', 'breaker', 'intent'] as const

interface BackendOptions extends Readonly<Partial<Record<(typeof BACKEND_OPTIONS)[number], unknown>>> {
  readonly backend?: unknown
  readonly backends?: unknown
}

function checkBackends(
  options: BackendOptions,
  context: { addIssue(issue: { code: 'custom'; path: string[]; message: string }): void },
): void {
  const { backend, backends } = options
  const reject = (key: string, message: string): void => context.addIssue({ code: 'custom', path: [key], message })
  if (backend !== undefined && backends !== undefined)
    reject('backends', 'expected either backend or backends, got both')
  if (backend !== undefined || backends !== undefined) return
  for (const key of BACKEND_OPTIONS)
    if (options[key] !== undefined)
      reject(
        key,
        'expected a backend beside it: a pool without one runs only tasks that have a function of their own and name it',
      )
}

/** What the pools of a limit key may do together, by key. */
export const limitsRule: () => z.ZodType = once(() => z.record(z.string().min(1), limitOptionsRule()))
