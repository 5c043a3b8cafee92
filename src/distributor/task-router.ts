import type { TaskDefaults, TaskSpec } from '../core/state/task.js'
import { didYouMean } from '../error-text.js'
import { CounterpointError } from '../errors.js'
import type { Distribute, Distribution } from './task-distributor.js'

/** Finds the pools of tasks that name none, and applies the defaults of the pool to each task. */
export class TaskRouter {
  /** By pool: its defaults as entries, empty without any. */
  readonly #defaults: ReadonlyMap<string, readonly (readonly [string, unknown])[]>
  readonly #distribute: Distribute

  /** `defaults` must have an entry for every pool. */
  constructor(defaults: ReadonlyMap<string, TaskDefaults | undefined>, distribute: Distribute) {
    this.#defaults = new Map(
      [...defaults].map(([pool, own]) => [pool, Object.entries(own ?? {}).filter(([, value]) => value !== undefined)]),
    )
    this.#distribute = distribute
  }

  /**
   * Synchronous unless the distributor returns a promise. Returns `tasks` itself when nothing changes: what has been prepared for a plan
   * belongs to its list of tasks.
   * @throws NO_POOL (or rejects with it) for the first task whose pool is unknown or cannot be found.
   */
  route(tasks: readonly TaskSpec[]): readonly TaskSpec[] | Promise<readonly TaskSpec[]> {
    const routed: (TaskSpec | Promise<TaskSpec>)[] = []
    let isAsync = false
    try {
      for (const task of tasks) {
        const found = this.#route(task)
        isAsync ||= found instanceof Promise
        routed.push(found)
      }
    } catch (error) {
      // The other answers are not needed, and their rejections must not be unhandled.
      Promise.all(routed).catch(() => {})
      throw error
    }
    if (isAsync) return Promise.all(routed) as Promise<TaskSpec[]>
    return routed.every((task, i) => task === tasks[i]) ? tasks : (routed as TaskSpec[])
  }

  /** @throws NO_POOL when a task names an unknown pool. */
  checkPools(tasks: readonly TaskSpec[]): void {
    for (const task of tasks) if (task.pool !== undefined) this.#defaultsOf(task, task.pool)
  }

  #route(task: TaskSpec): TaskSpec | Promise<TaskSpec> {
    if (task.pool !== undefined) return this.#assign(task, task.pool)
    const answer = this.#distribute(task)
    return answer instanceof Promise ? answer.then(found => this.#assignTo(task, found)) : this.#assignTo(task, answer)
  }

  #assignTo(task: TaskSpec, found: Distribution): TaskSpec {
    if (found.kind === 'pool') return this.#assign(task, found.pool)
    const pools = found.pools.join(', ')
    const reason =
      found.kind === 'decompose'
        ? `it needs several pools (${pools}): make one task for each`
        : `no pool matches it well enough (nearest: ${pools}; confidence ${found.confidence.toFixed(2)}): name its pool, or give the distributor a fallbackPool`
    throw noPool(task, reason, found.pools, found.confidence)
  }

  /** The task with this pool and its defaults; the same object when that changes nothing. */
  #assign(task: TaskSpec, pool: string): TaskSpec {
    const defaults = this.#defaultsOf(task, pool)
    if (defaults.length === 0 && task.pool === pool) return task
    const assigned: Record<string, unknown> = { ...task, pool }
    for (const [option, value] of defaults) if (assigned[option] === undefined) assigned[option] = value
    return assigned as unknown as TaskSpec
  }

  #defaultsOf(task: TaskSpec, pool: string): readonly (readonly [string, unknown])[] {
    const defaults = this.#defaults.get(pool)
    if (defaults !== undefined) return defaults
    const known = [...this.#defaults.keys()]
    throw noPool(task, `there is no pool "${pool}"${didYouMean(pool, known)}; pools: ${known.join(', ')}`, known, 1)
  }
}

function noPool(
  task: TaskSpec,
  reason: string,
  pools: readonly string[],
  confidence: number,
): CounterpointError<'NO_POOL'> {
  const message = `no pool for task "${task.id}" (${JSON.stringify(task.description.slice(0, 80))}): ${reason}. Nothing was started`
  return new CounterpointError('NO_POOL', message, { taskId: task.id, confidence, pools })
}
