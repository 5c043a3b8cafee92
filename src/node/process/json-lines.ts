import {
  AgentError,
  FAILURE_KINDS,
  type FailureKind,
  type Json,
  type Report,
  type ReportedUsage,
  readRetryAfter,
  systemClock,
} from 'counterpoint'
import type { Redact } from './launch.js'

/** The JSON object in a line. */
export type Line = Readonly<Record<string, Json>>

/** The progress report in a line with this usage; undefined when it contains none. */
export function progressOf(line: Line, usage: ReportedUsage | undefined, redact: Redact): Report | undefined {
  const { progress, message } = line
  const report: Report = {
    ...(typeof progress === 'number' && { progress: Math.min(1, Math.max(0, progress)) }),
    ...(typeof message === 'string' && { message: redact(message) }),
    ...(usage && { usage }),
  }
  return Object.keys(report).length === 0 ? undefined : report
}

/** The usage in a line as the agent gave it; its attempt reads it. Anything but an object is of another program: `{"usage": "80%"}`. */
export function usageIn({ usage }: Line): ReportedUsage | undefined {
  return isObject(usage) ? (usage as ReportedUsage) : undefined
}

/** The members that a line with a failure may have. */
const FAILURE_LINE: readonly string[] = ['error', 'usage', 'output']
/** All members of lines of an agent. */
const AGENT_LINE: readonly string[] = [...FAILURE_LINE, 'progress', 'message']

/** False for a line with members of its own: it may be of a tool, `{"tool": "ls", "output": "a.txt"}`. */
export function isAgentLine(line: Line): boolean {
  return hasOnly(line, AGENT_LINE)
}

function hasOnly(line: Line, names: readonly string[]): boolean {
  return Object.keys(line).every(name => names.includes(name))
}

/**
 * The failure that the agent reports in a line. Only the documented shape counts: `error` is a text, or an object with a message or a known
 * kind, and the line has no members but `error`, `usage` and `output`.
 *
 * BAD: any `error` in any line. Tools print `{"tool": "grep", "error": "no match"}`, and many programs `"error": ""` when all is well.
 */
export function failureOf(line: Line, redact: Redact, usage: ReportedUsage | undefined): AgentError | undefined {
  const { error } = line
  const message = typeof error === 'string' ? error : memberOf(error, 'message')
  const kind = memberOf(error, 'kind')
  const hasMessage = typeof message === 'string' && message.trim() !== ''
  if (!((hasMessage || isKind(kind)) && hasOnly(line, FAILURE_LINE))) return undefined
  const text = hasMessage ? redact(message) : ''
  const retryAfterMs = readRetryAfter(error, systemClock.now())
  return new AgentError(isKind(kind) ? kind : 'agent', text || 'The agent reported a failure without a message.', {
    ...(retryAfterMs !== undefined && { retryAfterMs }),
    ...(usage && { usage }),
  })
}

function isKind(kind: Json | undefined): kind is FailureKind {
  return FAILURE_KINDS.some(known => known === kind)
}

function memberOf(value: Json | undefined, name: string): Json | undefined {
  return isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined
}

function isObject(value: Json | undefined): value is Line {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
