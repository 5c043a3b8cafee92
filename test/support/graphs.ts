import type { TaskSpec } from 'counterpoint'
import fc from 'fast-check'

/** What a random plan is made of. */
export interface GraphOptions {
  readonly maxTasks?: number
  readonly pools?: readonly string[]
}

/**
 * Random plans without cycles, whose agents are told how often they may fail, `t0` to `tN`. A task waits for up to three others, mostly near ones, so that there are chains as well as fans.
 * One in three plans names its tasks in an order of its own, dependencies ahead of what they wait for.
 */
export function graphs({ maxTasks = 30, pools = ['p'] }: GraphOptions = {}): fc.Arbitrary<readonly TaskSpec[]> {
  const task = fc.record({
    back: fc.array(fc.nat(9), { maxLength: 3 }),
    retries: fc.nat(2),
    priority: fc.integer({ min: 1, max: 5 }),
    durationMs: fc.nat(100),
    pool: fc.constantFrom(...pools),
    place: fc.nat(),
  })
  return fc.tuple(fc.array(task, { maxLength: maxTasks }), fc.nat(2)).map(([tasks, order]) => {
    const specs = tasks.map(({ back, place, ...rest }, i) => {
      const context = { retries: rest.retries }
      const after = [...new Set(back.map(steps => i - 1 - steps).filter(need => need >= 0))].map(need => `t${need}`)
      return {
        place,
        spec: { id: `t${i}`, description: `task ${i}`, context, ...rest, ...(after.length > 0 && { after }) },
      }
    })
    if (order === 0) specs.sort((a, b) => a.place - b.place)
    return specs.map(({ spec }) => spec)
  })
}
