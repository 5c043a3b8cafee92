import { readFile } from 'node:fs/promises'
import { type Assignment, isRecord } from './agent.js'
import { inside } from './files.js'
import type { Finding, Report, Severity } from './report.js'

interface Pattern {
  readonly id: string
  readonly looksLike: RegExp
  readonly severity: Severity
  readonly title: string
  readonly fix: string
}

const patterns: readonly Pattern[] = [
  {
    id: 'query-from-text',
    looksLike: /\b(SELECT|INSERT|UPDATE|DELETE)\b.{0,200}\$\{/,
    severity: 'critical',
    title: 'A query is built by concatenation',
    fix: 'Use parameters',
  },
  {
    id: 'secret-in-source',
    looksLike: /\b(password|secret|api_?key)\b['"]?\s*[:=]\s*['"][^'"]{8}/i,
    severity: 'high',
    title: 'A secret in the source',
    fix: 'Read it from the environment',
  },
  {
    id: 'code-from-text',
    looksLike: /\beval\(|\bnew Function\(|\.innerHTML\s*=/,
    severity: 'high',
    title: 'Text is executed as code',
    fix: 'Use data, or textContent',
  },
]

/** Maximum number of characters read from one file, and maximum number of files. */
const MOST_TEXT = 256 * 1024
const MOST_FILES = 200

/** Reads the files named by the outputs of other tasks, and searches them for dangerous patterns. */
export async function checkFiles(assignment: Assignment, root: string): Promise<Report> {
  const findings: Finding[] = []
  const clean: string[] = []
  const named = namedFiles(assignment).slice(0, MOST_FILES)
  for (const { task, path } of named) {
    const text = await readFile(inside(root, path), 'utf8').catch(() => '')
    const found = suspicious(text.slice(0, MOST_TEXT)).map(({ line, pattern }) => ({
      ...finding(pattern),
      task,
      ...place(path, line),
    }))
    findings.push(...found)
    if (found.length === 0) clean.push(path)
  }
  const passed = clean.map(path => ({ id: path, title: 'No dangerous pattern', evidence: `${path} was read` }))
  return { target: named.length > 0 ? 'files' : 'nothing', findings, passed, notCovered: [] }
}

/** The lines of `text` that match a dangerous pattern. */
export function suspicious(text: string): { line: { number: number; text: string }; pattern: Pattern }[] {
  return text.split('\n').flatMap((line, index) => {
    const capped = line.slice(0, 1_000)
    const found = patterns.filter(pattern => pattern.looksLike.test(capped))
    return found.map(pattern => ({ line: { number: index + 1, text: capped.trim().slice(0, 120) }, pattern }))
  })
}

function namedFiles({ outputs }: Assignment): { task: string; path: string }[] {
  return Object.entries(outputs).flatMap(([task, output]) => {
    if (!isRecord(output) || typeof output.folder !== 'string' || !Array.isArray(output.files)) return []
    const names = output.files.flatMap(file => (isRecord(file) && typeof file.name === 'string' ? [file.name] : []))
    return names.map(name => ({ task, path: `${output.folder}/${name}` }))
  })
}

function finding({ id, severity, title, fix }: Pattern): Pick<Finding, 'id' | 'severity' | 'title' | 'fix'> {
  return { id, severity, title, fix }
}

function place(path: string, line: { number: number; text: string }): Pick<Finding, 'where' | 'evidence'> {
  return { where: `${path}:${line.number}`, evidence: line.text }
}
