import { amountOf } from '../core/amount.js'
import type { Estimate } from '../core/budget/budget.js'
import { readMember } from '../core/read-member.js'
import type { AgentBackend } from './agent-backend.js'

const MEASURES = ['costUsd', 'tokens'] as const

/**
 * What an attempt is expected to use on this backend, read anew each time: an adapter may compute it. Amounts that cannot be read are
 * unknown. Never throws.
 *
 * @param onUnreadable Called with the names of those, if there are any.
 */
export function estimateOf(
  backend: AgentBackend | undefined,
  onUnreadable?: (unreadable: readonly string[]) => void,
): Estimate | undefined {
  const given: unknown = backend && readMember(backend, 'estimate')
  if (given === undefined || given === null) return undefined
  const unreadable: string[] = []
  const estimate: { -readonly [K in keyof Estimate]: Estimate[K] } = {}
  let isEmpty = true
  for (const measure of MEASURES) {
    const value = readMember(given, measure)
    if (value === undefined || value === null) continue
    const amount = amountOf(value)
    if (amount !== value) unreadable.push(measure)
    if (amount === undefined) continue
    estimate[measure] = amount
    isEmpty = false
  }
  if (unreadable.length > 0) onUnreadable?.(unreadable)
  return isEmpty ? undefined : estimate
}
