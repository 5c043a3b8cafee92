import type { TaskDefaults, TaskSpec } from '../core/state/task.js'
import { didYouMean } from '../error-text.js'
import { CounterpointError } from '../errors.js'
import type { Distribute, Distribution } from './task-distributor.js'

/** Finds the pools of tasks that name none, and gives each task the defaults of its pool. */
export class TaskRouter {
  readonly #defaults: ReadonlyMap<string, readonly (readonly [string, unknown])[] | undefined>
  readonly #distribute: Distribute
  /** The pool that was looked up last, if it has no defaults. */
  #plain: string | undefined

  /** `defaults` has an entry for every pool. */
  constructor(defaults: ReadonlyMap<string, TaskDefaults | undefined>, distribute: Distribute) {
    this.#defaults = new Map([...defaults].map(([pool, own]) => [pool, own && Object.entries(own)]))
    this.#distribute = distribute
  }

  /**
   * Synchronous unless the distributor asks somebody; the same list when there was nothing to add.
   * @throws NO_POOL (or rejects with it) for the first task whose pool is unknown or cannot be found.
   */
  route(tasks: readonly TaskSpec[]): readonly TaskSpec[] | Promise<readonly TaskSpec[]> {
    // Mostly they all say where they go: then they are not copied.
    let routed: (TaskSpec | Promise<TaskSpec>)[] | undefined
    let waits = false
    try {
      for (let place = 0; place < tasks.length; place++) {
        const task = tasks[place] as TaskSpec
        const placed = this.#place(task)
        if (placed === task && routed === undefined) continue
        routed ??= tasks.slice(0, place)
        waits ||= placed instanceof Promise
        routed.push(placed)
      }
    } catch (error) {
      // What others still answer is of no use any more, a rejection neither.
      if (routed) Promise.all(routed).catch(() => {})
      throw error
    }
    if (routed === undefined) return tasks
    return waits ? Promise.all(routed) : (routed as TaskSpec[])
  }

  /** @throws NO_POOL when the pool of one of the tasks is not here. */
  checkPools(tasks: readonly TaskSpec[]): void {
    for (const task of tasks) if (task.pool !== undefined) this.#into(task, task.pool)
  }

  #place(task: TaskSpec): TaskSpec | Promise<TaskSpec> {
    if (task.pool !== undefined) return this.#into(task, task.pool)
    const answer = this.#distribute(task)
    return answer instanceof Promise ? answer.then(found => this.#follow(task, found)) : this.#follow(task, answer)
  }

  #follow(task: TaskSpec, found: Distribution): TaskSpec {
    if (found.kind === 'pool') return this.#into(task, found.pool)
    const pools = found.pools.join(', ')
    const why =
      found.kind === 'decompose'
        ? `it needs several pools (${pools}): make one task for each`
        : `no pool is sure about it (nearest: ${pools}; confidence ${found.confidence.toFixed(2)}): name its pool, or give the distributor a fallbackPool`
    throw this.#noPool(task, why, found.pools, found.confidence)
  }

  #into(task: TaskSpec, pool: string): TaskSpec {
    if (pool === this.#plain && pool === task.pool) return task
    const defaults = this.#defaults.get(pool)
    if (defaults === undefined && !this.#defaults.has(pool)) {
      const known = [...this.#defaults.keys()]
      const why = `there is no pool "${pool}"${didYouMean(pool, known)}; pools: ${known.join(', ')}`
      throw this.#noPool(task, why, known, 1)
    }
    this.#plain = defaults ? undefined : pool
    if (defaults === undefined) return task.pool === undefined ? { ...task, pool } : task
    // Member by member: a second spread into one object costs ten times as much as all the rest of an intake.
    const placed: Record<string, unknown> = { ...task, pool }
    for (const [member, value] of defaults) if (placed[member] === undefined) placed[member] = value
    return placed as unknown as TaskSpec
  }

  #noPool(task: TaskSpec, why: string, pools: readonly string[], confidence: number): CounterpointError<'NO_POOL'> {
    const message = `no pool for task "${task.id}" (${JSON.stringify(task.description.slice(0, 80))}): ${why}. Nothing was started`
    return new CounterpointError('NO_POOL', message, { taskId: task.id, confidence, pools })
  }
}
