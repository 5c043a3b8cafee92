import * as z from 'zod'
import type { AgentBackend, AgentFunction } from '../backends/agent-backend.js'
import { breakerRule } from '../backends/circuit-breaker.js'
import { healthRule } from '../backends/health-check.js'
import { once } from '../core/once.js'
import { Limit } from '../limits/limit.js'
import { limitOptionsRule } from '../limits/limit-options.js'
import { windowRule } from '../limits/rate-window.js'
import { fn, method, millis, optionsOf, positiveInteger, positiveMs } from '../options-check.js'
import { taskDefaultsRule } from '../plan/plan-schema.js'
import { poolConcurrencyRule } from './concurrency/concurrency.js'
import { retryBudgetRule } from './retry-budget.js'

/** The options that a pool and a `WorkerPool` have in common. */
const common = once(() => ({
  backend: method('run').optional(),
  backends: z.array(method('run')).min(1).optional(),
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

/** True for a pool that is given as its backend alone. */
export function isBackend(pool: unknown): pool is AgentBackend | AgentFunction {
  return (
    typeof pool === 'function' ||
    (typeof pool === 'object' && pool !== null && typeof Reflect.get(pool, 'run') === 'function')
  )
}

/** An object literal with options beside `run` would lose them. Backends may have a `health`; instances of classes, members of any name. */
function checkBackend(pool: unknown, context: z.core.$RefinementCtx): void {
  if (!isBackend(pool) || Object.getPrototypeOf(pool) !== Object.prototype) return
  const { shape } = poolOptions()
  const option = Object.keys(pool).find(key => key in shape && key !== 'health')
  if (option === undefined) return
  const message =
    'expected the backend in the option backend, since the pool has options, too: { backend: { run }, ... }'
  context.addIssue({ code: 'custom', path: ['run'], message })
}

/** The rules of a pool that is no `WorkerPool`: its backend alone, or options. */
export const poolRules: () => readonly [z.ZodType, z.ZodType] = once(() => [
  z
    .custom(
      isBackend,
      'expected the options of a pool, or its backend alone: a function, or an object with a method run',
    )
    .superRefine(checkBackend),
  poolOptions().superRefine(checkBackends),
])

/** The rule of `WorkerPoolOptions`. */
export const workerPoolRule: () => z.ZodType = once(() =>
  optionsOf({
    ...common(),
    name: z.string().min(1),
    limit: z.instanceof(Limit).optional(),
    clock: method('schedule').optional(),
    random: fn.optional(),
    machine: method('freeMemory').optional(),
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
