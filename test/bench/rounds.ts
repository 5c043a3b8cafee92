import { type Contender, missing, type Work } from './contender.js'
import type { Graph } from './graph.js'
import type { Watch } from './stopwatch.js'
import { Trace } from './trace.js'

/** The time of a contender for one workload. */
export interface Measured {
  /** Median over the rounds, in microseconds. */
  readonly perTaskUs: number
  /** Median over the rounds of the time, divided by that of the floor in the same round. */
  readonly timesFloor: number
}

/** The result of a contender; a string says why it was not measured. */
export type Outcome = Measured | string

/** Short workloads are repeated within a turn until they have taken this long, in milliseconds. */
const SHORTEST_MS = 50
/** Warm-up time of each contender per round, so that the code is compiled before the first round. */
const WARM_UP_MS = 100

/**
 * Measures contenders in alternation, so that a temporary slowdown of the machine affects all of them. The first one is the floor.
 *
 * Garbage is not collected before each turn: that would also collect hidden classes and the compiled code that depends on them, so every
 * turn would start cold. Instead, turns are long enough that each pays for its own garbage, and each round starts with another contender.
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

  /** Runs all tasks once, verifies them, and returns the time in milliseconds. */
  async run(): Promise<number> {
    this.#trace.reset()
    const read = this.#watch()
    await this.#go()
    const spentMs = read()
    check(this.contender, () => this.#trace.check())
    return spentMs
  }
}

/** Verifies that a contender respects the order of tasks and the limit. */
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

/** The median; of an even number, the mean of the two middle values. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}
