import * as z from 'zod'
import { TRIGGER_RULES } from '../core/scheduler/trigger-rule.js'
import type { TaskSpec } from '../core/state/task.js'
import { optionsOf } from '../options-check.js'

/** No number is larger. */
export const MAX: number = Number.MAX_SAFE_INTEGER
const NAME = /^(?!\s)(?!__proto__$)[^\p{Cc}\p{Cs}\u2028\u2029]+(?<!\s)$/u
const NAME_RULE = '1 to 128 characters, no control characters, no white space at its ends, not "__proto__"'

/** The rules, once: these check, their descriptions are the error texts, and `plan.schema.json` is made of them. */
const name = z.string().min(1).max(128).regex(NAME)
/** An id. */
export const id: z.ZodType = name.describe(`an id: ${NAME_RULE}`)
const millis = z.number().min(0).max(MAX).describe('a number of milliseconds, 0 to 2^53 - 1')
const seconds = z.number().max(MAX / 1000)
/** Our word first, then the others for the same thing. */
const SPELLINGS = [
  ['after', 'blockedBy', 'blocked_by'],
  ['softAfter', 'soft_after'],
  ['orderAfter', 'order_after'],
  ['triggerRule', 'trigger_rule'],
  ['retries', 'maxRetries', 'max_retries'],
  ['timeoutMs', 'timeout_ms', 'timeoutSec', 'timeout_sec'],
  ['idleTimeoutMs', 'idle_timeout_ms', 'idleTimeoutSec', 'idle_timeout_sec'],
  ['queueTimeoutMs', 'queue_timeout_ms', 'queueTimeoutSec', 'queue_timeout_sec'],
  ['totalTimeoutMs', 'total_timeout_ms', 'totalTimeoutSec', 'total_timeout_sec'],
  ['durationMs', 'duration_ms', 'durationSec', 'duration_sec'],
  ['baseMs', 'base_ms'],
  ['maxMs', 'max_ms'],
  ['costUsd', 'cost_usd'],
  ['wallMs', 'wall_ms'],
  ['onSoft', 'on_soft'],
  ['onHard', 'on_hard'],
  ['failureMode', 'failure_mode'],
] as const
/** Other names of members, with the one that is ours. */
export const SAME_AS: ReadonlyMap<string, string> = new Map(
  SPELLINGS.flatMap(([ours, ...others]) => others.map(other => [other, ours])),
)
const timeoutSeconds = (leftOut: string): z.ZodType =>
  seconds.positive().transform(toMs).describe(`a number of seconds above 0 (left out: ${leftOut})`)
const SECONDS: Record<string, z.ZodType> = {
  timeoutMs: timeoutSeconds('an hour'),
  idleTimeoutMs: timeoutSeconds('no limit'),
  queueTimeoutMs: timeoutSeconds('no limit'),
  totalTimeoutMs: timeoutSeconds('no limit'),
  durationMs: seconds.min(0).transform(toMs).describe('a number of seconds, 0 or more'),
}
const BACKOFF_SHAPE = {
  baseMs: millis,
  factor: z.number().min(1).max(1000).describe('a number from 1 to 1000'),
  maxMs: millis,
}
const amount = (what: string): z.ZodType => z.number().min(0).max(MAX).describe(`${what}, 0 or more`)
const ESTIMATE_SHAPE = { costUsd: amount('a number of US dollars'), tokens: amount('a number of tokens') }
const BUDGET_SHAPE = {
  ...ESTIMATE_SHAPE,
  wallMs: millis,
  soft: z.number().min(0).max(1).describe('a number from 0 to 1 (left out: 0.8)'),
  onSoft: z.enum(['tell', 'degrade']).describe('"tell" (the default) or "degrade"'),
  onHard: z.enum(['stop', 'degrade', 'hold']).describe('"stop" (the default), "degrade" or "hold"'),
}
/** In our own spelling: what options take. */
export const backoffRule: z.ZodType = optionsOf(BACKOFF_SHAPE).partial()
export const estimateRule: z.ZodType = optionsOf(ESTIMATE_SHAPE).partial()
export const budgetRule: z.ZodType = optionsOf(BUDGET_SHAPE).partial()
export const runBudgetRule: z.ZodType = optionsOf({
  ...BUDGET_SHAPE,
  pools: z.record(z.string(), budgetRule),
}).partial()
const timeout = (leftOut: string): z.ZodType =>
  z.number().positive().max(MAX).describe(`a number of milliseconds above 0, to 2^53 - 1 (left out: ${leftOut})`)
