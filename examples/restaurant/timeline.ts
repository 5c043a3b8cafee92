import type { RunEvent, TaskResult } from 'counterpoint'
import { type Line, type Part, styled } from './terminal.js'
import { duration, fill, inline, widest } from './text.js'
import type { WorkTime } from './work-time.js'

/** When an attempt ran: how long the run had been worked on by its start and its end, in milliseconds. */
export interface Span {
  readonly fromMs: number
  readonly toMs: number
  readonly succeeded: boolean
}

/** The attempts of each task that have ended, in the order in which they began. */
export type Attempts = ReadonlyMap<string, readonly Span[]>

const ENDS: readonly string[] = ['task.succeeded', 'task.cancelled', 'attempt.failed', 'attempt.abandoned']

/**
 * Reads the attempts of a run from its events. That a crash cut one off is told much later, by the process that goes on: as the
 * time in between is not working time, its span ends where the work did.
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
 * The run from its start to its end, without the time in which it lay still: a row per task, the tasks of a pool together.
 * No line is wider than `width`.
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

/** An attempt takes at least one place, however short it was. One that failed looks different. */
function bar(spans: readonly Span[], worked: WorkTime, width: number): Part[] {
  const places: string[] = new Array(width).fill(' ')
  for (const span of spans) {
    const first = Math.min(placeOf(span.fromMs, worked, width), width - 1)
    const last = placeOf(span.toMs, worked, width)
    places.fill(span.succeeded ? '█' : '▒', first, Math.max(first + 1, last))
  }
  return (places.join('').match(/▒+|[^▒]+/g) ?? []).map(part => styled(part.startsWith('▒') ? 'bad' : 'good', part))
}

/** A mark stands where another process went on. */
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
