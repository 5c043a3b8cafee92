import { type Contender, missing } from './contender.js'
import { counterpoint } from './contenders/counterpoint.js'
import { floor } from './contenders/floor.js'
import { contenders } from './contenders.js'
import type { Options } from './options.js'
import { type Measured, measureRounds, type Outcome, tryOut } from './rounds.js'
import { watches } from './stopwatch.js'
import { figure, type Table, whole } from './table.js'
import { Probe } from './trace.js'
import { type Workload, workloads } from './workloads.js'

/** Larger sizes are measured in fewer rounds. */
const FULL_ROUNDS = 100_000
const FEWER_ROUNDS = 3

/** The results, by workload and size. */
export type Speeds = Map<Workload, Map<number, Map<Contender, Outcome>>>

/** Measures the overhead per task of all contenders, from small sizes to large ones. */
export async function measureSpeed(options: Options, say: (line: string) => void): Promise<Speeds> {
  const speeds: Speeds = new Map()
  for (const workload of workloads.filter(({ name }) => options.workloads?.has(name) ?? true)) {
    const bySize = new Map<number, Map<Contender, Outcome>>()
    speeds.set(workload, bySize)
    const taking = takingPart(options)
    await tryAll(taking, workload, options.sizes[0]!)
    for (const size of options.sizes) {
      say(`${workload.name}, ${whole(size)} tasks`)
      const rounds = size > FULL_ROUNDS ? Math.min(options.rounds, FEWER_ROUNDS) : options.rounds
      bySize.set(size, await measureRounds(taking, workload.build(size), { rounds, watch: watches[options.clock] }))
    }
  }
  return speeds
}

/** The selected contenders, and the floor. */
export function takingPart(options: Options): Contender[] {
  return contenders.filter(each => each === floor || (options.contenders?.has(each.name) ?? true))
}

async function tryAll(taking: readonly Contender[], workload: Workload, size: number): Promise<void> {
  const graph = workload.build(size)
  for (const each of taking) if (missing(each, graph) === undefined) await tryOut(each, graph, new Probe(graph))
}

/** One table per size. */
export function speedTables(speeds: Speeds, { sizes }: Options): Table[] {
  return sizes.map(size => {
    const columns = [...speeds].map(([{ name }, bySize]) => ({ name, outcomes: bySize.get(size)! }))
    const rows = contenders
      .filter(each => columns.some(({ outcomes }) => typeof outcomes.get(each) === 'object'))
      .map(each => [nameOf(each), ...columns.map(({ outcomes }) => cell(outcomes.get(each), each))])
    return {
      title: `${whole(size)} tasks`,
      note: 'Microseconds per task, and the ratio to the floor. A dash means too slow to measure.',
      columns: ['', ...columns.map(({ name }) => name)],
      rows,
    }
  })
}

function nameOf({ name, graph }: Contender): string {
  return graph === 'own' ? name : `${name} *`
}

function cell(outcome: Outcome | undefined, contender: Contender): string {
  if (outcome === undefined) return '-'
  if (typeof outcome === 'string') return outcome
  return contender === floor
    ? figure(outcome.perTaskUs)
    : `${figure(outcome.perTaskUs)} (${figure(outcome.timesFloor)}x)`
}

/** How the cost per task grows with the number of tasks; empty if only one size was measured. */
export function growthTable(speeds: Speeds, { sizes }: Options): Table[] {
  const small = sizes.find(size => size >= 10_000) ?? sizes[0]!
  const large = sizes.at(-1)!
  if (small === large) return []
  const rows = [...speeds].map(([{ name }, bySize]) => {
    const growth = (contender: Contender): number =>
      measured(bySize.get(large), contender).perTaskUs / measured(bySize.get(small), contender).perTaskUs
    const [ours, floors] = [growth(counterpoint), growth(floor)]
    return [name, figure(ours), figure(floors), figure(ours / floors)]
  })
  return [
    {
      title: `Growth from ${whole(small)} to ${whole(large)} tasks`,
      note: 'Time per task with the larger number, divided by the time with the smaller one.',
      columns: ['', 'counterpoint', 'floor', 'ratio'],
      rows,
    },
  ]
}

function measured(outcomes: ReadonlyMap<Contender, Outcome> | undefined, contender: Contender): Measured {
  const outcome = outcomes?.get(contender)
  return typeof outcome === 'object' ? outcome : { perTaskUs: Number.NaN, timesFloor: Number.NaN }
}
