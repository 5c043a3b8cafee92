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
  /** The tasks that depend on task `i` are in `dependents`, from `starts[i]` to before `starts[i + 1]`. */
  readonly starts: Int32Array
  readonly dependents: Int32Array
}

/**
 * The longest chain of tasks that waited for each other, in a run that has ended (`RunTimes`) or has been simulated (`forecast`,
 * `DagScheduler`): it looks back, at times that are known. `core/scheduler/critical-rank.ts` looks ahead instead: it estimates the longest
 * path that remains after each task of a live run, to order the ready ones.
 *
 * Linear in tasks and dependencies, without recursion.
 */
export function criticalPath(steps: readonly PathStep[]): { readonly ids: readonly string[]; readonly ms: number } {
  const { order, starts, dependents } = topologicalOrder(steps)
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
    for (let k = starts[i]!; k < starts[i + 1]!; k++) {
      const dependent = dependents[k]!
      if (through !== -1 && ms[i]! >= ms[dependent]! && delayed(step, steps[dependent]!)) {
        ms[dependent] = ms[i]!
        previous[dependent] = through
      }
    }
  }
  const ids: string[] = []
  for (let i = last; i !== -1; i = previous[i]!) ids.push(steps[i]!.id)
  return { ids: ids.reverse(), ms: ms[last] ?? 0 }
}

/**
 * How much later each step could have ended, in milliseconds, without the last one ending later; exactly 0 on the critical path: what
 * the rounding of sums can make counts as 0. By id, for the
 * steps that ran, all of which have an `endedAt`. A step whose trigger rule needs only one of several dependencies is taken to need
 * each of those that had ended when it started.
 */
export function slackOf(steps: readonly PathStep[]): ReadonlyMap<string, number> {
  const { order, starts, dependents } = topologicalOrder(steps)
  let end = 0
  for (const { endedAt = 0 } of steps) end = Math.max(end, endedAt)
  const latestEnd = new Float64Array(steps.length).fill(end)
  for (const i of order.toReversed())
    for (let k = starts[i]!; k < starts[i + 1]!; k++) {
      const dependent = dependents[k]!
      const next = steps[dependent]!
      if (delayed(steps[i]!, next)) latestEnd[i] = Math.min(latestEnd[i]!, latestEnd[dependent]! - next.busyMs)
    }
  const rounding = end * steps.length * Number.EPSILON
  const slack = new Map<string, number>()
  for (const [i, step] of steps.entries()) {
    const ms = latestEnd[i]! - (step.endedAt ?? end)
    if (hasRun(step)) slack.set(step.id, ms > rounding ? ms : 0)
  }
  return slack
}

/** Sorts tasks topologically (Kahn, CACM 5(11), 1962) by their hard and order-only dependencies. Ids that no task has are ignored. */
export function topologicalOrder(steps: readonly Linked[]): TopologicalOrder {
  const { starts, dependents, waitsFor } = linksOf(steps)
  const order: number[] = []
  for (let i = 0; i < steps.length; i++) if (waitsFor[i] === 0) order.push(i)
  for (const i of order)
    for (let k = starts[i]!; k < starts[i + 1]!; k++) if (--waitsFor[dependents[k]!]! === 0) order.push(dependents[k]!)
  return { order, starts, dependents }
}

interface Links extends Omit<TopologicalOrder, 'order'> {
  /** By index: how many tasks each one depends on. */
  readonly waitsFor: Int32Array
}

/** Every settled run calls this: it makes no object per task, and no index when there are no dependencies. */
function linksOf(steps: readonly Linked[]): Links {
  const starts = new Int32Array(steps.length + 1)
  const waitsFor = new Int32Array(steps.length)
  let total = 0
  for (const { after, orderAfter } of steps) total += (after?.length ?? 0) + (orderAfter?.length ?? 0)
  if (total === 0) return { starts, dependents: new Int32Array(0), waitsFor }
  const indexes = new Map<string, number>()
  for (let i = 0; i < steps.length; i++) indexes.set(steps[i]!.id, i)
  const from = new Int32Array(total)
  const to = new Int32Array(total)
  let edges = 0
  const add = (ids: readonly string[], step: number): void => {
    for (const id of ids) {
      const dependency = indexes.get(id)
      if (dependency === undefined) continue
      from[edges] = dependency
      to[edges++] = step
      starts[dependency + 1]!++
      waitsFor[step]!++
    }
  }
  for (let i = 0; i < steps.length; i++) {
    const { after, orderAfter } = steps[i]!
    if (after) add(after, i)
    if (orderAfter) add(orderAfter, i)
  }
  for (let i = 0; i < steps.length; i++) starts[i + 1]! += starts[i]!
  const dependents = new Int32Array(edges)
  const next = starts.slice()
  for (let k = 0; k < edges; k++) dependents[next[from[k]!]!++] = to[k]!
  return { starts, dependents, waitsFor }
}

function hasRun({ startedAt, endedAt }: PathStep): boolean {
  return startedAt !== undefined || endedAt === undefined
}

/** True unless `dependency` ended after `step` had stopped waiting: its trigger rule may not need all of them. */
function delayed(dependency: PathStep, { startedAt, endedAt }: PathStep): boolean {
  const until = startedAt ?? endedAt
  return until === undefined || dependency.endedAt === undefined || dependency.endedAt <= until
}
