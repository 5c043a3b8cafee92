import type { AgentBackend } from '../../backends/agent-backend.js'
import { agentErrorIn, usageOf } from '../../backends/classify-error.js'
import { kindOfWord } from '../../backends/error-tables.js'
import { amountOf, isAmount } from '../../core/amount.js'
import { FAILURE_KINDS } from '../../core/failure/failure.js'
import { readUsage, USAGE_NAMES, type Usage } from '../../core/failure/usage.js'
import { canonicalJson, type Json, NotJsonError } from '../../core/json.js'
import { jsonBytes } from '../../core/json-bytes.js'
import { keysOf, readMember, readPath } from '../../core/read-member.js'
import type { TaskSpec } from '../../core/state/task.js'
import { didYouMean, MAX_ISSUES, pathText, show, unknownKey } from '../../error-text.js'
import { AgentError, agentErrorOptions, type InputIssue } from '../../errors.js'
import { invalidInput } from '../../options-check.js'
import type { TaskBinding } from '../../plan/bindings.js'
import type { MeasuredChunk } from './chunk-stream.js'

/**
 * Reads what a backend reports, streams and returns. What is most likely a mistake of the backend changes nothing, and is reported once.
 */

/** What of a backend is most likely a mistake. */
export type BackendProblem = 'usage' | 'estimate' | 'output' | 'report' | 'stream' | 'AgentError'

/** How many functions of a pool are reported for one kind of mistake: thousands of tasks may have the same function. */
const MAX_FUNCTIONS = 20

/** Whose mistake it is: each is reported once, as an error at `where`, and at most `max` of a `group`. */
export interface ProblemSource {
  readonly group: string
  readonly where: string
  readonly max: number
}

/** A backend makes its mistakes whatever the task; functions differ by task. */
export function sourceOf(
  of: BackendProblem,
  backend: string,
  { id, pool }: TaskSpec,
  binding: TaskBinding | undefined,
): ProblemSource {
  if (!binding?.run) {
    const where = `${of} of backend ${backend} in pool ${pool}`
    return { group: where, where, max: 1 }
  }
  return {
    group: `${of} of functions in pool ${pool}`,
    where: `${of} of the function of task ${id}`,
    max: MAX_FUNCTIONS,
  }
}

/** Who reports the mistakes. */
export interface ProblemReporter {
  onProblem(of: BackendProblem, issues: () => readonly InputIssue[]): void
}

/** The amounts of a usage that can be read; undefined when there are none. */
export function reportedUsage(usage: unknown, reporter: ProblemReporter): Usage | undefined {
  if (usage === null) return undefined
  const unreadable: string[] = []
  const read = readUsage(usage, unreadable)
  if (read?.costUsd === undefined || unreadable.length > 0)
    reporter.onProblem('usage', () => usageIssues(usage, unreadable, read))
  return read
}

/** The largest chunk: what a reader may be behind. */
const MAX_CHUNK_BYTES = 1_048_576

/**
 * A chunk as JSON.
 * @throws INVALID_INPUT when it is none, or larger than 1 MiB.
 */
export function chunkOf(chunk: unknown, reporter: ProblemReporter): MeasuredChunk {
  const { measured, issue } = measure(chunk)
  if (measured) return measured
  reporter.onProblem('stream', () => [issue])
  throw invalidInput([issue])
}

function measure(
  chunk: unknown,
):
  | { readonly measured: MeasuredChunk; readonly issue?: never }
  | { readonly measured?: never; readonly issue: InputIssue } {
  try {
    // The one bound of a chunk is that below.
    const json = canonicalJson(chunk, { maxChars: Number.POSITIVE_INFINITY, maxBytes: Number.POSITIVE_INFINITY })
    const bytes = jsonBytes(json, MAX_CHUNK_BYTES)
    if (bytes <= MAX_CHUNK_BYTES) return { measured: { json, bytes } }
    const message = `expected at most ${MAX_CHUNK_BYTES} bytes of JSON (1 MiB), got more: stream it in parts`
    return { issue: { path: 'chunk', message } }
  } catch (error) {
    return { issue: notJson('chunk', error) }
  }
}

/** Where a value is not JSON. */
export function notJson(path: string, error: unknown): InputIssue {
  const where = error instanceof NotJsonError ? error.message : String(readMember(error, 'message'))
  return { path, message: `expected JSON, which it is not at ${where}` }
}

/** Reports an output with the members of a reply, and no others. */
export function checkNoReply(output: Json, reporter: ProblemReporter): void {
  if (typeof output !== 'object' || output === null || !('usage' in output) || !('output' in output)) return
  if (Object.keys(output).length === 2) reporter.onProblem('output', () => [NO_REPLY])
}

