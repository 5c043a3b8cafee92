/** What is needed of a task to find the longest chain. */
export interface PathStep {
  readonly id: string
  readonly busyMs: number
  readonly after: readonly string[]
}

/** The chain of tasks, each waiting for the one before, that took longest; iterative, for a chain may be a million tasks long. */
export function criticalPath(steps: readonly PathStep[]): { readonly ids: readonly string[]; readonly ms: number } {
  const places = new Map<string, number>()
  for (let i = 0; i < steps.length; i++) places.set((steps[i] as PathStep).id, i)
  const best: number[] = new Array<number>(steps.length).fill(0)
  const before: number[] = new Array<number>(steps.length).fill(-1)
  let last = -1
  for (const at of inOrder(steps, places)) {
    const step = steps[at] as PathStep
    for (const id of step.after) {
      const need = places.get(id)
      if (need === undefined || (best[need] as number) < (best[at] as number)) continue
      best[at] = best[need] as number
      before[at] = need
    }
    best[at] = (best[at] as number) + step.busyMs
    if (last === -1 || (best[at] as number) > (best[last] as number)) last = at
  }
  const ids: string[] = []
  for (let at = last; at !== -1; at = before[at] as number) ids.push((steps[at] as PathStep).id)
  return { ids: ids.reverse(), ms: last === -1 ? 0 : (best[last] as number) }
}

/** The places of the steps, each after those that it waited for (Kahn, CACM 5(11), 1962). */
function inOrder(steps: readonly PathStep[], places: ReadonlyMap<string, number>): readonly number[] {
  const open: number[] = new Array<number>(steps.length).fill(0)
  const dependents: number[][] = []
  const order: number[] = []
  for (let at = 0; at < steps.length; at++) {
    for (const id of (steps[at] as PathStep).after) {
      const need = places.get(id)
      if (need === undefined) continue
      ;(open[at] as number)++
      const list = dependents[need]
      if (list) list.push(at)
      else dependents[need] = [at]
    }
    if (open[at] === 0) order.push(at)
  }
  for (let next = 0; next < order.length; next++)
    for (const dependent of dependents[order[next] as number] ?? []) {
      ;(open[dependent] as number)--
      if (open[dependent] === 0) order.push(dependent)
    }
  return order
}
