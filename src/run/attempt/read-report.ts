import type { Report } from '../../backends/agent-backend.js'
import { cleanText, hideKeys } from '../../backends/redact.js'
import { canonicalJson, type Json } from '../../core/json.js'
import { keysOf, readMember } from '../../core/read-member.js'
import { didYouMean, MAX_ISSUES, show } from '../../error-text.js'
import type { InputIssue } from '../../errors.js'
import { notJson, type ProblemReporter } from './backend-problems.js'

const MEMBERS: readonly string[] = ['progress', 'message', 'data', 'usage']

type Shown = { -readonly [Name in keyof Report]: Report[Name] }

/** A share that was added up may exceed 1 by so much. */
const ROUNDING = 1e-9

/**
 * The members of a report that are shown; undefined when there are none. What is most likely a mistake is dropped, and reported once per
 * backend. Never throws.
 */
export function readReport(report: unknown, reporter: ProblemReporter): Report | undefined {
  if (typeof report !== 'object' || report === null) {
    reporter.onProblem('report', () => [{ path: 'report', message: `expected an object, got ${show(report)}` }])
    return undefined
  }
  const issues: InputIssue[] = []
  const shown: Shown = {}
  for (const name of keysOf(report)) {
    const value = readMember(report, name)
    if (value === undefined || name === 'usage') continue
    const issue = readInto(shown, name, value)
    if (issue) issues.push(issue)
  }
  if (issues.length > 0) reporter.onProblem('report', () => issues.slice(0, MAX_ISSUES))
  return keysOf(shown).length === 0 ? undefined : shown
}

function readInto(shown: Shown, name: string, value: unknown): InputIssue | undefined {
  if (name === 'data') return readData(shown, value)
  if (!MEMBERS.includes(name)) {
    const hint = didYouMean(name, MEMBERS) || `; expected ${MEMBERS.join(', ')}`
    return { path: name, message: `unknown member of a report${hint}` }
  }
  if (value === null) return undefined
  if (name === 'message') {
    if (typeof value !== 'string') return { path: name, message: `expected a string, got ${show(value)}` }
    shown.message = cleanText(value)
  } else {
    if (typeof value !== 'number' || !(value >= 0 && value <= 1 + ROUNDING))
      return { path: name, message: `expected a number from 0 to 1, got ${show(value)}` }
    shown.progress = Math.min(value, 1)
  }
  return undefined
}

function readData(shown: Shown, data: unknown): InputIssue | undefined {
  try {
    shown.data = withoutKeys(canonicalJson(data))
    return undefined
  } catch (error) {
    return notJson('data', error)
  }
}

/** Published data is for people and logs, as messages are. */
function withoutKeys(value: Json): Json {
  if (typeof value === 'string') return hideKeys(value)
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return Object.freeze(value.map(withoutKeys))
  return Object.freeze(Object.fromEntries(Object.entries(value).map(([key, member]) => [key, withoutKeys(member)])))
}
