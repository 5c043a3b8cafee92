import { type Contender, missing, type Work } from './contender.js'
import type { Graph } from './graph.js'
import type { Watch } from './stopwatch.js'
import { Trace } from './trace.js'

/** What a contender needed for one workload. */
export interface Measured {
  /** Median over the rounds, in microseconds. */
  readonly perTaskUs: number
  /** Median over the rounds of the time, divided by that of the floor in the same round. */
  readonly timesFloor: number
}

/** How a contender fared; a text says why it was not measured. */
export type Outcome = Measured | string

/** What is short is repeated within a turn until it has taken so long, in milliseconds. */
const SHORTEST_MS = 50
/** For each round to come, everybody runs so long before the first: compiled code needs its time. */
const WARM_UP_MS = 100

/**
 * Measures contenders in turns, so that what slows the machine down for a while slows all of them. The first one is the floor.
 *
 * BAD: to collect garbage before each turn. The hidden classes of what is gone are collected too, the compiled code that knew them
 * with them, and every turn starts cold. GOOD: turns long enough that each pays for its own garbage, and another one first in each round.
 */
export async function measureRounds(
  contenders: readonly Contender[],
  graph: Graph,
  { rounds, watch }: { readonly rounds: number; readonly watch: Watch },
): Promise<Map<Contender, Outcome>> {
  const trace = new Trace(graph)
  const outcomes = new Map<Contender, Outcome>()
  const runners: Runner[] = []
  for (const contender of contenders) {
    const lack = missing(contender, graph)
    if (lack === undefined) runners.push(new Runner(contender, graph, trace, watch))
    else outcomes.set(contender, lack)
  }
  for (const runner of runners) await runner.warmUp(rounds)
  for (let round = 0; round < rounds; round++)
    for (let turn = 0; turn < runners.length; turn++) await runners[(round + turn) % runners.length]!.measure()
  const [floor] = runners
  for (const { contender, times } of runners)
    outcomes.set(contender, {
      perTaskUs: median(times),
      timesFloor: median(times.map((time, round) => time / floor!.times[round]!)),
    })
  return outcomes
}

class Runner {
  readonly contender: Contender
  /** In microseconds per task, by round. */
  readonly times: number[] = []
  readonly #go: () => Promise<unknown>
  readonly #size: number
  readonly #trace: Trace
  readonly #watch: Watch

  constructor(contender: Contender, graph: Graph, trace: Trace, watch: Watch) {
    this.contender = contender
    this.#go = contender.prepare(graph, trace.work)
    this.#size = graph.size
    this.#trace = trace
    this.#watch = watch
  }

  /** At least once. */
  async warmUp(rounds: number): Promise<void> {
    for (let spentMs = 0; spentMs < rounds * WARM_UP_MS; ) spentMs += await this.run()
  }

  async measure(): Promise<void> {
    let spentMs = 0
    let runs = 0
    for (; spentMs < SHORTEST_MS; runs++) spentMs += await this.run()
    this.times.push((spentMs * 1_000) / (runs * this.#size))
  }

  /** Runs all tasks once, checks them, and gives the time in milliseconds. */
  async run(): Promise<number> {
    this.#trace.reset()
    const read = this.#watch()
    await this.#go()
    const spentMs = read()
    check(this.contender, () => this.#trace.check())
    return spentMs
  }
}

/** Runs a probe through a contender: is the order right, is the limit kept? */
export async function tryOut(
  contender: Contender,
  graph: Graph,
  probe: { readonly work: Work; check(): void },
): Promise<void> {
  await contender.prepare(graph, probe.work)()
  check(contender, () => probe.check())
}

function check({ name }: Contender, look: () => void): void {
  try {
    look()
  } catch (error) {
    throw new Error(`${name} did not run the workload as it should`, { cause: error })
  }
}

/** The middle one; of an even number, the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}
