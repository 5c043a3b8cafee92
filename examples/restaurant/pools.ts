import { join } from 'node:path'
import { type Journal, Orchestrator, type PoolOptions, TaskDistributor } from 'counterpoint'
import { agentIntents } from 'counterpoint/intents'
import { jsonRequest, processBackend } from 'counterpoint/node'
import { agentProgram } from './paths.js'

/** The pools of the story: how many agents of a kind work at once, and what their tasks may take. */
const pools = {
  codegen: { concurrency: 3, timeoutMs: 300_000, retries: 2 },
  security: { concurrency: 2, timeoutMs: 300_000, retries: 2 },
  database: { concurrency: 2, timeoutMs: 180_000, retries: 2 },
} as const

/** What agents need to know of the world. */
export interface Surroundings {
  /** The agents of a run write into the folder in here that has the name of the run. */
  readonly out: string
  /** How long agents take: at 1 as long as in the story. */
  readonly scale: number
}

/** Three pools of agents that are processes. Tasks that name no pool are placed by what they say. */
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

/** The folder follows from the id of the run: a run that is continued writes where it wrote before. */
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
