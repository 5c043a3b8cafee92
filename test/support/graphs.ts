import type { TaskSpec } from 'counterpoint'
import fc from 'fast-check'
import { RULES } from './airflow.js'

/** Options of a random plan. */
export interface GraphOptions {
  readonly maxTasks?: number
  readonly pools?: readonly string[]
  /**
   * With trigger rules, order-only and soft dependencies, approvals, tasks that must not be repeated, estimates and budgets. `settled`:
   * only rules that skip nothing, and no budgets, so that the order in which tasks end does not matter. Default: none of these.
   */
  readonly rich?: boolean | 'settled'
}

/** Rules that skip a task only after a failure, so that the result does not depend on the order of ends. */
const SETTLED_RULES = ['all_done', 'none_failed', 'one_success', 'always'] as const

const back = (maxLength: number): fc.Arbitrary<number[]> => fc.array(fc.nat(9), { maxLength })
const oneIn = <T>(times: number, value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.nat(times - 1).chain(draw => (draw === 0 ? value : fc.constant(undefined)))
const estimate = fc.record({ costUsd: fc.nat(4), tokens: fc.nat(400) }, { requiredKeys: [] })

/** Random budgets with every combination of actions. */
export const budgets: fc.Arbitrary<NonNullable<TaskSpec['budget']>> = fc.record(
  {
    costUsd: fc.nat(12),
    tokens: fc.nat(1_200),
    wallMs: fc.nat(400),
    soft: fc.constantFrom(0, 0.5, 1),
    onSoft: fc.constantFrom('tell' as const, 'degrade' as const),
    onHard: fc.constantFrom('stop' as const, 'degrade' as const, 'hold' as const),
  },
  { requiredKeys: [] },
)

/**
 * Random acyclic plans of tasks `t0` to `tN`. A task depends on up to three others, mostly near ones, so that there are chains as well as
 * fans. One in three plans lists its tasks in random order, with tasks before their dependencies.
 */
export function graphs({
  maxTasks = 30,
  pools = ['p'],
  rich = false,
}: GraphOptions = {}): fc.Arbitrary<readonly TaskSpec[]> {
  const task = fc.record({
    back: back(3),
    retries: fc.nat(2),
    priority: fc.integer({ min: 1, max: 5 }),
    durationMs: fc.nat(100),
    pool: fc.constantFrom(...pools),
    place: fc.nat(),
    more: rich === false ? fc.constant(undefined) : extras(rich),
  })
  return fc.tuple(fc.array(task, { maxLength: maxTasks }), fc.nat(2)).map(([tasks, order]) => {
    const specs = tasks.map(({ back, place, more, ...rest }, i) => {
      const context = { retries: rest.retries }
      const after = idsOf(back, i)
      const spec = { id: `t${i}`, description: `task ${i}`, context, ...rest, ...(after.length > 0 && { after }) }
      return { place, spec: more ? { ...spec, ...extrasOf(more, i) } : spec }
    })
    if (order === 0) specs.sort((a, b) => a.place - b.place)
    return specs.map(({ spec }) => spec)
  })
}

interface Extras {
  readonly soft: readonly number[]
  readonly order: readonly number[]
  readonly triggerRule: TaskSpec['triggerRule']
  readonly approval: boolean | undefined
  readonly replay: TaskSpec['replay']
  readonly estimate: TaskSpec['estimate']
  readonly budget: TaskSpec['budget']
}

function extras(rich: true | 'settled'): fc.Arbitrary<Extras> {
  return fc.record({
    soft: back(1),
    order: back(1),
    triggerRule: oneIn(2, fc.constantFrom(...(rich === true ? RULES : SETTLED_RULES))),
    approval: oneIn(6, fc.boolean()),
    replay: oneIn(4, fc.constantFrom('safe' as const, 'never' as const)),
    estimate: oneIn(2, estimate),
    budget: rich === true ? oneIn(8, budgets) : fc.constant(undefined),
  })
}

function extrasOf({ soft, order, ...rest }: Extras, i: number): Partial<TaskSpec> {
  const [softAfter, orderAfter] = [idsOf(soft, i), idsOf(order, i)]
  const given = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined))
  return { ...(softAfter.length > 0 && { softAfter }), ...(orderAfter.length > 0 && { orderAfter }), ...given }
}

function idsOf(back: readonly number[], i: number): string[] {
  return [...new Set(back.map(steps => i - 1 - steps).filter(need => need >= 0))].map(need => `t${need}`)
}
