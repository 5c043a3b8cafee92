/** A task, as far as the critical path needs it. */
export interface PathStep {
  readonly id: string
  /** Time in attempts, in milliseconds. */
  readonly busyMs: number
  readonly after?: readonly string[] | undefined
  readonly orderAfter?: readonly string[] | undefined
  /** When it stopped waiting for its dependencies: one that ended later did not delay it. */
  readonly startedAt?: number | undefined
  /** When it ended. A step with `endedAt` and without `startedAt` never ran: it takes no time and is left out of the path. */
  readonly endedAt?: number | undefined
}

/** Links between tasks, as far as the order among them needs it. */
type Linked = Pick<PathStep, 'id' | 'after' | 'orderAfter'>

/** Tasks in topological order. */
export interface TopologicalOrder {
  /** The index of each task, after those of all its dependencies. */
  readonly order: readonly number[]
  /** By index: the tasks that depend on each task; undefined for none. */
  readonly dependents: readonly (readonly number[] | undefined)[]
}

/**
 * The longest chain of tasks that waited for each other, in a run that has ended (`RunTimes`) or has been simulated (`forecast`,
 * `DagScheduler`): it looks back, at times that are known. `core/scheduler/critical-rank.ts` looks ahead instead: it estimates the longest
 * path that remains after each task of a live run, to order the ready ones.
 *
 * Linear in tasks and dependencies, without recursion.
 */
export function criticalPath(steps: readonly PathStep[]): { readonly ids: readonly string[]; readonly ms: number } {
  const { order, dependents } = topologicalOrder(steps)
  /** The length of the longest chain up to each step; without its own time while it has not been visited. */
  const ms = new Float64Array(steps.length)
  /** The step before each one on that chain; -1 for none. */
  const previous = new Int32Array(steps.length).fill(-1)
  let last = -1
  for (const i of order) {
    const step = steps[i]!
    const ran = hasRun(step)
    ms[i]! += step.busyMs
    if (ran && (last === -1 || ms[i]! > ms[last]!)) last = i
    const through = ran ? i : previous[i]!
    for (const dependent of dependents[i] ?? [])
      if (through !== -1 && ms[i]! >= ms[dependent]! && delayed(step, steps[dependent]!)) {
        ms[dependent] = ms[i]!
        previous[dependent] = through
      }
  }
  const ids: string[] = []
  for (let i = last; i !== -1; i = previous[i]!) ids.push(steps[i]!.id)
  return { ids: ids.reverse(), ms: ms[last] ?? 0 }
}

/**
 * How much later each step could have ended, in milliseconds, without the last one ending later; 0 on the critical path. By id, for the
 * steps that ran, all of which have an `endedAt`. A step whose trigger rule needs only one of several dependencies is taken to need
 * each of those that had ended when it started.
 */
export function slackOf(steps: readonly PathStep[]): ReadonlyMap<string, number> {
  const { order, dependents } = topologicalOrder(steps)
  let end = 0
  for (const { endedAt = 0 } of steps) end = Math.max(end, endedAt)
  const latestEnd = new Float64Array(steps.length).fill(end)
  for (const i of order.toReversed())
    for (const dependent of dependents[i] ?? []) {
      const next = steps[dependent]!
      if (delayed(steps[i]!, next)) latestEnd[i] = Math.min(latestEnd[i]!, latestEnd[dependent]! - next.busyMs)
    }
  const slack = new Map<string, number>()
  for (const [i, step] of steps.entries()) if (hasRun(step)) slack.set(step.id, latestEnd[i]! - (step.endedAt ?? end))
  return slack
}

/** Sorts tasks topologically (Kahn, CACM 5(11), 1962) by their hard and order-only dependencies. Ids that no task has are ignored. */
export function topologicalOrder(steps: readonly Linked[]): TopologicalOrder {
  const { dependents, waitsFor } = linksOf(steps)
  const order: number[] = []
  for (let i = 0; i < steps.length; i++) if (waitsFor[i] === 0) order.push(i)
  for (const i of order)
    for (const dependent of dependents[i] ?? []) if (--waitsFor[dependent]! === 0) order.push(dependent)
  return { order, dependents }
}

/** By index: the steps that depend on each step, and how many it depends on itself. */
function linksOf(steps: readonly Linked[]): { dependents: (number[] | undefined)[]; waitsFor: Int32Array } {
  const indexes = new Map<string, number>()
  for (const [i, { id }] of steps.entries()) indexes.set(id, i)
  const dependents: (number[] | undefined)[] = new Array(steps.length)
  const waitsFor = new Int32Array(steps.length)
  for (const [i, { after = [], orderAfter = [] }] of steps.entries())
    for (const ids of [after, orderAfter])
      for (const id of ids) {
        const dependency = indexes.get(id)
        if (dependency === undefined) continue
        const list = dependents[dependency]
        if (list) list.push(i)
        else dependents[dependency] = [i]
        waitsFor[i]!++
      }
  return { dependents, waitsFor }
}

function hasRun({ startedAt, endedAt }: PathStep): boolean {
  return startedAt !== undefined || endedAt === undefined
}

/** True unless `dependency` ended after `step` had stopped waiting: its trigger rule may not need all of them. */
function delayed(dependency: PathStep, { startedAt, endedAt }: PathStep): boolean {
  const until = startedAt ?? endedAt
  return until === undefined || dependency.endedAt === undefined || dependency.endedAt <= until
}
