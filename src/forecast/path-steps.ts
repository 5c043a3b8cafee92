import type { TaskSpec } from '../core/state/task.js'
import type { PathStep } from '../results/critical-path.js'
import type { VirtualRun } from './virtual-run.js'

/** Durations in milliseconds: tasks of unknown duration get the average of the others; where none is known, all get 1. */
export function filledWithAverage(durations: readonly (number | undefined)[]): Float64Array {
  const known = durations.filter(ms => ms !== undefined)
  const average = known.length === 0 ? 1 : Math.round(known.reduce((a, b) => a + b) / known.length)
  return Float64Array.from(durations, ms => ms ?? average)
}

/** True for a task that was skipped in a virtual run. */
export function isSkipped({ readyAt }: VirtualRun, index: number): boolean {
  return Number.isNaN(readyAt[index])
}

/** The tasks of a virtual run that has been played, for its critical path. */
export function stepsOf(tasks: readonly TaskSpec[], run: VirtualRun, durations: ArrayLike<number>): PathStep[] {
  return tasks.map(({ id, after, orderAfter }, index) => {
    const ran = !isSkipped(run, index)
    const startedAt = ran ? (run.readyAt[index] as number) : undefined
    const busyMs = ran ? (durations[index] as number) : 0
    return { id, after, orderAfter, busyMs, startedAt, endedAt: run.endedAt[index] as number }
  })
}
