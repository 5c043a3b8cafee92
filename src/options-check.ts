import * as z from 'zod'
import { CounterpointError, type InputIssue } from './errors.js'
import type { OrchestratorOptions, ResumeOptions, RunOptions } from './options.js'
import { TaskGraph } from './plan/task-graph.js'
import { WorkerPool } from './pools/worker-pool.js'

const LONGEST_MS = Number.MAX_SAFE_INTEGER
const millis = z.number().min(0).max(LONGEST_MS)
const method = (name: string): z.ZodType =>
  z.custom(
    value =>
      typeof value === 'function' ||
      (typeof value === 'object' && value !== null && typeof Reflect.get(value, name) === 'function'),
    `expected a function, or an object with a method ${name}`,
  )

const defaults = z
  .strictObject({
    priority: z.int().min(1).max(1000),
    retries: z.int().min(0).max(1000),
    backoff: z.strictObject({ baseMs: millis, factor: z.number().min(1).max(1000), maxMs: millis }).partial(),
    timeoutMs: z.number().positive().max(LONGEST_MS),
    durationMs: millis,
  })
  .partial()

const pool = z.strictObject({
  backend: method('run'),
  concurrency: z.int().min(1).optional(),
  queueLimit: z.int().min(1).optional(),
  defaults: defaults.optional(),
  intent: z.looseObject({}).optional(),
  graceMs: millis.optional(),
  agingMs: z.number().positive().max(LONGEST_MS).optional(),
})

const orchestrator = z.strictObject({
  pools: z
    .record(z.string().min(1), z.union([z.instanceof(WorkerPool), pool]))
    .refine(pools => Object.keys(pools).length > 0, 'expected at least one pool'),
  distributor: method('distribute').optional(),
  failureHandler: method('verdict').optional(),
  scheduler: method('decide').optional(),
  aggregator: method('aggregate').optional(),
  journal: method('open').optional(),
  clock: method('schedule').optional(),
  random: z.function().optional(),
  newId: z.function().optional(),
  retain: z.int().min(0).optional(),
})

const run = z.strictObject({
  runId: z.string().min(1).max(128).optional(),
  failureMode: z.enum(['continue', 'no-new', 'kill']).optional(),
  only: z.array(z.string()).optional(),
  signal: z
    .custom(
      value => value === undefined || (typeof value === 'object' && value !== null && 'aborted' in value),
      'expected an AbortSignal',
    )
    .optional(),
  whenFull: z.enum(['wait', 'reject']).optional(),
  weight: z.number().positive().max(1_000_000).optional(),
})

const graph = z.instanceof(TaskGraph, { message: 'expected a TaskGraph, or a list of them' })
const resume = run
  .pick({ signal: true, whenFull: true, weight: true })
  .extend({ graph: z.union([graph, z.array(graph)]).optional() })

/** @throws INVALID_INPUT with one issue for each option that is not as documented. */
export function checkOrchestratorOptions(options: OrchestratorOptions): void {
  check(orchestrator, options, 'options')
}

/** @throws INVALID_INPUT with one issue for each option that is not as documented. */
export function checkRunOptions(options: RunOptions): void {
  check(run, options, 'options')
}

/** @throws INVALID_INPUT with one issue for each option that is not as documented. */
export function checkResumeOptions(options: ResumeOptions): void {
  check(resume, options, 'options')
}

function check(schema: z.ZodType, value: unknown, what: string): void {
  const result = schema.safeParse(value)
  if (result.success) return
  const issues = result.error.issues.flatMap(issue => flatten(issue, [])).slice(0, 20)
  const list = issues.map(({ path, message }) => `${path}: ${message}`).join('; ')
  throw new CounterpointError('INVALID_INPUT', `The ${what} are not as documented. ${list}`, { issues })
}

/** In the words of the other errors: what was expected, and what came. */
function described(issue: z.core.$ZodIssue): string {
  if (issue.code === 'unrecognized_keys')
    return `unknown option ${issue.keys.map(key => JSON.stringify(key)).join(', ')}`
  if (issue.code === 'too_small')
    return `expected ${issue.inclusive === false ? 'more than' : 'at least'} ${issue.minimum}`
  if (issue.code === 'too_big') return `expected at most ${issue.maximum}`
  if (issue.code === 'invalid_type') return `expected ${issue.expected}`
  return issue.message
}

/** A pool is options or a WorkerPool: what is wrong with it as options is what helps. */
function flatten(issue: z.core.$ZodIssue, above: readonly PropertyKey[]): readonly InputIssue[] {
  const path = [...above, ...issue.path]
  if (issue.code !== 'invalid_union')
    return [{ path: path.map(String).join('.') || 'options', message: described(issue) }]
  return issue.errors
    .flat()
    .filter(inner => !/WorkerPool/.test(inner.message))
    .flatMap(inner => flatten(inner, path))
}
