import type { CounterpointEvent, Run, TaskSpec } from 'counterpoint'
import { fitLine, type Line, type Part, styled } from './terminal.js'
import { displayWidth, dollars, duration, fill, inline } from './text.js'
import type { WorkTime } from './work-time.js'

/** Of a pool or a task, in columns. */
const WIDEST_NAME = 20

/** Makes lines of what happens in a run: when, where, to whom, what. */
export class Narration {
  readonly #run: Run
  readonly #worked: WorkTime
  readonly #isBrief: boolean
  #poolWidth = 0
  #idWidth = 0
  readonly #lastSaid = new Map<string, string>()
  /** Working time in attempts, by task. While one runs, the time by its start is taken off. */
  readonly #busyMs = new Map<string, number>()

  /** `worked` has heard each event before. With `isBrief` there are no lines for what goes well and is not over. */
  constructor(run: Run, worked: WorkTime, isBrief: boolean) {
    this.#run = run
    this.#worked = worked
    this.#isBrief = isBrief
  }

  /** The line for an event, at most `width` wide; undefined for one that is not worth a line. To be told every event. */
  lineFor(event: CounterpointEvent, width: number): Line | undefined {
    this.#note(event)
    if (event.type === 'run.stopping') return [this.#time(event), styled('doubtful', `stopping: ${event.reason}`)]
    if (event.type === 'run.recovered') return [this.#time(event), styled('bold', this.#goesOn())]
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

  #goesOn(): string {
    return `goes on, after it lay still for ${duration(this.#worked.pausesMs.at(-1) ?? 0)}`
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
          styled('doubtful', `attempt ${attempt} failed, again in ${duration(verdict.delayMs)}`),
          `: ${failure.message}`,
        ]
      }
      case 'attempt.abandoned':
        return [styled('doubtful', `attempt ${event.attempt} does not end and was left alone`)]
      case 'task.succeeded':
        return [styled('good', 'done'), ` ${this.#bill(event.taskId)}`]
      case 'task.dead':
        return [styled('bad', `dead (${event.failure.kind})`), `: ${event.failure.message}`]
      case 'task.skipped':
        return [styled('doubtful', 'skipped'), `: it needs ${event.rootCause}`]
      case 'task.cancelled':
        return [styled('doubtful', 'cancelled'), `: ${event.reason}`]
      default:
        return undefined
    }
  }

  /** Some reports say what was said before, with another usage. */
  #news(taskId: string, said: string): readonly Part[] | undefined {
    if (this.#lastSaid.get(taskId) === said) return undefined
    this.#lastSaid.set(taskId, said)
    return [said]
  }

  #bill(taskId: string): string {
    return `${duration(this.#busyMs.get(taskId) ?? 0)}, ${dollars(this.#run.task(taskId)?.usage?.costUsd)}`
  }
}

/** `40 %`, in five columns; blank when it is not known. */
export function percent(share: number | undefined): string {
  return share === undefined ? '     ' : `${Math.round(share * 100)} %`.padStart(5)
}
