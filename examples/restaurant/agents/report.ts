/** The severity of a finding. */
export type Severity = 'critical' | 'high' | 'medium' | 'low'

/** A vulnerability with evidence. `task` is the task whose output it is in. */
export interface Finding {
  readonly id: string
  readonly severity: Severity
  readonly title: string
  readonly task: string
  readonly where: string
  readonly evidence: string
  readonly fix: string
}

/** The result of an audit. */
export interface Report {
  /** What was audited: a running backend, files named by outputs, or nothing if there was neither. */
  readonly target: 'backend' | 'files' | 'nothing'
  readonly findings: readonly Finding[]
  /** Checks that passed. */
  readonly passed: readonly { readonly id: string; readonly title: string; readonly evidence: string }[]
  /** Required topics without a check. */
  readonly notCovered: readonly string[]
}

const severities: readonly Severity[] = ['critical', 'high', 'medium', 'low']

/** The findings, most severe first; stable for equal severity. */
export function worstFirst(findings: readonly Finding[]): readonly Finding[] {
  return findings.toSorted((a, b) => severities.indexOf(a.severity) - severities.indexOf(b.severity))
}
