import { ruleVerdict } from '../core/scheduler/trigger-rule.js'
import { emptyState } from '../core/state/new-state.js'
import type { EndKind } from '../core/state/run-state.js'
import type { TaskSpec, TaskStatus } from '../core/state/task.js'
import { didYouMean, show } from '../error-text.js'
import { invalid, invalidInput } from '../options-check.js'
import { topologicalOrder } from '../results/critical-path.js'

/** A task that has started: by its id, if it has succeeded, or with its status. */
export type StartedTask = string | { readonly id: string; readonly status: TaskStatus }

const STATUSES: readonly string[] = Object.keys(emptyState('').counts)

/**
 * The statuses of the started tasks, by id. A result of a task that the plan does not have is ignored: it was added to the run later.
 * @throws INVALID_INPUT for an unknown id or status.
 */
export function statusesOf(
  tasks: readonly TaskSpec[],
  started: Iterable<StartedTask>,
): ReadonlyMap<string, TaskStatus> {
  if (typeof started === 'string' || typeof Object(started)[Symbol.iterator] !== 'function')
    throw invalid('started', 'a list of ids or of task results', started)
  const ids = new Set(tasks.map(task => task.id))
  const statuses = new Map<string, TaskStatus>()
  for (const [i, entry] of [...started].entries()) {
    const { id, status } = typeof entry === 'string' ? { id: entry, status: 'succeeded' as const } : (entry ?? {})
    const path = `started[${i}]`
    const isKnown = ids.has(id)
    if (!isKnown && (typeof entry === 'string' || typeof id !== 'string'))
      throw invalidInput([{ path, message: `the plan has no task ${show(id)}${didYouMean(String(id), ids)}` }])
    if (!STATUSES.includes(status)) {
      const message = `expected one of ${STATUSES.join(', ')}, got ${show(status)}`
      throw invalidInput([{ path: `${path}.status`, message }])
    }
    if (isKnown) statuses.set(id, status)
  }
  return statuses
}

/** How the tasks of a plan have ended; `open` for one that has not, and `ready` for one that can start. */
type Progress = EndKind | 'upstreamFailed' | 'open' | 'ready'

/** The indexes of the tasks that can start. Those that can never start count as skipped for the tasks after them, as in a run. */
export function readyTasks(tasks: readonly TaskSpec[], statuses: ReadonlyMap<string, TaskStatus>): readonly number[] {
  const progress = new Map<string, Progress>()
  for (const index of topologicalOrder(tasks).order) {
    const task = tasks[index] as TaskSpec
    progress.set(task.id, progressOf(task, statuses.get(task.id), progress))
  }
  return [...tasks.keys()].filter(index => progress.get((tasks[index] as TaskSpec).id) === 'ready')
}

function progressOf(task: TaskSpec, status: TaskStatus | undefined, of: ReadonlyMap<string, Progress>): Progress {
  if (status === 'succeeded') return 'succeeded'
  if (status === 'dead' || status === 'cancelled') return 'failed'
  const isWaiting = status === undefined || status === 'blocked' || status === 'ready'
  if (!isWaiting && status !== 'skipped') return 'open'
  const { after = [], orderAfter = [], triggerRule: rule = 'all_success' } = task
  const upstream = { rule, total: after.length, succeeded: 0, failed: 0, upstreamFailed: 0, skipped: 0 }
  for (const id of after) {
    const kind = of.get(id) as Progress
    if (kind !== 'open' && kind !== 'ready') upstream[kind]++
    if (kind === 'upstreamFailed') upstream.failed++
  }
  const verdict = ruleVerdict(upstream)
  if (status === 'skipped' || verdict === 'failed' || verdict === 'unmet')
    return verdict === 'failed' ? 'upstreamFailed' : 'skipped'
  const waits = orderAfter.some(id => of.get(id) === 'open' || of.get(id) === 'ready')
  return verdict === 'start' && !waits ? 'ready' : 'open'
}
