import { AgentError, type FailureKind, type Json, type Report, type Usage } from 'counterpoint'
import type { Redact } from './redact.js'

const KINDS: Readonly<Record<FailureKind, true>> = {
  throttled: true,
  overloaded: true,
  quota: true,
  timeout: true,
  'invalid-output': true,
  'incomplete-output': true,
  'bad-input': true,
  crashed: true,
  interrupted: true,
  refused: true,
  agent: true,
}

/** What a line says of the progress; undefined when it says nothing of it. */
export function progressOf(line: Readonly<Record<string, Json>>, tell: Redact): Report | undefined {
  const { progress, message } = line
  const usage = usageOf(line.usage)
  const report: Report = {
    ...(typeof progress === 'number' && { progress: Math.min(1, Math.max(0, progress)) }),
    ...(typeof message === 'string' && { message: tell(message) }),
    ...(usage && { usage }),
  }
  return Object.keys(report).length === 0 ? undefined : report
}

/** The usage in the `usage` member of a line: numbers that are none or negative are left out. */
export function usageOf(value: Json | undefined): Usage | undefined {
  const inputTokens = amount(member(value, 'inputTokens'))
  const outputTokens = amount(member(value, 'outputTokens'))
  const costUsd = amount(member(value, 'costUsd'))
  const usage: Usage = {
    ...(inputTokens !== undefined && { inputTokens }),
    ...(outputTokens !== undefined && { outputTokens }),
    ...(costUsd !== undefined && { costUsd }),
  }
  return Object.keys(usage).length === 0 ? undefined : usage
}

/**
 * The failure in the `error` member of a line: a string, or an object. `null`, `false` and nothing mean that there is
 * none.
 */
export function agentFailure(value: Json | undefined, tell: Redact, usage: Usage | undefined): AgentError | undefined {
  if (value === undefined || value === null || value === false) return undefined
  const kind = member(value, 'kind')
  const message = typeof value === 'string' ? value : member(value, 'message')
  const text = typeof message === 'string' ? tell(message) : ''
  const retryAfterMs = amount(member(value, 'retryAfterMs'))
  return new AgentError(
    isKind(kind) ? kind : 'agent',
    text || 'The agent reports that it failed, without saying why.',
    {
      ...(retryAfterMs !== undefined && { retryAfterMs }),
      ...(usage && { usage }),
    },
  )
}

function isKind(kind: Json | undefined): kind is FailureKind {
  return typeof kind === 'string' && Object.hasOwn(KINDS, kind)
}

function amount(value: Json | undefined): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : undefined
}

function member(value: Json | undefined, name: string): Json | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  return Object.hasOwn(value, name) ? (value as Readonly<Record<string, Json>>)[name] : undefined
}
