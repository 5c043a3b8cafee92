import type { TaskSpec } from '../core/state/task.js'
import { didYouMean } from '../error-text.js'
import { CounterpointError } from '../errors.js'

/**
 * The tasks named by `ids` and all their dependencies of every kind, transitively, in plan order: what `only: ids` runs.
 * Repeated ids are allowed; no ids select no tasks. A dependency that is not among `tasks` is left for `checkGraph` to report.
 *
 * @throws CounterpointError `NOT_FOUND` when an id is not in the plan.
 */
export function selectTasks(tasks: readonly TaskSpec[], ids: readonly string[]): readonly TaskSpec[] {
  const byId = new Map(tasks.map(task => [task.id, task]))
  for (const id of ids) if (!byId.has(id)) throw notFound(id, byId.keys())
  // The iteration of a set includes members that are added meanwhile.
  const selected = new Set(ids)
  for (const id of selected) {
    const { after = [], softAfter = [], orderAfter = [] } = byId.get(id) ?? {}
    for (const list of [after, softAfter, orderAfter]) for (const dependency of list) selected.add(dependency)
  }
  return tasks.filter(({ id }) => selected.has(id))
}

function notFound(id: string, ids: Iterable<string>): CounterpointError<'NOT_FOUND'> {
  const hint = typeof id === 'string' ? didYouMean(id, ids) : ''
  const message = `only: expected ids of tasks of the plan, got "${String(id)}"${hint}`
  return new CounterpointError('NOT_FOUND', message, { id })
}
