import { parsePlan } from 'counterpoint'
import { plansOf } from './contenders/counterpoint.js'
import type { Options } from './options.js'
import { median } from './rounds.js'
import { type Watch, watches } from './stopwatch.js'
import { figure, type Table, whole } from './table.js'
import { workloads } from './workloads.js'

/** The cost of building a plan in code, and of parsing one from text. */
export function planTable({ sizes, rounds, clock }: Options, say: (line: string) => void): Table {
  const size = sizes.findLast(each => each <= 100_000) ?? sizes[0]!
  const rows = workloads.slice(0, 4).map(({ name, build }) => {
    say(`plans, ${name}, ${whole(size)} tasks`)
    const graph = build(size)
    const [plan] = plansOf(graph)
    const text = JSON.stringify({ tasks: plan!.tasks })
    const perTask = (what: () => unknown): string => figure((medianMs(what, rounds, watches[clock]) * 1_000) / size)
    return [name, perTask(() => plansOf(graph)[0]!.tasks), perTask(() => parsePlan(text))]
  })
  return {
    title: `Building plans of ${whole(size)} tasks`,
    note: 'Microseconds per task, including validation.',
    columns: ['', 'TaskGraph', 'parsePlan'],
    rows,
  }
}

function medianMs(what: () => unknown, rounds: number, watch: Watch): number {
  const times: number[] = []
  what()
  for (let round = 0; round < rounds; round++) {
    const read = watch()
    what()
    times.push(read())
  }
  return median(times)
}
