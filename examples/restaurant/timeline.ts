import type { RunEvent, RunResult, TaskResult } from 'counterpoint'
import { type Line, type Part, styled } from './terminal.js'
import { duration, fill, inline, widest } from './text.js'

/** When an attempt ran, in milliseconds since 1970. */
export interface Span {
  readonly startedAt: number
  readonly endedAt: number
  readonly succeeded: boolean
}

/** The attempts of each task, in the order in which they began. */
export type Attempts = ReadonlyMap<string, readonly Span[]>

const ENDS: readonly string[] = ['task.succeeded', 'task.cancelled', 'attempt.failed', 'attempt.abandoned']

/** Reads the attempts of a settled run from its events. */
export async function attemptsOf(events: AsyncIterable<RunEvent>): Promise<Attempts> {
  const attempts = new Map<string, Span[]>()
  const startOf = new Map<string, number>()
  for await (const event of events) {
    if (!('taskId' in event)) continue
    const { type, taskId, at } = event
    const startedAt = startOf.get(taskId)
    if (type === 'attempt.started') startOf.set(taskId, at)
    if (startedAt === undefined || !ENDS.includes(type)) continue
    startOf.delete(taskId)
    const spans = attempts.get(taskId) ?? []
    spans.push({ startedAt, endedAt: at, succeeded: type === 'task.succeeded' })
    attempts.set(taskId, spans)
  }
  return attempts
}

/** The run from its start to its end: a row per task, the tasks of a pool together. No line is wider than `width`. */
export function timelineLines(
  result: RunResult,
  tasks: readonly TaskResult[],
  attempts: Attempts,
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
    return [label, ...bar(attempts.get(task.id) ?? [], result, barWidth)]
  })
  const end = duration(result.times.wallMs)
  const axis = `${' '.repeat(labels.pool + labels.id + 4)}0 s${fill(end, barWidth - 3, 'right')}`
  return [...lines, styled('dim', axis)]
}

function byPool(tasks: readonly TaskResult[]): readonly TaskResult[] {
  const pools = [...new Set(tasks.map(task => task.pool))]
  return tasks.toSorted((a, b) => pools.indexOf(a.pool) - pools.indexOf(b.pool))
}

/** An attempt takes at least one place, however short it was. One that failed looks different. */
function bar(spans: readonly Span[], { startedAt, times }: RunResult, width: number): Part[] {
  const placeOf = (at: number): number => Math.round(((at - startedAt) / Math.max(1, times.wallMs)) * width)
  const places: string[] = new Array(width).fill(' ')
  for (const span of spans) {
    const first = Math.min(placeOf(span.startedAt), width - 1)
    places.fill(span.succeeded ? '█' : '▒', first, Math.max(first + 1, placeOf(span.endedAt)))
  }
  return (places.join('').match(/▒+|[^▒]+/g) ?? []).map(part => styled(part.startsWith('▒') ? 'bad' : 'good', part))
}
