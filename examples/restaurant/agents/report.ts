/** How bad a finding is. */
export type Severity = 'critical' | 'high' | 'medium' | 'low'

/** Something that is wrong, with its proof. `task` delivered what it is found in. */
export interface Finding {
  readonly id: string
  readonly severity: Severity
  readonly title: string
  readonly task: string
  readonly where: string
  readonly evidence: string
  readonly fix: string
}

/** What an audit found. */
export interface Report {
  /** What was audited: a running backend, files that outputs name, or nothing, because there was neither. */
  readonly target: 'backend' | 'files' | 'nothing'
  readonly findings: readonly Finding[]
  /** What was tried and held. */
  readonly passed: readonly { readonly id: string; readonly title: string; readonly evidence: string }[]
  /** Required topics that nothing was tried for. */
  readonly notCovered: readonly string[]
}

const severities: readonly Severity[] = ['critical', 'high', 'medium', 'low']

/** The findings with the worst first; equally bad ones stay in their order. */
export function worstFirst(findings: readonly Finding[]): readonly Finding[] {
  return findings.toSorted((a, b) => severities.indexOf(a.severity) - severities.indexOf(b.severity))
}
