import type { CounterpointEvent, Orchestrator, Run, RunEvent, RunProgress } from 'counterpoint'
import { Estimate } from './eta.js'
import { Narration, percent } from './narration.js'
import { type Line, styled, type Terminal } from './terminal.js'
import { cut, duration, fill, inline, many, roughly, widest } from './text.js'
import { WorkTime } from './work-time.js'

/** Time between two redraws, in milliseconds. */
const FRAME_MS = 80

/** With more earlier tasks than this, only their number is shown. */
const MOST_BEFORE = 50

/** What to show, and where. */
export interface Shown {
  readonly title: string
  readonly terminal: Terminal
  /** Earlier events, from other processes. */
  readonly history: readonly RunEvent[]
}

/**
 * Shows a live run. In a terminal: a line per finished task, and below them an overview of the running ones. In a pipe: a line per event.
 * Must be called before the next event of the run. Returns a function that stops it.
 */
export function follow(run: Run, { pools }: Orchestrator, { title, terminal, history }: Shown): () => void {
  const worked = new WorkTime()
  const narration = new Narration(run, worked, terminal.isLive)
  const estimate = new Estimate(pool => pools.get(pool)?.stats().concurrency ?? 1)
  const lineOf = (event: CounterpointEvent): Line | undefined => {
    worked.add(event)
    estimate.add(event)
    return narration.lineFor(event, terminal.width)
  }
  terminal.print(...linesBefore(history, lineOf))
  const draw = (): void => {
    const progress = run.progress()
    const leftMs = estimate.leftMs(progress.running, Date.now())
    const head = overview(title, progress, worked.by(Date.now()), leftMs, terminal.width)
    terminal.show([head, ...poolLines(pools, progress, terminal.width)])
  }
  const offEvent = run.on('event', (event: CounterpointEvent) => {
    const line = lineOf(event)
    if (line !== undefined) terminal.print(line)
  })
  const timer = terminal.isLive ? setInterval(draw, FRAME_MS) : undefined
  return () => {
    offEvent()
    clearInterval(timer)
    terminal.clear()
  }
}

const ENDS: readonly string[] = ['task.succeeded', 'task.dead', 'task.skipped', 'task.cancelled']

/** Lines for the tasks that ended in earlier processes, with their original times. */
function linesBefore(history: readonly RunEvent[], lineOf: (event: RunEvent) => Line | undefined): Line[] {
  const lines = history.flatMap(event => {
    const line = lineOf(event)
    return line !== undefined && ENDS.includes(event.type) ? [line] : []
  })
  return lines.length <= MOST_BEFORE ? lines : [styled('dim', `${many(lines.length, 'task')} ended earlier`)]
}

function overview(
  title: string,
  { total, ended, running, status }: RunProgress,
  workedMs: number,
  leftMs: number | undefined,
  width: number,
): Line {
  const share = total === 0 ? 1 : (ended + running.reduce((sum, task) => sum + (task.progress ?? 0), 0)) / total
  const isStopping = status === 'stopping' || status === 'draining'
  const left = isStopping ? 'stopping' : leftMs === undefined ? '' : `about ${roughly(leftMs)} left`
  const facts = [`${ended} of ${total} tasks`, duration(workedMs), left]
  return [
    styled('bold', cut(inline(title), 14)),
    '  ',
    ...bar(share, width < 60 ? 6 : 20),
    percent(share),
    '  ',
    facts.join('  '),
  ]
}

/** The running tasks by pool, with a box for each used and free slot. */
function poolLines(pools: Orchestrator['pools'], { running }: RunProgress, width: number): Line[] {
  const nameWidth = widest([...pools.keys()])
  const idWidth = Math.min(20, widest(running.map(task => task.id)))
  return [...pools].flatMap(([name, pool]) => {
    const { running: taken, concurrency, queued } = pool.stats()
    const slots = '■'.repeat(taken) + '□'.repeat(Math.max(0, concurrency - taken))
    const rows = running.filter(task => task.pool === name).map(task => taskParts(task, idWidth, width < 60 ? 5 : 10))
    if (queued > 0 || rows.length === 0) rows.push([styled('dim', queued > 0 ? `${queued} waiting` : 'idle')])
    const blank = ' '.repeat(nameWidth + concurrency + 3)
    return rows.map((row, place) => [place === 0 ? `${fill(name, nameWidth)} ${slots}  ` : blank, ...row])
  })
}

function taskParts(
  { id, progress, message, attempt, startedAt }: RunProgress['running'][number],
  idWidth: number,
  barWidth: number,
) {
  const tries = attempt > 1 ? ` attempt ${attempt}` : ''
  const time = duration(Date.now() - startedAt)
  return [
    `${fill(inline(id), idWidth)} `,
    ...bar(progress ?? 0, barWidth),
    percent(progress),
    `  ${time}${tries}  `,
    message ?? '',
  ]
}

function bar(share: number, width: number) {
  const done = Math.round(Math.min(1, Math.max(0, share)) * width)
  return [styled('good', '━'.repeat(done)), styled('dim', '─'.repeat(width - done))]
}
