import * as z from 'zod'
import { MAX_AMOUNT } from '../core/amount.js'
import { once } from '../core/once.js'
import { TRIGGER_RULES } from '../core/scheduler/trigger-rule.js'
import type { TaskDefaults, TaskSpec } from '../core/state/task.js'
import { unknownKey } from '../error-text.js'
import { optionsOf, record } from '../options-check.js'

/**
 * The rules for the members of a plan, stated once: `parsePlan` checks with them, their descriptions are its error texts, and
 * `plan.schema.json` is generated from them.
 */

/** The largest number that a plan may contain. */
const MAX = MAX_AMOUNT
const NAME = /^(?!\s)(?!__proto__$)[^\p{Cc}\p{Cs}\u2028\u2029]+(?<!\s)$/u
const NAME_RULE = '1 to 128 characters, no control characters, no leading or trailing white space, not "__proto__"'

type Rules = Readonly<Record<string, z.ZodType>>

const name = once(() => z.string().min(1).max(128).regex(NAME))
/** The id of a task. */
export const id: () => z.ZodType = once(() => name().describe(`an id: ${NAME_RULE}`))
const millis = once(() => z.number().min(0).max(MAX).describe('a number of milliseconds, 0 to 2^53 - 1'))

/** Each list has the name of a member in our spelling first, then its aliases. */
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
const ALIASES: ReadonlyMap<string, string> = new Map(
  SPELLINGS.flatMap(([ours, ...aliases]) => aliases.map(alias => [alias, ours])),
)

/** The name that a plan of ours has for a member: `after` for `blocked_by`. */
export function ourName(key: string): string {
  return ALIASES.get(key) ?? key
}

/** The message for a member that is none of `names`: these are in any spelling, or only ours counts. */
export function unknownMember(key: string, names: readonly string[], anySpelling: boolean): string {
  const ours = ourName(key)
  if (!anySpelling && ours !== key && names.includes(ours))
    return `unknown key (did you mean "${ours}"?); other spellings are read by parsePlan`
  return unknownKey(key, anySpelling ? names : names.filter(name => ourName(name) === name))
}

const seconds = (): z.ZodNumber => z.number().max(MAX / 1000)
const timeoutSeconds = (byDefault: string): z.ZodType =>
  seconds().positive().transform(toMs).describe(`a number of seconds above 0 (default: ${byDefault})`)
/** The rules for the aliases in seconds, by our name. */
const inSeconds = once(
  (): Rules => ({
    timeoutMs: timeoutSeconds('an hour'),
    idleTimeoutMs: timeoutSeconds('no limit'),
    queueTimeoutMs: timeoutSeconds('no limit'),
    totalTimeoutMs: timeoutSeconds('no limit'),
    durationMs: seconds().min(0).transform(toMs).describe('a number of seconds, 0 or more'),
  }),
)

/** Rounded to 15 digits: 1.1 s is 1,100 ms, not 1,100.0000000000002. */
function toMs(sec: number): number {
  return Number((sec * 1000).toPrecision(15))
}

/** The same rules, under the aliases of each member too. */
function withAliases(rules: Rules): Rules {
  const all = { ...rules }
  for (const [alias, ours] of ALIASES)
    if (rules[ours]) all[alias] = /sec$/i.test(alias) ? inSeconds()[ours]! : rules[ours]
  return all
}

/** The members of an object of a plan, under all their names. */
export type Members = ReadonlyMap<string, z.ZodType>

function membersOf(rules: Rules): Members {
  return new Map(Object.entries(withAliases(rules)))
}

/** The members of a task that are objects themselves, by the rule for the whole object. */
export const NESTED: Map<z.ZodType, Members> = new Map()

function nested(rules: Rules): z.ZodType {
  const rule = z
    .strictObject(withAliases(rules))
    .partial()
    .describe(`an object {${Object.keys(rules).join(', ')}}`)
  NESTED.set(rule, membersOf(rules))
  return rule
}

const backoff = once(() => ({
  baseMs: millis(),
  factor: z.number().min(1).max(1000).describe('a number from 1 to 1000'),
  maxMs: millis(),
}))
const amount = (what: string): z.ZodType => z.number().min(0).max(MAX).describe(`${what}, 0 or more`)
const estimate = once(() => ({ costUsd: amount('a number of US dollars'), tokens: amount('a number of tokens') }))
const budget = once(() => ({
  ...estimate(),
  wallMs: millis(),
  soft: z.number().min(0).max(1).describe('a number from 0 to 1 (default: 0.8)'),
  onSoft: z.enum(['tell', 'degrade']).describe('"tell" (the default) or "degrade"'),
  onHard: z.enum(['stop', 'degrade', 'hold']).describe('"stop" (the default), "degrade" or "hold"'),
}))

