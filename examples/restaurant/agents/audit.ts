import { access } from 'node:fs/promises'
import { type Assignment, isRecord, outputOfKind, type Skill, type Workshop } from './agent.js'
import { checks } from './checks.js'
import { folderName, inside, replaceFile } from './files.js'
import { attacks, type Probe } from './probes.js'
import { type Finding, type Report, worstFirst } from './report.js'
import { withBackend } from './running-backend.js'
import { checkFiles } from './static-check.js'
import { type Target, targetAt } from './target.js'

const probes: readonly Probe[] = [...attacks, ...checks]

/** Audits the work of earlier tasks: starts the backend and attacks it; without a backend, reads the files. */
export const audit: Skill = {
  seconds: 120,
  usage: { inputTokens: 27_000, outputTokens: 12_000, costUsd: 0.89 },
  async work(assignment, workshop) {
    const built = outputOfKind(assignment, 'backend')
    const found = built ? await attack(assignment, built, workshop) : await checkFiles(assignment, workshop.folder)
    const findings = worstFirst(found.findings)
    const folder = `security/${folderName(assignment.task.id)}`
    const report = { ...found, findings }
    await replaceFile(inside(workshop.folder, `${folder}/report.json`), `${JSON.stringify(report, null, 2)}\n`)
    await workshop.reached(0.95, `${findings.length} findings, ${found.passed.length} checks passed`)
    return { kind: 'audit', folder, files: [{ name: 'report.json' }], ...report }
  },
}

async function attack(
  assignment: Assignment,
  built: { taskId: string; output: Record<string, unknown> },
  workshop: Workshop,
): Promise<Report> {
  const program = inside(workshop.folder, `${built.output.folder}/${built.output.start}`)
  await access(program).catch(() => {
    throw new Error(
      `expected the backend of ${built.taskId} at ${program}, got no such file: keep RESTAURANT_OUT for a run`,
    )
  })
  return withBackend(program, async url => {
    await workshop.reached(0.1, `started the backend of ${built.taskId}`)
    return runProbes(targetAt(url), built.taskId, requiredTopics(assignment), workshop)
  })
}

async function runProbes(
  target: Target,
  task: string,
  required: readonly string[],
  workshop: Workshop,
): Promise<Report> {
  const findings: Finding[] = []
  const passed: Report['passed'][number][] = []
  for (const [index, { id, assurance, finding, run }] of probes.entries()) {
    const { holds, evidence } = await run(target)
    if (holds) passed.push({ id, title: assurance, evidence })
    else findings.push({ id, task, evidence, ...finding })
    await workshop.reached(
      0.1 + (0.8 * (index + 1)) / probes.length,
      holds ? assurance : `${finding.severity}: ${finding.title}`,
    )
  }
  const covered = new Set(probes.flatMap(probe => probe.topics))
  return { target: 'backend', findings, passed, notCovered: required.filter(topic => !covered.has(topic)) }
}

/** `context.required_audit` and `context.focus` of the task. */
function requiredTopics({ task: { context } }: Assignment): string[] {
  if (!isRecord(context)) return []
  const { required_audit: required, focus } = context
  return [...(Array.isArray(required) ? required : []), focus].filter(topic => typeof topic === 'string')
}
