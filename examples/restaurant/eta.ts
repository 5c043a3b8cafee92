import type { CounterpointEvent, RunProgress, TaskSpec } from 'counterpoint'

/** Below this progress, a linear estimate of the remaining time is too inaccurate. */
const LEAST_PROGRESS = 0.1

/** Estimates the remaining time of a run, from the progress of running tasks and the durations of finished ones. */
export class Estimate {
  readonly #slotsOf: (pool: string) => number
  readonly #tasks = new Map<string, TaskSpec>()
  readonly #startedAt = new Map<string, number>()
  #succeeded = 0
  #succeededMs = 0

  /** `slotsOf` returns how many tasks of a pool run at once. */
  constructor(slotsOf: (pool: string) => number) {
    this.#slotsOf = slotsOf
  }

  /** Adds an event. Must be called with every event of the run, in order. */
  add(event: CounterpointEvent): void {
    switch (event.type) {
      case 'task.added':
        this.#tasks.set(event.taskId, event.spec)
        break
      case 'attempt.started':
        this.#startedAt.set(event.taskId, event.at)
        break
      case 'task.succeeded':
        this.#succeeded++
        this.#succeededMs += event.at - (this.#startedAt.get(event.taskId) ?? event.at)
        this.#tasks.delete(event.taskId)
        break
      case 'task.dead':
      case 'task.skipped':
      case 'task.cancelled':
        this.#tasks.delete(event.taskId)
    }
  }

  /**
   * The remaining time in milliseconds: the critical path, or the load of the busiest pool, whichever is longer.
   * Undefined until something is known. `now` is in milliseconds since 1970.
   */
  leftMs(running: RunProgress['running'], now: number): number | undefined {
    const spans = new Map(running.flatMap(task => spanOf(task, now)))
    const known = this.#succeeded + spans.size
    if (known === 0) return undefined
    const usualMs = [...spans.values()].reduce((sum, { wholeMs }) => sum + wholeMs, this.#succeededMs) / known
    const remainingOf = ({ id, durationMs = usualMs }: TaskSpec): number => spans.get(id)?.leftMs ?? durationMs
    return Math.max(this.#longestChain(remainingOf), ...this.#loads(remainingOf))
  }

  #longestChain(remainingOf: (task: TaskSpec) => number): number {
    const endMs = new Map<string, number>()
    let longest = 0
    for (const task of inOrder(this.#tasks)) {
      const startMs = (task.after ?? []).reduce((latest, need) => Math.max(latest, endMs.get(need) ?? 0), 0)
      endMs.set(task.id, startMs + remainingOf(task))
      longest = Math.max(longest, startMs + remainingOf(task))
    }
    return longest
  }

  #loads(remainingOf: (task: TaskSpec) => number): number[] {
    const loads = new Map<string, number>()
    for (const task of this.#tasks.values()) {
      const { pool = '' } = task
      loads.set(pool, (loads.get(pool) ?? 0) + remainingOf(task) / this.#slotsOf(pool))
    }
    return [...loads.values()]
  }
}

/** The total and the remaining time of a running task, assuming constant speed. */
function spanOf(
  { id, startedAt, progress = 0 }: RunProgress['running'][number],
  now: number,
): [string, { wholeMs: number; leftMs: number }][] {
  if (progress < LEAST_PROGRESS) return []
  const wholeMs = (now - startedAt) / progress
  return [[id, { wholeMs, leftMs: wholeMs * (1 - progress) }]]
}

/** The unfinished tasks in topological order. */
function inOrder(tasks: ReadonlyMap<string, TaskSpec>): readonly TaskSpec[] {
  const open = new Map<string, number>()
  const waiting = new Map<string, TaskSpec[]>()
  const order: TaskSpec[] = []
  for (const task of tasks.values()) {
    const needs = (task.after ?? []).filter(need => tasks.has(need))
    for (const need of needs) waiting.set(need, [...(waiting.get(need) ?? []), task])
    open.set(task.id, needs.length)
    if (needs.length === 0) order.push(task)
  }
  for (const { id } of order)
    for (const task of waiting.get(id) ?? []) {
      const left = open.get(task.id)! - 1
      open.set(task.id, left)
      if (left === 0) order.push(task)
    }
  return order
}
