import { redactor } from '../../backends/redact.js'
import type { OutputTails } from '../../core/failure/output-tails.js'
import { once } from '../../core/once.js'
import { readMember } from '../../core/read-member.js'

/** Lazy: it checks its options, and a module must not build a rule when it is imported. */
const cleanTail = once(() => redactor([], { keep: 'end' }))

/** The ends of the output of an attempt, as its backend gave them; undefined when they are empty. Never throws. */
export function readTails(tails: unknown): OutputTails | undefined {
  const stdout = cleaned(readMember(tails, 'stdout'))
  const stderr = cleaned(readMember(tails, 'stderr'))
  return stdout || stderr ? { ...(stdout && { stdout }), ...(stderr && { stderr }) } : undefined
}

function cleaned(text: unknown): string {
  return typeof text === 'string' ? cleanTail()(text) : ''
}
