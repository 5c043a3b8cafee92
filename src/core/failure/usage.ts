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

/** The members that are amounts. */
const AMOUNTS = ['inputTokens', 'outputTokens', 'tokens', 'costUsd'] as const

/**
 * Reads a usage from a value of unknown shape. Keeps the members that are finite numbers of at least 0 and drops all others; returns
 * undefined when no amount is left. Never throws, even if a getter or a proxy trap does.
 */
export function readUsage(value: unknown): Usage | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const usage: { -readonly [K in keyof Usage]: Usage[K] } = {}
  for (const key of AMOUNTS) {
    const amount = memberOf(value, key)
    if (typeof amount === 'number' && amount >= 0 && amount < Number.POSITIVE_INFINITY) usage[key] = amount
  }
  if (Object.keys(usage).length === 0) return undefined
  if (memberOf(value, 'estimated') === true) usage.estimated = true
  return usage
}

function memberOf(value: object, key: keyof Usage): unknown {
  try {
    return (value as Readonly<Record<string, unknown>>)[key]
  } catch {
    return undefined
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
  return a === undefined ? b : a + (b ?? 0)
}
