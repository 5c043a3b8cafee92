import { join } from 'node:path'
import { type Journal, Orchestrator, type PoolOptions, TaskDistributor } from 'counterpoint'
import { agentIntents } from 'counterpoint/intents'
import { jsonRequest, processBackend } from 'counterpoint/node'
import { agentProgram } from './paths.js'

/** The pools of the sample plan: their concurrency and the defaults of their tasks. */
const pools = {
  codegen: { concurrency: 3, timeoutMs: 300_000, retries: 2 },
  security: { concurrency: 2, timeoutMs: 300_000, retries: 2 },
  database: { concurrency: 2, timeoutMs: 180_000, retries: 2 },
} as const

/** The environment of the agents. */
export interface Surroundings {
  /** Agents write into the folder with the id of their run inside this one. */
  readonly out: string
  /** Time scale of the agents: 1 is real time. */
  readonly scale: number
}

/** Three pools of process agents. Tasks that name no pool are routed by their description. */
export function restaurantOrchestrator(journal: Journal, surroundings: Surroundings): Orchestrator {
  return new Orchestrator({
    pools: {
      codegen: pool('codegen', surroundings),
      security: pool('security', surroundings),
      database: pool('database', surroundings),
    },
    distributor: new TaskDistributor({ intents: agentIntents }),
    journal,
  })
}

/** The folder depends only on the id of the run, so a continued run writes to the same place. */
function pool(name: keyof typeof pools, { out, scale }: Surroundings): PoolOptions {
  const { concurrency, ...defaults } = pools[name]
  const backend = processBackend(({ runId }) => ({
    command: process.execPath,
    args: [agentProgram(name)],
    stdin: jsonRequest,
    output: 'jsonl',
    setEnv: { RESTAURANT_OUT: join(out, runId), RESTAURANT_SCALE: String(scale) },
  }))
  return { backend, concurrency, defaults }
}
