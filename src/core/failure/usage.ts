import { amountOf, plus } from '../amount.js'
import { readMember } from '../read-member.js'

/** What an attempt used. An absent member is unknown, not zero. */
export interface Usage {
  readonly inputTokens?: number | undefined
  readonly outputTokens?: number | undefined
  /** Input and output tokens together. Takes precedence over `inputTokens` and `outputTokens` wherever tokens are counted. */
  readonly tokens?: number | undefined
  /** US dollars. */
  readonly costUsd?: number | undefined
  /** True when at least one member was assumed from an estimate, not reported by the agent. */
  readonly estimated?: boolean | undefined
}

type Amount = 'inputTokens' | 'outputTokens' | 'tokens' | 'costUsd'

/**
 * The names of each amount: ours, then those that providers use in their responses. The names of one row are added up; the first row
 * with an amount counts.
 */
const NAMES = {
  inputTokens: [
    ['inputTokens'], // also the AI SDK, from version 5
    ['input_tokens', 'cache_creation_input_tokens', 'cache_read_input_tokens'], // Anthropic; OpenAI, which has the first one only
    ['prompt_tokens'], // OpenAI, chat completions
    ['promptTokens'], // the AI SDK, version 4
    ['promptTokenCount', 'toolUsePromptTokenCount'], // Gemini
  ],
  outputTokens: [
    ['outputTokens'],
    ['output_tokens'],
    ['completion_tokens'],
    ['completionTokens'],
    ['candidatesTokenCount', 'thoughtsTokenCount'],
  ],
  tokens: [['tokens'], ['totalTokens'], ['total_tokens'], ['totalTokenCount']],
  costUsd: [['costUsd']],
} as const

/** The AI SDK's providers give objects under these names. */
type DetailedName = 'inputTokens' | 'outputTokens'
type TokenDetails = { readonly total?: number | null | undefined }

/** For these NaN means unknown: the AI SDK, version 4. */
const UNKNOWN_AS_NAN: readonly string[] = ['promptTokens', 'completionTokens', 'totalTokens']

type NameOf<A extends Amount> = (typeof NAMES)[A][number][number]

/**
 * A usage as a backend gives it: a {@link Usage}, or the usage of a response of OpenAI, Anthropic, Gemini or the AI SDK as it is. Other
 * members are ignored; null means unknown.
 */
export type ReportedUsage = {
  readonly [name in NameOf<Amount>]?: number | null | undefined | (name extends DetailedName ? TokenDetails : never)
} & {
  /** As in {@link Usage}. */
  readonly estimated?: boolean | undefined
}

/** Every name of an amount. */
export const USAGE_NAMES: readonly string[] = Object.values(NAMES).flat(2)

/**
 * Reads a usage from a value of unknown shape: by our names, or by those of OpenAI, Anthropic, Gemini and the AI SDK. Keeps the amounts
 * that are finite numbers of at least 0, at most 2^53 - 1 of each, and drops all others; returns undefined when no amount is left. Never throws, even if a getter
 * or a proxy trap does.
 *
 * @param unreadable Gets the names of amounts that are there and cannot be read, or are larger.
 */
export function readUsage(value: unknown, unreadable?: string[]): Usage | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const usage: { -readonly [K in keyof Usage]: Usage[K] } = {}
  let isEmpty = true
  for (const amount of AMOUNTS) {
    const read = readAmount(value, NAMES[amount], unreadable)
    if (read === undefined) continue
    usage[amount] = read
    isEmpty = false
  }
  if (isEmpty) return undefined
  if (readMember(value, 'estimated') === true) usage.estimated = true
  return usage
}

const AMOUNTS = Object.keys(NAMES) as readonly Amount[]

function readAmount(
  value: object,
  rows: readonly (readonly string[])[],
  unreadable: string[] | undefined,
): number | undefined {
  for (const names of rows) {
    let total: number | undefined
    for (const name of names) {
      const member = givenAmount(value, name)
      if (member === undefined || member === null) continue
      const amount = amountOf(member)
      if (amount !== member) unreadable?.push(name)
      if (amount !== undefined) total = sum(total, amount)
    }
    if (total !== undefined) return total
  }
  return undefined
}

function givenAmount(value: object, name: string): unknown {
  const member = readMember(value, name)
  if (Number.isNaN(member) && UNKNOWN_AS_NAN.includes(name)) return undefined
  const isDetailed = typeof member === 'object' && member !== null && hasTotal(member)
  return isDetailed ? readMember(member, 'total') : member
}

function hasTotal(member: object): boolean {
  try {
    return 'total' in member
  } catch {
    return false
  }
}

/** Input and output tokens together; undefined when unknown. */
export function tokensOf(usage: Usage | undefined): number | undefined {
  if (usage === undefined) return undefined
  const { inputTokens, outputTokens, tokens } = usage
  return tokens ?? sum(inputTokens, outputTokens)
}

/** The sum of two usages. A member that is unknown in both stays unknown. */
export function addUsage(a: Usage | undefined, b: Usage | undefined): Usage | undefined {
  if (a === undefined || b === undefined) return a ?? b
  const inputTokens = sum(a.inputTokens, b.inputTokens)
  const outputTokens = sum(a.outputTokens, b.outputTokens)
  const tokens = a.tokens === undefined && b.tokens === undefined ? undefined : sum(tokensOf(a), tokensOf(b))
  const costUsd = sum(a.costUsd, b.costUsd)
  return {
    ...(inputTokens !== undefined && { inputTokens }),
    ...(outputTokens !== undefined && { outputTokens }),
    ...(tokens !== undefined && { tokens }),
    ...(costUsd !== undefined && { costUsd }),
    ...((a.estimated || b.estimated) && { estimated: true }),
  }
}

function sum(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined ? b : plus(a, b ?? 0)
}
