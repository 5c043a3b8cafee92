import type { RunEvent, TaskResult } from 'counterpoint'
import { type Line, type Part, styled } from './terminal.js'
import { duration, fill, inline, widest } from './text.js'
import type { WorkTime } from './work-time.js'

/** Start and end of an attempt, in milliseconds of working time of the run. */
export interface Span {
  readonly fromMs: number
  readonly toMs: number
  readonly succeeded: boolean
}

/** The ended attempts of each task, in the order of their starts. */
export type Attempts = ReadonlyMap<string, readonly Span[]>

const ENDS: readonly string[] = ['task.succeeded', 'task.cancelled', 'attempt.failed', 'attempt.abandoned']

/**
 * Reads the attempts of a run from its events. An attempt interrupted by a crash is only reported by the process that resumes the run. As
 * the time in between is not working time, its span still ends at the crash.
 */
export function attemptsOf(events: Iterable<RunEvent>, worked: WorkTime): Attempts {
  const attempts = new Map<string, Span[]>()
  const startOf = new Map<string, number>()
  for (const event of events) {
    if (!('taskId' in event)) continue
    const { type, taskId, at } = event
    const fromMs = startOf.get(taskId)
    if (type === 'attempt.started') startOf.set(taskId, worked.by(at))
    if (fromMs === undefined || !ENDS.includes(type)) continue
    startOf.delete(taskId)
    const spans = attempts.get(taskId) ?? []
    spans.push({ fromMs, toMs: worked.by(at), succeeded: type === 'task.succeeded' })
    attempts.set(taskId, spans)
  }
  return attempts
}

/**
 * A chart of the run without its pauses: one row per task, grouped by pool. No line is wider than `width`.
 */
export function timelineLines(
  tasks: readonly TaskResult[],
  attempts: Attempts,
  worked: WorkTime,
  width: number,
): Line[] {
  const rows = byPool(tasks)
  const labels = {
    pool: widest(rows.map(task => task.pool)),
    id: Math.min(widest(rows.map(task => task.id)), Math.floor(width / 4)),
  }
  const barWidth = Math.max(8, width - labels.pool - labels.id - 4)
  const lines = rows.map((task, place): Line => {
    const isFirst = rows[place - 1]?.pool !== task.pool
    const label = `${fill(isFirst ? inline(task.pool) : '', labels.pool)}  ${fill(inline(task.id), labels.id)}  `
    return [label, ...bar(attempts.get(task.id) ?? [], worked, barWidth)]
  })
  return [...lines, styled('dim', ' '.repeat(labels.pool + labels.id + 4) + axis(worked, barWidth))]
}

function byPool(tasks: readonly TaskResult[]): readonly TaskResult[] {
  const pools = [...new Set(tasks.map(task => task.pool))]
  return tasks.toSorted((a, b) => pools.indexOf(a.pool) - pools.indexOf(b.pool))
}

/** An attempt is at least one column wide. Failed attempts look different. */
function bar(spans: readonly Span[], worked: WorkTime, width: number): Part[] {
  const places: string[] = new Array(width).fill(' ')
  for (const span of spans) {
    const first = Math.min(placeOf(span.fromMs, worked, width), width - 1)
    const last = placeOf(span.toMs, worked, width)
    places.fill(span.succeeded ? '█' : '▒', first, Math.max(first + 1, last))
  }
  return (places.join('').match(/▒+|[^▒]+/g) ?? []).map(part => styled(part.startsWith('▒') ? 'bad' : 'good', part))
}

/** Marks the points at which another process resumed the run. */
function axis(worked: WorkTime, width: number): string {
  const places = [...`0 s${fill(duration(worked.totalMs), width - 3, 'right')}`]
  for (const seam of worked.seams) {
    const place = Math.min(placeOf(seam, worked, width), width - 1)
    if (places[place] === ' ') places[place] = '┊'
  }
  return places.join('')
}

function placeOf(workedMs: number, { totalMs }: WorkTime, width: number): number {
  return Math.round((workedMs / Math.max(1, totalMs)) * width)
}
