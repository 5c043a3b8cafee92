import type { TaskSpec } from '../state/task.js'

/** The members that a task has and its graph left open; undefined for none. */
export function assignedTo(spec: TaskSpec, planned: TaskSpec = spec): readonly string[] | undefined {
  if (spec === planned) return undefined
  const assigned = (Object.keys(spec) as (keyof TaskSpec)[]).filter(key => planned[key] === undefined)
  return assigned.length > 0 ? assigned : undefined
}
