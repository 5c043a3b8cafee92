import type { TaskResult, TaskStatus } from 'counterpoint'
import { type Account, unfinishedOf } from './account.js'
import { auditsOf, findingLines } from './findings.js'
import { tableLines } from './table.js'
import { type Line, type Part, type Style, styled } from './terminal.js'
import { comparedTo, count, dollars, duration, inline, many, wrap } from './text.js'
import { timelineLines } from './timeline.js'

/** Maximum number of tasks that are listed. */
const MOST_TASKS = 50

const STATUS_STYLES: Partial<Readonly<Record<TaskStatus, Style>>> = {
  succeeded: 'good',
  dead: 'bad',
  skipped: 'doubtful',
  cancelled: 'doubtful',
}

/** Expected times of the sample plan, in seconds. */
const expected = { serial: 315, parallel: 210 }

/** The report of a run, settled or not, in sections. */
export function reportLines(account: Account, width: number): Line[] {
  const { tasks, attempts, worked } = account
  const shown = worthShowing(tasks)
  const audits = auditsOf(account)
  const left = unfinishedOf(account)
  const wrapped = (texts: readonly string[]): string[] => texts.flatMap(text => wrap(text, width))
  return [
    ...(shown.length > 0 ? section('Tasks', [...taskTable(shown, width), ...notShown(tasks, shown)]) : []),
    ...(attempts.size > 0 ? section('Timeline', timelineLines(shown, attempts, worked, width)) : []),
    ...section('Time', wrapped(timeTexts(account))),
    ...section('Cost', wrapped(costTexts(account))),
    ...section('Problems', wrapped(causeTexts(account))),
    ...(audits.count > 0 ? section(`Findings: ${audits.findings.length}`, findingLines(audits, width)) : []),
    ...section(
      `Unfinished: ${many(left.length, 'task')}`,
      wrapped(left.length === 0 ? [] : [listed(idsOf(left), ', ')]),
    ),
  ]
}

/** The outcome or current state, in one line. */
export function headline(account: Account): Line {
  const { title, outcome, delivered, times, usage, tasks } = account
  const cost = usage.costUsd === undefined ? '' : ` for ${dollars(usage.costUsd)}`
  const spent = `in ${duration(times.wallMs)}${cost}`
  if (outcome === undefined) {
    const done = tasks.filter(task => task.status === 'succeeded').length
    return [
      `${title}: `,
      styled('doubtful', standing(account)),
      `, ${done} of ${many(tasks.length, 'task')} succeeded ${spent}`,
    ]
  }
  const share = outcome === 'completed' ? '' : `, ${Math.round(delivered * 100)} % delivered`
  return [`${title}: `, styled(outcome === 'completed' ? 'good' : 'bad', outcome), `${share} ${spent}`]
}

/** The outcome, or `suspended`, or `not finished`: then the process crashed, or another process works on the run. */
export function standing({ status, outcome }: Pick<Account, 'status' | 'outcome'>): string {
  return outcome ?? (status === 'suspended' ? 'suspended' : 'not finished')
}

/** A section with its title; nothing if it has no lines. */
export function section(title: string, lines: readonly Line[]): Line[] {
  return lines.length === 0 ? [] : ['', styled('bold', title.toUpperCase()), ...lines]
}

function taskTable(shown: readonly TaskResult[], width: number): Line[] {
  const columns = [
    { title: 'task', least: 8 },
    { title: 'pool', least: 8, leftOut: 1 },
    { title: 'status' },
    { title: 'tries', align: 'right' },
    { title: 'time', align: 'right' },
    { title: 'cost', align: 'right' },
    { title: 'description', least: 12, leftOut: 2 },
  ] as const
  return tableLines(columns, shown.map(taskRow), width)
}

function taskRow(task: TaskResult): Part[] {
  const style = STATUS_STYLES[task.status]
  return [
    task.id,
    task.pool,
    style ? styled(style, task.status) : task.status,
    String(task.attempts),
    task.attempts === 0 ? '-' : duration(task.busyMs),
    dollars(task.usage?.costUsd),
    styled('dim', task.description),
  ]
}

/** All tasks in their order; if there are very many, those first that did not succeed. */
function worthShowing(tasks: readonly TaskResult[]): readonly TaskResult[] {
  const isSuccess = (task: TaskResult): number => (task.status === 'succeeded' ? 1 : 0)
  return tasks.length <= MOST_TASKS ? tasks : tasks.toSorted((a, b) => isSuccess(a) - isSuccess(b)).slice(0, MOST_TASKS)
}

function notShown(tasks: readonly TaskResult[], shown: readonly TaskResult[]): Line[] {
  const more = tasks.length - shown.length
  return more === 0 ? [] : [styled('dim', `and ${many(more, 'more task')}: see result.json`)]
}

function timeTexts({ isSample, outcome, times, worked }: Account): string[] {
  const { wallMs, serialMs, criticalPathMs, criticalPath } = times
  if (serialMs === 0) return []
  const comparison =
    isSample && outcome === 'completed' ? `; expected: ${comparedTo(expected.parallel / expected.serial)}` : ''
  const pauses = worked.pausesMs.map(duration).join(', ')
  return [
    `${duration(wallMs)} instead of ${duration(serialMs)} serially: ${comparedTo(wallMs / serialMs)}${comparison}`,
    `critical path: ${listed(criticalPath, ' > ')}, ${duration(criticalPathMs)}`,
    ...(pauses === '' ? [] : [`not counted: pauses of ${pauses} (┊)`]),
  ]
}

function costTexts({ usage, tasks }: Account): string[] {
  const attempts = tasks.reduce((sum, task) => sum + task.attempts, 0)
  const { costUsd, inputTokens, outputTokens, estimated } = usage
  if (attempts === 0 || (costUsd ?? inputTokens ?? outputTokens) === undefined) return []
  const tokens = `${count(inputTokens)} tokens in, ${count(outputTokens)} out`
  return [`${dollars(costUsd)}, ${tokens}, ${many(attempts, 'attempt')}${estimated ? ' (partly estimated)' : ''}`]
}

/** Tasks that failed in the same way share a line. */
function causeTexts({ rootCauses }: Account): string[] {
  const ends = new Map<string, { ids: string[]; skipped: string[] }>()
  for (const { taskId, status, failure, reason, skipped } of rootCauses) {
    const end = `${status}, ${failure ? `${failure.kind}: ${failure.message}` : (reason ?? '')}`
    const group = ends.get(end) ?? { ids: [], skipped: [] }
    ends.set(end, group)
    group.ids.push(taskId)
    for (const id of skipped) group.skipped.push(id)
  }
  return [...ends].map(([end, { ids, skipped }]) => {
    const toll = skipped.length > 0 ? `; skipped: ${listed(skipped, ', ')}` : ''
    return `${listed(ids, ', ')} ${end}${toll}`
  })
}

function listed(ids: readonly string[], separator: string): string {
  const more = ids.length - MOST_TASKS
  return inline(ids.slice(0, MOST_TASKS).join(separator)) + (more > 0 ? ` and ${many(more, 'more task')}` : '')
}

function idsOf(tasks: readonly TaskResult[]): readonly string[] {
  return tasks.map(({ id }) => id)
}
