import { AgentError, FAILURE_KINDS, type FailureKind, type Json, type Report, type ReportedUsage } from 'counterpoint'
import type { Redact } from './launch.js'

/** The progress report in a line; undefined when it contains none. */
export function progressOf(line: Readonly<Record<string, Json>>, redact: Redact): Report | undefined {
  const { progress, message } = line
  const usage = usageIn(line)
  const report: Report = {
    ...(typeof progress === 'number' && { progress: Math.min(1, Math.max(0, progress)) }),
    ...(typeof message === 'string' && { message: redact(message) }),
    ...(usage && { usage }),
  }
  return Object.keys(report).length === 0 ? undefined : report
}

/** The usage in a line as the agent gave it; its attempt reads it. */
export function usageIn({ usage }: Readonly<Record<string, Json>>): ReportedUsage | undefined {
  return (usage ?? undefined) as ReportedUsage | undefined
}

/** The failure in the `error` member of a line: a string or an object. None for `null`, `false` or a missing member. */
export function failureOf(
  value: Json | undefined,
  redact: Redact,
  usage: ReportedUsage | undefined,
): AgentError | undefined {
  if (value === undefined || value === null || value === false) return undefined
  const kind = memberOf(value, 'kind')
  const message = typeof value === 'string' ? value : memberOf(value, 'message')
  const text = typeof message === 'string' ? redact(message) : ''
  const retryAfterMs = memberOf(value, 'retryAfterMs')
  const hasDelay = typeof retryAfterMs === 'number' && retryAfterMs >= 0 && Number.isFinite(retryAfterMs)
  return new AgentError(isKind(kind) ? kind : 'agent', text || 'The agent reported a failure without a message.', {
    ...(hasDelay && { retryAfterMs }),
    ...(usage && { usage }),
  })
}

function isKind(kind: Json | undefined): kind is FailureKind {
  return FAILURE_KINDS.some(known => known === kind)
}

function memberOf(value: Json, name: string): Json | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  return Object.hasOwn(value, name) ? (value as Readonly<Record<string, Json>>)[name] : undefined
}
