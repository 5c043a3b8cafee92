import type { Json } from 'counterpoint'
import type { Account } from './account.js'
import { isRecord } from './agents/agent.js'
import { type Finding, type Severity, worstFirst } from './agents/report.js'
import { type Line, type Style, styled } from './terminal.js'
import { cut, many, wrap } from './text.js'

/** The audits of a run, merged. */
export interface Audits {
  /** How many tasks returned an audit. */
  readonly count: number
  /** Most severe first. */
  readonly findings: readonly Finding[]
  /** How many checks passed. */
  readonly passed: number
  /** Required topics that were not audited. */
  readonly notCovered: readonly string[]
}

/** Limits of the list and of each text: the output of an agent can have any size. */
const MOST_FINDINGS = 50
const MOST_TEXT = 400

const STYLES: Readonly<Record<Severity, Style>> = { critical: 'bad', high: 'bad', medium: 'doubtful', low: 'dim' }

/** Merges the outputs of kind `audit`. Outputs come from agents, so anything without the shape of a finding is ignored. */
export function auditsOf({ outputs }: Pick<Account, 'outputs'>): Audits {
  const delivered: readonly unknown[] = Object.values(outputs)
  const audits = delivered.filter(isRecord).filter(({ kind }) => kind === 'audit')
  return {
    count: audits.length,
    findings: worstFirst(audits.flatMap(audit => listOf(audit.findings).filter(isFinding))),
    passed: audits.reduce((sum, audit) => sum + listOf(audit.passed).length, 0),
    notCovered: audits.flatMap(audit => listOf(audit.notCovered).filter(topic => typeof topic === 'string')),
  }
}

/** The findings with location, evidence and fix. No line is wider than `width`, except for very small widths. */
export function findingLines({ findings, passed, notCovered }: Audits, width: number): Line[] {
  return [
    ...findings.slice(0, MOST_FINDINGS).flatMap(finding => oneFinding(finding, width)),
    ...(findings.length > MOST_FINDINGS ? [`and ${findings.length - MOST_FINDINGS} more: see result.json`] : []),
    `${many(passed, 'check')} passed`,
    ...(notCovered.length > 0 ? wrap(cut(`not covered: ${notCovered.join(', ')}`, MOST_TEXT), width) : []),
  ]
}

function oneFinding({ severity, title, task, where, evidence, fix }: Finding, width: number): Line[] {
  const [first = '', ...more] = wrap(cut(title, MOST_TEXT), width - 10)
  return [
    [styled(STYLES[severity], severity.padEnd(10)), styled('bold', first)],
    ...more.map(line => styled('bold', `          ${line}`)),
    ...explained('where', `${where} (${task})`, width),
    ...explained('proof', evidence, width),
    ...explained('fix', fix, width),
  ]
}

function explained(word: string, text: string, width: number): Line[] {
  const lines = wrap(cut(text, MOST_TEXT), width - 17)
  return lines.map((line, place) => [styled('dim', `          ${(place === 0 ? word : '').padEnd(7)}`), line])
}

function listOf(value: unknown): readonly Json[] {
  return Array.isArray(value) ? value : []
}

function isFinding(value: unknown): value is Finding & Json {
  if (!isRecord(value) || typeof value.severity !== 'string' || !Object.hasOwn(STYLES, value.severity)) return false
  return ['title', 'task', 'where', 'evidence', 'fix'].every(member => typeof value[member] === 'string')
}