const ids = (what: string): z.ZodType => z.array(id).describe(`a list of the ids of the tasks ${what}`)
/** The rules of the members of a task. */
export const TASK_SHAPE: Record<keyof TaskSpec, z.ZodType> = {
  id,
  description: z.string().describe('a text: what the agent is asked to do (left out: the id)'),
  pool: name.describe(`the name of a pool: ${NAME_RULE}`),
  input: z.unknown().describe('any JSON: input that is known beforehand'),
  after: ids('that must have succeeded before this one starts'),
  softAfter: ids('whose outputs it gets if they are there'),
  orderAfter: ids('that must have ended before this one starts'),
  triggerRule: z.enum(TRIGGER_RULES).describe(`one of ${TRIGGER_RULES.join(', ')} (left out: all_success)`),
  priority: z.int().min(1).max(1000).describe('a whole number from 1, the most urgent, to 1000 (left out: 3)'),
  retries: z.int().min(0).max(1000).describe('a whole number from 0 to 1000: further attempts (left out: 2)'),
  backoff: z.strictObject(spelled(BACKOFF_SHAPE)).partial().describe('an object {baseMs, factor, maxMs}'),
  timeoutMs: timeout('an hour'),
  idleTimeoutMs: timeout('no limit'),
  queueTimeoutMs: timeout('no limit'),
  totalTimeoutMs: timeout('no limit'),
  weight: z.number().min(0).max(MAX).describe('a number from 0 to 2^53 - 1: its part of the whole (left out: 1)'),
  durationMs: millis,
  estimate: z.strictObject(spelled(ESTIMATE_SHAPE)).partial().describe('an object {costUsd, tokens}'),
  budget: z
    .strictObject(spelled(BUDGET_SHAPE))
    .partial()
    .describe('an object {costUsd, tokens, wallMs, soft, onSoft, onHard}'),
  replay: z.enum(['safe', 'never']).describe('"safe" (the default) or "never"'),
  approval: z.boolean().describe('true or false (the default)'),
  context: z.unknown().describe('any JSON that the agent should know besides'),
}
const failureMode = z.enum(['continue', 'no-new', 'kill']).describe('"continue" (the default), "no-new" or "kill"')
const PLAN_SHAPE = {
  $schema: z.string().describe('the address of a JSON Schema, for editors: not looked at'),
  name: name.describe(`a name: ${NAME_RULE}`),
  version: name.describe(`a version: ${NAME_RULE}`),
  failureMode,
}

/** A plan as people and planners write it: the source of `plan.schema.json`. */
export const planSchema: z.ZodType = z
  .strictObject(spelled(PLAN_SHAPE))
  .partial()
  .extend({ tasks: z.array(z.strictObject(spelled(TASK_SHAPE)).partial().extend({ id })).describe('a list of tasks') })

/** Members and their rules. */
export type Shape = ReadonlyMap<string, z.ZodType>
const tasks = z.array(z.unknown()).describe('a list of tasks')
/** The members of a plan, under all their names. */
export const PLAN: Shape = new Map(Object.entries({ ...spelled(PLAN_SHAPE), tasks }))
/** The members of a task, under all their names. */
export const TASK: Shape = new Map(Object.entries(spelled(TASK_SHAPE)))
/** The members that are objects themselves, by the rule of the whole. */
export const NESTED: ReadonlyMap<z.ZodType, Shape> = new Map([
  [TASK_SHAPE.backoff, new Map(Object.entries(spelled(BACKOFF_SHAPE)))],
  [TASK_SHAPE.estimate, new Map(Object.entries(spelled(ESTIMATE_SHAPE)))],
  [TASK_SHAPE.budget, new Map(Object.entries(spelled(BUDGET_SHAPE)))],
])

/** The members of a shape under all their names. */
function spelled(shape: Record<string, z.ZodType>): Record<string, z.ZodType> {
  const all = { ...shape }
  for (const [key, ours] of SAME_AS) if (shape[ours]) all[key] = /sec$/i.test(key) ? SECONDS[ours]! : shape[ours]
  return all
}

/** 1.1 s is 1,100 ms, and not 1,100.0000000000002. */
function toMs(sec: number): number {
  return Number((sec * 1000).toPrecision(15))
}
