import type { TaskSpec } from '../core/state/task.js'
import { didYouMean } from '../error-text.js'
import { CounterpointError } from '../errors.js'

/**
 * The tasks named by `ids` and everything that they depend on, softly or for the order too, in plan order: what `only: ids` runs.
 * An id may be named twice; no ids give no tasks. A dependency that is not among `tasks` is left for `checkGraph` to report.
 *
 * @throws CounterpointError `NOT_FOUND` when an id is not in the plan.
 */
export function selectTasks(tasks: readonly TaskSpec[], ids: readonly string[]): readonly TaskSpec[] {
  const places = new Map<string, number>()
  for (let i = 0; i < tasks.length; i++) places.set(tasks[i]!.id, i)
  const chosen = new Uint8Array(tasks.length)
  const work: number[] = []
  const choose = (place: number): void => {
    if (chosen[place] === 1) return
    chosen[place] = 1
    work.push(place)
  }
  for (const id of ids) choose(placeOf(id, places))
  for (let place = work.pop(); place !== undefined; place = work.pop()) {
    const { after = [], softAfter = [], orderAfter = [] } = tasks[place]!
    for (const list of [after, softAfter, orderAfter])
      for (const dependency of list) {
        const needed = places.get(dependency)
        if (needed !== undefined) choose(needed)
      }
  }
  return tasks.filter((_, place) => chosen[place] === 1)
}

function placeOf(id: string, places: ReadonlyMap<string, number>): number {
  const place = places.get(id)
  if (place !== undefined) return place
  const hint = typeof id === 'string' ? didYouMean(id, places.keys()) : ''
  throw new CounterpointError('NOT_FOUND', `only: expected ids of tasks of the plan, got "${String(id)}"${hint}`, {
    id,
  })
}
