import { agentIntents, Orchestrator, TaskDistributor } from 'counterpoint'
import { jsonRequest, processBackend } from 'counterpoint/node'
import { agentProgram } from './paths.js'

/** The pools of the story: how many agents of a kind work at once, and what their tasks may take. */
const pools = {
  codegen: { concurrency: 3, timeoutMs: 300_000, retries: 2 },
  security: { concurrency: 2, timeoutMs: 300_000, retries: 2 },
  database: { concurrency: 2, timeoutMs: 180_000, retries: 2 },
} as const

/** Three pools of agents that are processes. Tasks that name no pool are placed by what they say. */
export function restaurantOrchestrator(folder: string, scale: number): Orchestrator {
  return new Orchestrator({
    pools: {
      codegen: pool('codegen', folder, scale),
      security: pool('security', folder, scale),
      database: pool('database', folder, scale),
    },
    distributor: new TaskDistributor({ intents: agentIntents }),
  })
}

function pool(name: keyof typeof pools, folder: string, scale: number) {
  const { concurrency, ...defaults } = pools[name]
  const backend = processBackend({
    command: process.execPath,
    args: [agentProgram(name)],
    stdin: jsonRequest,
    output: 'jsonl',
    setEnv: { RESTAURANT_OUT: folder, RESTAURANT_SCALE: String(scale) },
  })
  return { backend, concurrency, defaults }
}
