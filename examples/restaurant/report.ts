import type { RunResult, TaskResult, TaskStatus } from 'counterpoint'
import { auditsOf, findingLines } from './findings.js'
import { tableLines } from './table.js'
import { type Line, type Part, type Style, styled } from './terminal.js'
import { comparedTo, count, dollars, duration, inline, many, wrap } from './text.js'
import { type Attempts, timelineLines } from './timeline.js'

/** More tasks than this are not listed one by one. */
const MOST_TASKS = 50

const STATUS_STYLES: Partial<Readonly<Record<TaskStatus, Style>>> = {
  succeeded: 'good',
  dead: 'bad',
  skipped: 'doubtful',
  cancelled: 'doubtful',
}

/** What the story says of its own plan, in seconds. */
const story = { serial: 315, parallel: 210 }

/** What came out of a run, section by section. `isStory`: the times are set beside those of the story. */
export function reportLines(result: RunResult, attempts: Attempts, width: number, isStory: boolean): Line[] {
  const shown = worthShowing(result.tasks)
  const audits = auditsOf(result)
  const wrapped = (texts: readonly string[]): string[] => texts.flatMap(text => wrap(text, width))
  return [
    ...(shown.length > 0 ? section('Tasks', [...taskTable(shown, width), ...notShown(result, shown)]) : []),
    ...(attempts.size > 0 ? section('Timeline', timelineLines(result, shown, attempts, width)) : []),
    ...section('Time', wrapped(timeTexts(result, isStory))),
    ...section('Cost', wrapped(costTexts(result))),
    ...section('What went wrong', wrapped(causeTexts(result))),
    ...(audits.count > 0 ? section(`Findings: ${audits.findings.length}`, findingLines(audits, width)) : []),
  ]
}

/** How it ended, in one line. */
export function headline(title: string, { outcome, delivered, times, usage }: RunResult): Line {
  const share = outcome === 'completed' ? '' : `, ${Math.round(delivered * 100)} % delivered`
  const cost = usage.costUsd === undefined ? '' : ` for ${dollars(usage.costUsd)}`
  const style = outcome === 'completed' ? 'good' : 'bad'
  return [`${title}: `, styled(style, outcome), `${share} in ${duration(times.wallMs)}${cost}`]
}

/** A section without lines is none. */
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

/** All of them, in their order; of very many those first that did not succeed. */
function worthShowing(tasks: readonly TaskResult[]): readonly TaskResult[] {
  const isWell = (task: TaskResult): number => (task.status === 'succeeded' ? 1 : 0)
  return tasks.length <= MOST_TASKS ? tasks : tasks.toSorted((a, b) => isWell(a) - isWell(b)).slice(0, MOST_TASKS)
}

function notShown({ tasks }: RunResult, shown: readonly TaskResult[]): Line[] {
  const more = tasks.length - shown.length
  return more === 0 ? [] : [styled('dim', `and ${many(more, 'more task')}: see result.json`)]
}

function timeTexts({ outcome, times }: RunResult, isStory: boolean): string[] {
  const { wallMs, serialMs, criticalPathMs, criticalPath } = times
  if (serialMs === 0) return []
  const inStory =
    isStory && outcome === 'completed' ? `; the story says ${comparedTo(story.parallel / story.serial)}` : ''
  return [
    `${duration(wallMs)} instead of ${duration(serialMs)} one after the other: ${comparedTo(wallMs / serialMs)}${inStory}`,
    `longest chain: ${listed(criticalPath, ' > ')}, ${duration(criticalPathMs)}`,
  ]
}

function costTexts({ usage, tasks }: RunResult): string[] {
  const attempts = tasks.reduce((sum, task) => sum + task.attempts, 0)
  const { costUsd, inputTokens, outputTokens, estimated } = usage
  if (attempts === 0) return []
  const tokens = `${count(inputTokens)} tokens in, ${count(outputTokens)} out`
  return [`${dollars(costUsd)}, ${tokens}, ${many(attempts, 'attempt')}${estimated ? ' (partly estimated)' : ''}`]
}

/** Tasks that came to the same end for the same reason share a line. */
function causeTexts({ rootCauses }: RunResult): string[] {
  const ends = new Map<string, { ids: string[]; skipped: string[] }>()
  for (const { taskId, status, failure, reason, skipped } of rootCauses) {
    const end = `${status}, ${failure ? `${failure.kind}: ${failure.message}` : (reason ?? '')}`
    const toll = ends.get(end) ?? { ids: [], skipped: [] }
    ends.set(end, toll)
    toll.ids.push(taskId)
    for (const id of skipped) toll.skipped.push(id)
  }
  return [...ends].map(([end, { ids, skipped }]) => {
    const toll = skipped.length > 0 ? `; skipped because of it: ${listed(skipped, ', ')}` : ''
    return `${listed(ids, ', ')} ${end}${toll}`
  })
}

function listed(ids: readonly string[], separator: string): string {
  const more = ids.length - MOST_TASKS
  return inline(ids.slice(0, MOST_TASKS).join(separator)) + (more > 0 ? ` and ${many(more, 'more task')}` : '')
}
