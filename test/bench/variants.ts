import {
  type AgentFunction,
  type AttemptContext,
  type Json,
  Orchestrator,
  type RunResult,
  type StandardSchemaV1,
  TaskGraph,
} from 'counterpoint'
import { type Contender, SLOTS, type Work } from './contender.js'
import { expectCompleted } from './contenders/counterpoint.js'
import type { Graph } from './graph.js'
import type { Options } from './options.js'
import { type Measured, measureRounds } from './rounds.js'
import { watches } from './stopwatch.js'
import { figure, type Table, whole } from './table.js'
import { workloads } from './workloads.js'

/** What a host may ask for besides, and what it then pays for. */
interface Variant {
  readonly listens?: boolean
  readonly agent?: (work: Work, input: Json, context: AttemptContext) => unknown
  readonly input?: (index: number) => Json | (() => Json)
  readonly output?: StandardSchemaV1<unknown, Json>
  readonly read?: (result: RunResult) => unknown
}

const LARGE: Json = { text: 'x'.repeat(1_000), items: Array.from({ length: 20 }, (_, index) => index) }

const ANYTHING: StandardSchemaV1<unknown, Json> = {
  '~standard': { version: 1, vendor: 'bench', validate: value => ({ value: value as Json }) },
}

const numberOf = (input: Json): number => input as number

const plain: Variant = { agent: (work, input) => work(numberOf(input)) }

/** The first is what the others are compared with. */
const VARIANTS: readonly (readonly [name: string, variant: Variant])[] = [
  ['instant agents, nobody listens', plain],
  ['a listener on `event`', { ...plain, listens: true }],
  ['agents that answer without a promise', { agent: (work, input) => void work(numberOf(input)) }],
  [
    'agents that read `context.signal`',
    {
      agent: (work, input, context) => {
        if (context.signal.aborted) throw new Error('expected a live attempt')
        return work(numberOf(input))
      },
    },
  ],
  [
    'agents that report progress once',
    {
      agent: (work, input, context) => {
        context.report({ progress: 0.5 })
        return work(numberOf(input))
      },
    },
  ],
  ['outputs of 1 KB', { agent: (work, input) => work(numberOf(input)).then(() => LARGE) }],
  ['an input function for each task', { ...plain, input: index => () => index }],
  ['an output schema for each task', { ...plain, output: ANYTHING }],
  [
    'reading all of the result',
    { ...plain, read: result => [result.outputs, result.times, result.usage, result.delivered] },
  ],
]

/** What each thing costs that a host may ask for, in microseconds per task. */
export async function variantTable(options: Options, say: (line: string) => void): Promise<Table> {
  const size = options.sizes.findLast(each => each <= 10_000) ?? options.sizes[0]!
  say(`variants, ${whole(size)} tasks`)
  const contenders = VARIANTS.map(([name, variant]) => contenderOf(name, variant))
  const graph = workloads[0]!.build(size)
  const watch = watches[options.clock]
  const outcomes = await measureRounds(contenders, graph, { rounds: options.rounds, watch })
  const costs = contenders.map(contender => (outcomes.get(contender) as Measured).perTaskUs)
  return {
    title: 'What costs what',
    note: `Microseconds per task, ${whole(size)} independent ones; and what that is more, or less, than the first line.`,
    columns: ['', 'us', 'more'],
    rows: VARIANTS.map(([name], at) => [name, figure(costs[at]!), at === 0 ? '' : figure(costs[at]! - costs[0]!)]),
  }
}

function contenderOf(name: string, variant: Variant): Contender {
  return {
    name,
    graph: 'own',
    largest: Number.POSITIVE_INFINITY,
    prepare(graph, work) {
      const plan = planOf(graph, variant)
      const backend: AgentFunction = ({ input }, context) => variant.agent?.(work, input, context)
      return async () => {
        const orchestrator = new Orchestrator({ pools: { agents: { backend, concurrency: SLOTS } } })
        if (variant.listens) orchestrator.on('event', () => {})
        const run = orchestrator.run(plan)
        await expectCompleted(run)
        if (variant.read) return variant.read(await run.result)
      }
    },
  }
}

function planOf({ size }: Graph, { input = index => index, output }: Variant): TaskGraph {
  const plan = new TaskGraph('variants')
  for (let index = 0; index < size; index++)
    plan.task(`t${index}`, { pool: 'agents', input: input(index), ...(output && { output }) })
  return plan
}
