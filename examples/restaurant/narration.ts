import type { CounterpointEvent, Run, TaskSpec } from 'counterpoint'
import { fitLine, type Line, type Part, styled } from './terminal.js'
import { displayWidth, dollars, duration, fill, inline } from './text.js'
import type { WorkTime } from './work-time.js'

/** Maximum width of the name of a pool or a task, in columns. */
const WIDEST_NAME = 20

/** Formats the events of a run as lines: time, pool, task, event. */
export class Narration {
  readonly #run: Run
  readonly #worked: WorkTime
  readonly #isBrief: boolean
  #poolWidth = 0
  #idWidth = 0
  readonly #lastText = new Map<string, string>()
  /** Time in attempts, by task. While an attempt runs, its start time has been subtracted. */
  readonly #busyMs = new Map<string, number>()

  /** `worked` must receive each event first. With `isBrief`, starts and progress get no line. */
  constructor(run: Run, worked: WorkTime, isBrief: boolean) {
    this.#run = run
    this.#worked = worked
    this.#isBrief = isBrief
  }

  /** The line for an event, at most `width` wide; undefined if it has none. Must be called with every event. */
  lineFor(event: CounterpointEvent, width: number): Line | undefined {
    this.#note(event)
    if (event.type === 'run.stopping') return [this.#time(event), styled('doubtful', `stopping: ${event.reason}`)]
    if (event.type === 'run.recovered') return [this.#time(event), styled('bold', this.#resumed())]
    const words = this.#wordsFor(event)
    if (words === undefined || !('taskId' in event)) return undefined
    const pool = fill(inline(this.#run.task(event.taskId)?.pool ?? ''), this.#poolWidth)
    const id = fill(inline(event.taskId), this.#idWidth)
    return fitLine([`${this.#time(event)}${pool}  ${id}  `, ...words], width)
  }

  #note(event: CounterpointEvent): void {
    if (event.type === 'task.added') this.#measure(event.spec)
    if (event.type === 'attempt.started') this.#addTime(event, -1)
    if (event.type === 'attempt.failed' || event.type === 'task.succeeded') this.#addTime(event, 1)
  }

  #measure({ id, pool = '' }: TaskSpec): void {
    this.#poolWidth = Math.max(this.#poolWidth, Math.min(WIDEST_NAME, displayWidth(inline(pool))))
    this.#idWidth = Math.max(this.#idWidth, Math.min(WIDEST_NAME, displayWidth(inline(id))))
  }

  #addTime({ taskId, at }: { readonly taskId: string; readonly at: number }, sign: 1 | -1): void {
    this.#busyMs.set(taskId, (this.#busyMs.get(taskId) ?? 0) + sign * this.#worked.by(at))
  }

  #time({ at }: CounterpointEvent): string {
    return `${fill(duration(this.#worked.by(at)), 7, 'right')}  `
  }

  #resumed(): string {
    return `resumed after a pause of ${duration(this.#worked.pausesMs.at(-1) ?? 0)}`
  }

  #wordsFor(event: CounterpointEvent): readonly Part[] | undefined {
    switch (event.type) {
      case 'attempt.started':
        return this.#isBrief ? undefined : [event.attempt === 1 ? 'started' : `attempt ${event.attempt} started`]
      case 'attempt.progressed':
        return this.#isBrief
          ? undefined
          : this.#news(event.taskId, `${percent(event.progress)}  ${event.message ?? ''}`)
      case 'attempt.failed': {
        const { attempt, failure, verdict } = event
        if (verdict.action !== 'retry') return undefined
        if (failure.kind === 'interrupted')
          return [styled('doubtful', `attempt ${attempt} was interrupted`), `: ${failure.message}`]
        return [
          styled('doubtful', `attempt ${attempt} failed, retry in ${duration(verdict.delayMs)}`),
          `: ${failure.message}`,
        ]
      }
      case 'attempt.abandoned':
        return [styled('doubtful', `attempt ${event.attempt} did not stop and was abandoned`)]
      case 'task.succeeded':
        return [styled('good', 'done'), ` ${this.#bill(event.taskId)}`]
      case 'task.dead':
        return [styled('bad', `dead (${event.failure.kind})`), `: ${event.failure.message}`]
      case 'task.skipped':
        return [styled('doubtful', 'skipped'), `: depends on ${event.rootCause}`]
      case 'task.cancelled':
        return [styled('doubtful', 'cancelled'), `: ${event.reason}`]
      default:
        return undefined
    }
  }

  /** Undefined if the last report of the task had the same text: it may only have changed the usage. */
  #news(taskId: string, said: string): readonly Part[] | undefined {
    if (this.#lastText.get(taskId) === said) return undefined
    this.#lastText.set(taskId, said)
    return [said]
  }

  #bill(taskId: string): string {
    return `${duration(this.#busyMs.get(taskId) ?? 0)}, ${dollars(this.#run.task(taskId)?.usage?.costUsd)}`
  }
}

/** `40 %`, in five columns; blank if unknown. */
export function percent(share: number | undefined): string {
  return share === undefined ? '     ' : `${Math.round(share * 100)} %`.padStart(5)
}
