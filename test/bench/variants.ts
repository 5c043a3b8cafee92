import {
  type AgentBackend,
  type AgentFunction,
  type AttemptContext,
  type Json,
  Orchestrator,
  type OrchestratorOptions,
  type PoolOptions,
  type RunOptions,
  TaskGraph,
  type TaskSpec,
} from 'counterpoint'
import type { StandardSchemaV1 } from '../../src/plan/standard-schema.js'
import { type Contender, SLOTS, type Work } from './contender.js'
import { expectCompleted } from './contenders/counterpoint.js'
import type { Graph } from './graph.js'
import type { Options } from './options.js'
import { type Measured, measureRounds } from './rounds.js'
import { watches } from './stopwatch.js'
import { figure, type Table, whole } from './table.js'
import { workloads } from './workloads.js'

/** A feature whose cost is measured. */
interface Variant {
  readonly listens?: boolean
  readonly agent?: (work: Work, input: Json, context: AttemptContext) => unknown
  readonly input?: (index: number) => Json | (() => Json)
  readonly output?: StandardSchemaV1<unknown, Json>
  /** Options of its pool, of its tasks, of the run and of the orchestrator. */
  readonly pool?: Partial<PoolOptions>
  readonly task?: Pick<TaskSpec, 'budget' | 'estimate'>
  readonly run?: RunOptions
  readonly host?: Partial<OrchestratorOptions>
}

const LARGE: Json = { text: 'x'.repeat(1_000), items: Array.from({ length: 20 }, (_, index) => index) }

const ANYTHING: StandardSchemaV1<unknown, Json> = {
  '~standard': { version: 1, vendor: 'bench', validate: value => ({ value: value as Json }) },
}

const numberOf = (input: Json): number => input as number

const plain: Variant = { agent: (work, input) => work(numberOf(input)) }

/** The first is the baseline. */
const VARIANTS: readonly (readonly [name: string, variant: Variant])[] = [
  ['instant agents, no listener', plain],
  ['a listener on `event`', { ...plain, listens: true }],
  ['agents that return a value, not a promise', { agent: (work, input) => void work(numberOf(input)) }],
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
]

const free = { costUsd: 0.000_001, tokens: 1 }

/** Flow control that never delays an attempt: the cost of its checks. The first is the baseline. */
const CONTROLS: readonly (readonly [name: string, variant: Variant])[] = [
  ['no flow control', plain],
  ['requests per window', { ...plain, pool: { requests: { limit: 1e9, perMs: 60_000 } } }],
  ['tokens per window', { ...plain, pool: { tokens: { limit: 1e9, perMs: 60_000 }, defaults: { estimate: free } } }],
  [
    'a limit key with both, and a bound on attempts in flight',
    {
      ...plain,
      pool: { limitKey: 'k', defaults: { estimate: free } },
      host: { limits: { k: { concurrency: 1_000, requests: { limit: 1e9, perMs: 60_000 } } } },
    },
  ],
  ['adaptive concurrency', { ...plain, pool: { concurrency: { min: 64, max: 128, start: 64 } } }],
  ['a health check before each task', { agent: plain.agent!, pool: { health: { beforeEach: true, freshMs: 60_000 } } }],
  ['a budget of the run', { ...plain, pool: { defaults: { estimate: free } }, run: { budget: { costUsd: 1_000 } } }],
  [
    'a budget of the orchestrator',
    { ...plain, pool: { defaults: { estimate: free } }, host: { budget: { costUsd: 1_000 } } },
  ],
  ['a budget of each task', { ...plain, task: { budget: { costUsd: 1 }, estimate: free } }],
  ['idle timeouts', { ...plain, pool: { defaults: { idleTimeoutMs: 60_000 } } }],
  ['queue and total timeouts', { ...plain, pool: { defaults: { queueTimeoutMs: 60_000, totalTimeoutMs: 60_000 } } }],
]

/** Cost of flow control, in microseconds per task. */
export function controlTable(options: Options, say: (line: string) => void): Promise<Table> {
  return tableOf('Cost of flow control', CONTROLS, options, say)
}

/** Cost of single features, in microseconds per task. */
export function variantTable(options: Options, say: (line: string) => void): Promise<Table> {
  return tableOf('Cost of single features', VARIANTS, options, say)
}

async function tableOf(
  title: string,
  variants: readonly (readonly [name: string, variant: Variant])[],
  options: Options,
  say: (line: string) => void,
): Promise<Table> {
  const size = options.sizes.findLast(each => each <= 10_000) ?? options.sizes[0]!
  say(`${title.toLowerCase()}, ${whole(size)} tasks`)
  const contenders = variants.map(([name, variant]) => contenderOf(name, variant))
  const graph = workloads[0]!.build(size)
  const watch = watches[options.clock]
  const outcomes = await measureRounds(contenders, graph, { rounds: options.rounds, watch })
  const costs = contenders.map(contender => (outcomes.get(contender) as Measured).perTaskUs)
  return {
    title,
    note: `Microseconds per task, ${whole(size)} independent tasks; and the difference to the first row.`,
    columns: ['', 'us', 'difference'],
    rows: variants.map(([name], at) => [name, figure(costs[at]!), at === 0 ? '' : figure(costs[at]! - costs[0]!)]),
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
        const pool: PoolOptions = { backend: backendOf(backend, variant), concurrency: SLOTS, ...variant.pool }
        const orchestrator = new Orchestrator({ pools: { agents: pool }, ...variant.host })
        if (variant.listens) orchestrator.on('event', () => {})
        await expectCompleted(orchestrator.run(plan, variant.run))
      }
    },
  }
}

/** With health checks, the backend needs a `health` method. */
function backendOf(run: AgentFunction, { pool }: Variant): AgentBackend {
  return pool?.health ? { run, health: () => true } : { run }
}

function planOf({ size }: Graph, { input = index => index, output, task }: Variant): TaskGraph {
  const plan = new TaskGraph('variants')
  for (let index = 0; index < size; index++)
    plan.task(`t${index}`, { pool: 'agents', input: input(index), ...(output && { output }), ...task })
  return plan
}
