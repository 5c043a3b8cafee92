import type { TaskDefaults, TaskSpec } from '../core/state/task.js'
import { didYouMean, show } from '../error-text.js'
import { CounterpointError } from '../errors.js'
import { invalidInput } from '../options-check.js'
import type { CheckedPlan, HasFunction } from '../plan/check-plan.js'
import type { WorkerPool } from '../pools/worker-pool.js'
import type { Distribute, Distribution } from './task-distributor.js'

/** The pools that tasks are sent to. */
export interface RoutedPools {
  /** An entry for every pool. */
  readonly defaults: ReadonlyMap<string, TaskDefaults | undefined>
  readonly workers: ReadonlyMap<string, Pick<WorkerPool, 'backend'>>
}

/** Tasks to route, and which of them have a function of their own. */
export type RoutedTasks = Pick<CheckedPlan, 'tasks' | 'hasFunction'>

/** Finds the pools of tasks that name none, and applies the defaults of the pool to each task. */
export class TaskRouter {
  /** By pool: its defaults as entries, empty without any. */
  readonly #defaults: ReadonlyMap<string, readonly (readonly [string, unknown])[]>
  readonly #distribute: Distribute
  readonly #workers: RoutedPools['workers']

  constructor({ defaults, workers }: RoutedPools, distribute: Distribute) {
    this.#workers = workers
    this.#defaults = new Map(
      [...defaults].map(([pool, own]) => [pool, Object.entries(own ?? {}).filter(([, value]) => value !== undefined)]),
    )
    this.#distribute = distribute
  }

  /**
   * Synchronous unless the distributor returns a promise. Returns `tasks` itself when nothing changes: what has been prepared for a plan
   * belongs to its list of tasks.
   * @throws NO_POOL (or rejects with it) for the first task whose pool is unknown or cannot be found; INVALID_INPUT for the first one
   * that has neither a function nor a pool with a backend.
   */
  route({ tasks, hasFunction }: RoutedTasks): readonly TaskSpec[] | Promise<readonly TaskSpec[]> {
    const routed: (TaskSpec | Promise<TaskSpec>)[] = []
    let isAsync = false
    try {
      for (const task of tasks) {
        const found = this.#route(task, hasFunction)
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

  /** @throws NO_POOL when a task names an unknown pool; INVALID_INPUT when it has neither a function nor a pool with a backend. */
  checkPools({ tasks, hasFunction }: RoutedTasks): void {
    for (const task of tasks) if (task.pool !== undefined) this.#defaultsOf(task, task.pool, hasFunction)
  }

  #route(task: TaskSpec, hasFunction: HasFunction): TaskSpec | Promise<TaskSpec> {
    if (task.pool !== undefined) return this.#assign(task, task.pool, hasFunction)
    const assign = (found: Distribution): TaskSpec => this.#assign(task, poolOf(task, found), hasFunction)
    const answer = this.#distribute(task)
    return answer instanceof Promise ? answer.then(assign) : assign(answer)
  }

  /** The task with this pool and its defaults; the same object when that changes nothing. */
  #assign(task: TaskSpec, pool: string, hasFunction: HasFunction): TaskSpec {
    const defaults = this.#defaultsOf(task, pool, hasFunction)
    if (defaults.length === 0 && task.pool === pool) return task
    const assigned: Record<string, unknown> = { ...task, pool }
    for (const [option, value] of defaults)
      if (assigned[option] === undefined && (option !== 'approval' || !hasFunction(task.id, 'approval')))
        assigned[option] = value
    return assigned as unknown as TaskSpec
  }

  #defaultsOf(task: TaskSpec, pool: string, hasFunction: HasFunction): readonly (readonly [string, unknown])[] {
    const defaults = this.#defaults.get(pool)
    if (defaults !== undefined && this.#workers.get(pool)?.backend === undefined && !hasFunction(task.id, 'run'))
      throw noBackend(task, pool)
    if (defaults !== undefined) return defaults
    const known = [...this.#defaults.keys()]
    const chosen = task.pool === undefined ? ', which the distributor chose' : ''
    throw noPool(
      task,
      `there is no pool "${pool}"${chosen}${didYouMean(pool, known)}; pools: ${known.join(', ')}`,
      known,
      1,
    )
  }
}

/** @throws NO_POOL when none was found; INVALID_INPUT when the distributor of the host returned something else than an answer. */
function poolOf(task: TaskSpec, found: Distribution): string {
  if (!isDistribution(found)) throw notAnAnswer(task, found)
  if (found.kind === 'pool') return found.pool
  const pools = found.pools.join(', ')
  const reason =
    found.kind === 'decompose'
      ? `it needs several pools (${pools}): make one task for each`
      : `no pool matches it well enough (nearest: ${pools}; confidence ${found.confidence.toFixed(2)}): name its pool, or give the distributor a fallbackPool`
  throw noPool(task, reason, found.pools, found.confidence)
}

function isDistribution(found: unknown): found is Distribution {
  const { kind, pool, pools, confidence } = Object(found) as Record<string, unknown>
  if (kind === 'pool') return typeof pool === 'string'
  return (kind === 'decompose' || kind === 'none') && Array.isArray(pools) && typeof confidence === 'number'
}

function notAnAnswer({ id }: TaskSpec, found: unknown): CounterpointError<'INVALID_INPUT'> {
  const kinds = "{ kind: 'pool', pool, confidence }, or 'decompose' or 'none' with pools"
  const { kind } = Object(found) as { kind?: unknown }
  const got = typeof found === 'object' && found !== null ? `an object whose kind is ${show(kind)}` : show(found)
  const message = `expected an answer for task ${JSON.stringify(id)} from the distributor, ${kinds}; got ${got}`
  return invalidInput([{ path: 'distributor', message }])
}

function noBackend({ id, pool: named }: TaskSpec, pool: string): CounterpointError<'INVALID_INPUT'> {
  const [task, name] = [JSON.stringify(id), JSON.stringify(pool)]
  const chosen = named === undefined ? ', which the distributor chose,' : ''
  const message = `expected a function for task ${task}, as pool ${name}${chosen} has no backend: give the task a run function (graph.task), or the pool a backend`
  return invalidInput([{ path: `tasks[${task}].run`, message }])
}

function noPool(
  task: TaskSpec,
  reason: string,
  pools: readonly string[],
  confidence: number,
): CounterpointError<'NO_POOL'> {
  const message = `no pool for task "${task.id}" (${show(task.description)}): ${reason}. Nothing was started`
  return new CounterpointError('NO_POOL', message, { taskId: task.id, confidence, pools })
}
