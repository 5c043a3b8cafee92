import { readMember } from '../../backends/safe-read.js'
import { USAGE_NAMES } from '../../core/failure/usage.js'
import type { Json } from '../../core/json.js'
import { didYouMean, MAX_ISSUES, pathText, show } from '../../error-text.js'
import type { InputIssue } from '../../errors.js'

const EXPECTED =
  'inputTokens, outputTokens, tokens or costUsd, or the names that OpenAI, Anthropic, Gemini or the AI SDK give them'

/**
 * What is wrong with a usage: the amounts that could not be read (`unreadable`); when there are none, the members that are no amounts.
 * Nothing for an object without a defined member: its agent knows no usage.
 */
export function usageIssues(usage: unknown, unreadable: readonly string[]): readonly InputIssue[] {
  if (typeof usage !== 'object' || usage === null) return [issueOf(undefined, 'an object', usage)]
  if (unreadable.length > 0)
    return unreadable.map(name => issueOf(name, 'a number of at least 0', readMember(usage, name)))
  const unknown = keysOf(usage).filter(name => (readMember(usage, name) ?? undefined) !== undefined)
  return unknown.slice(0, MAX_ISSUES).map(name => {
    const hint = didYouMean(name, USAGE_NAMES) || `; expected ${EXPECTED}`
    return { path: pathText([name], 'usage'), message: `unknown amount${hint}` }
  })
}

function issueOf(name: string | undefined, expected: string, got: unknown): InputIssue {
  return {
    path: pathText(name === undefined ? [] : [name], 'usage'),
    message: `expected ${expected}, got ${show(got)}`,
  }
}

/** `Object.keys` throws for a proxy whose traps do. */
function keysOf(value: object): readonly string[] {
  try {
    return Object.keys(value)
  } catch {
    return []
  }
}

/** The issue of an output that {@link isReplyLike}. */
export const NO_REPLY: InputIssue = {
  path: 'output',
  message:
    'the object with the members output and usage is the output, and its usage does not count: return reply({ output, usage }), or give the task an output schema if the object is what you mean',
}

/** True for an output with the members of a reply, and no others. */
export function isReplyLike(output: Json): boolean {
  if (typeof output !== 'object' || output === null || !('usage' in output) || !('output' in output)) return false
  return Object.keys(output).length === 2
}
