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
  readonly endedAt?: number
}

interface Node {
  readonly step: PathStep
  readonly dependents: Node[]
  /** How many dependencies have not been visited. */
  waitsFor: number
  /** The length of the longest chain up to this step; while the step has not been visited, without its own time. */
  ms: number
  /** The step before it on that chain. */
  previous: Node | undefined
}

/**
 * The longest chain of tasks that waited for each other, in a run that has ended (`RunTimes`) or has been simulated (`forecast`): it looks
 * back, at times that are known. `core/scheduler/critical-rank.ts` looks ahead instead: it estimates the longest path that remains
 * after each task of a live run, as a priority.
 *
 * Linear in tasks and dependencies, in topological order (Kahn, CACM 5(11), 1962), without recursion.
 */
export function criticalPath(steps: readonly PathStep[]): { readonly ids: readonly string[]; readonly ms: number } {
  const nodes = linked(steps)
  const order = nodes.filter(({ waitsFor }) => waitsFor === 0)
  let last: Node | undefined
  for (const node of order) {
    const ran = hasRun(node.step)
    node.ms += node.step.busyMs
    if (ran && (last === undefined || node.ms > last.ms)) last = node
    const through = ran ? node : node.previous
    for (const dependent of node.dependents) {
      if (through && node.ms >= dependent.ms && delayed(node.step, dependent.step)) {
        dependent.ms = node.ms
        dependent.previous = through
      }
      dependent.waitsFor--
      if (dependent.waitsFor === 0) order.push(dependent)
    }
  }
  const ids: string[] = []
  for (let node = last; node !== undefined; node = node.previous) ids.push(node.step.id)
  return { ids: ids.reverse(), ms: last?.ms ?? 0 }
}

function linked(steps: readonly PathStep[]): readonly Node[] {
  const nodes = steps.map((step): Node => ({ step, dependents: [], waitsFor: 0, ms: 0, previous: undefined }))
  const byId = new Map(nodes.map(node => [node.step.id, node]))
  for (const node of nodes)
    for (const list of [node.step.after, node.step.orderAfter])
      for (const id of list ?? []) {
        const dependency = byId.get(id)
        if (dependency === undefined) continue
        dependency.dependents.push(node)
        node.waitsFor++
      }
  return nodes
}

function hasRun({ startedAt, endedAt }: PathStep): boolean {
  return startedAt !== undefined || endedAt === undefined
}

/** True unless `dependency` ended after `step` had stopped waiting: its trigger rule may not need all of them. */
function delayed(dependency: PathStep, { startedAt, endedAt }: PathStep): boolean {
  const until = startedAt ?? endedAt
  return until === undefined || dependency.endedAt === undefined || dependency.endedAt <= until
}