const NO_REPLY: InputIssue = {
  path: 'output',
  message:
    'the object with the members output and usage is the output, and its usage does not count: return reply({ output, usage }), or give the task an output schema if the object is what you mean',
}

/** What a failed attempt used, by what its backend threw. Reports an `AgentError` with a kind or options that do not exist. */
export function usageThrown(thrown: unknown, reporter: ProblemReporter): object | undefined {
  const error = agentErrorIn(thrown)
  if (error) reporter.onProblem('AgentError', () => agentErrorIssues(error))
  return usageOf(thrown)
}

function agentErrorIssues(error: object): readonly InputIssue[] {
  const kind = readMember(error, 'kind')
  const unknown = AgentError.unknownOptionsOf(error).slice(0, MAX_ISSUES - 1)
  const issues = unknown.map(name => ({
    path: pathText([name], 'options'),
    message: unknownKey(name, agentErrorOptions),
  }))
  const retryAfterMs = readMember(error, 'retryAfterMs')
  if (retryAfterMs !== undefined && !isAmount(retryAfterMs))
    issues.push({ path: 'options.retryAfterMs', message: `expected ${AMOUNT} milliseconds, got ${show(retryAfterMs)}` })
  return FAILURE_KINDS.some(known => known === kind) ? issues : [{ path: 'kind', message: noKind(kind) }, ...issues]
}

/** `rate-limited`, `rateLimit` and `rate_limit_error` mean what providers mean by it. */
function noKind(kind: unknown): string {
  const word = typeof kind === 'string' ? kind : ''
  const snake = word.replace(/-|(?<=[a-z])(?=[A-Z])/g, '_').toLowerCase()
  const meant = kindOfWord(word) ?? kindOfWord(snake) ?? kindOfWord(`${snake}_error`)
  const hint = meant ? ` (did you mean "${meant}"?)` : didYouMean(word, FAILURE_KINDS)
  return `${show(kind)} is not a failure kind and counts as "agent"${hint || `; expected one of ${FAILURE_KINDS.join(', ')}`}`
}

const EXPECTED =
  'inputTokens, outputTokens, tokens or costUsd, or the names that OpenAI, Anthropic, Gemini or the AI SDK give them'

const AMOUNT = 'a number from 0 to 2^53 - 1'

/** The range is stated where it is what is wrong. */
function expectedAmount(got: unknown): string {
  return amountOf(got) === undefined ? 'a number of at least 0' : AMOUNT
}

/** What is wrong with the estimate of a backend: these amounts. */
export function estimateIssues(
  backend: AgentBackend | undefined,
  unreadable: readonly string[],
): readonly InputIssue[] {
  return unreadable.map(name => ({
    path: `estimate.${name}`,
    message: `expected ${AMOUNT}, got ${show(readPath(backend, 'estimate', name))}`,
  }))
}

/** A budget of money would be switched off by such a name. */
const MONEY = /cost|price|usd|dollar|cents/i

/**
 * What is wrong with a usage: the amounts that could not be read (`unreadable`), and members with other names that are most likely
 * meant as the cost; all other members when nothing was read. Nothing for an object without a defined member: its agent knows no usage.
 */
function usageIssues(usage: unknown, unreadable: readonly string[], read: Usage | undefined): readonly InputIssue[] {
  if (typeof usage !== 'object' || usage === null) return [issueOf(undefined, 'an object', usage)]
  const issues = unreadable.map(name => issueOf(name, expectedAmount(readMember(usage, name)), readMember(usage, name)))
  const isUnread = read === undefined && unreadable.length === 0
  const hasCost = read?.costUsd !== undefined
  for (const name of keysOf(usage)) {
    const value = readMember(usage, name) ?? undefined
    if (value === undefined || USAGE_NAMES.includes(name)) continue
    const isMoney = !hasCost && MONEY.test(name) && typeof value !== 'object'
    if (isMoney || isUnread) issues.push(unknownAmount(name, isMoney))
  }
  return issues.slice(0, MAX_ISSUES)
}

function unknownAmount(name: string, isMoney: boolean): InputIssue {
  const hint = isMoney ? ' (did you mean "costUsd"?)' : didYouMean(name, USAGE_NAMES) || `; expected ${EXPECTED}`
  return { path: pathText([name], 'usage'), message: `unknown amount${hint}` }
}

function issueOf(name: string | undefined, expected: string, got: unknown): InputIssue {
  return {
    path: pathText(name === undefined ? [] : [name], 'usage'),
    message: `expected ${expected}, got ${show(got)}`,
  }
}