/** The rules for options of these kinds: our spelling only. */
/** What an attempt is expected to use, as an option. */
export const estimateRule: () => z.ZodType = once(() => optionsOf(estimate()).partial())
export const backoffRule: () => z.ZodType = once(() => optionsOf(backoff()).partial())
export const budgetRule: () => z.ZodType = once(() => optionsOf(budget()).partial())
export const runBudgetRule: () => z.ZodType = once(() =>
  optionsOf({ ...budget(), pools: record(z.string(), budgetRule().optional()) }).partial(),
)

const timeout = (byDefault: string): z.ZodType =>
  z.number().positive().max(MAX).describe(`a number of milliseconds above 0, to 2^53 - 1 (default: ${byDefault})`)
const ids = (what: string): z.ZodType => z.array(id()).describe(`a list of the ids of the tasks ${what}`)

/** The rules for the members of a task, in our spelling. */
export const taskRules: () => Readonly<Record<keyof TaskSpec, z.ZodType>> = once(() => ({
  id: id(),
  description: z.string().describe('a string: what the agent is asked to do (default: the id)'),
  pool: name().describe(`the name of a pool: ${NAME_RULE}`),
  input: z.unknown().describe('any JSON: the input, where it is known beforehand'),
  after: ids('that must have succeeded before this one starts'),
  softAfter: ids('whose outputs it gets if they have ended by then'),
  orderAfter: ids('that must have ended before this one starts'),
  triggerRule: z.enum(TRIGGER_RULES).describe(`one of ${TRIGGER_RULES.join(', ')} (default: all_success)`),
  priority: z.int().min(1).max(1000).describe('a whole number from 1, the most urgent, to 1000 (default: 3)'),
  retries: z.int().min(0).max(1000).describe('a whole number of further attempts, from 0 to 1000 (default: 2)'),
  backoff: nested(backoff()),
  timeoutMs: timeout('an hour'),
  idleTimeoutMs: timeout('no limit'),
  queueTimeoutMs: timeout('no limit'),
  totalTimeoutMs: timeout('no limit'),
  weight: z.number().min(0).max(MAX).describe('a number from 0 to 2^53 - 1: its share of the plan (default: 1)'),
  durationMs: millis(),
  estimate: nested(estimate()),
  budget: nested(budget()),
  replay: z.enum(['safe', 'never']).describe('"safe" (the default) or "never"'),
  approval: z.boolean().describe('true or false (the default)'),
  context: z.unknown().describe('any JSON: further context for the agent'),
}))

/** The rule for the `defaults` of a pool: the members of a task that it may set, with the bounds that they have there. */
export const taskDefaultsRule: () => z.ZodType = once(() => {
  const { priority, retries, timeoutMs, idleTimeoutMs, queueTimeoutMs, totalTimeoutMs, ...rules } = taskRules()
  const { durationMs, replay, approval } = rules
  return optionsOf({
    priority,
    retries,
    backoff: backoffRule(),
    timeoutMs,
    idleTimeoutMs,
    queueTimeoutMs,
    totalTimeoutMs,
    durationMs,
    estimate: estimateRule(),
    budget: budgetRule(),
    replay,
    approval,
  } satisfies Record<keyof TaskDefaults, z.ZodType>).partial()
})

const planRules = once(() => ({
  $schema: z.string().describe('the address of a JSON Schema, for editors: ignored'),
  name: name().describe(`a name: ${NAME_RULE}`),
  version: name().describe(`a version: ${NAME_RULE}`),
  failureMode: z.enum(['continue', 'no-new', 'kill']).describe('"continue" (the default), "no-new" or "kill"'),
}))
const tasks = 'a list of tasks'

/** A whole plan: the source of `plan.schema.json`. */
export function planSchema(): z.ZodType {
  const task = z.strictObject(withAliases(taskRules())).partial().extend({ id: id() })
  return z
    .strictObject(withAliases(planRules()))
    .partial()
    .extend({ tasks: z.array(task).describe(tasks) })
}

export const planMembers: () => Members = once(() =>
  membersOf({ ...planRules(), tasks: z.array(z.unknown()).describe(tasks) }),
)
export const taskMembers: () => Members = once(() => membersOf(taskRules()))
