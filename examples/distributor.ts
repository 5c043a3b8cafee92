// Routing tasks that name no pool: by the intents of the pools. A task that needs several pools is not forced into one.
import { type AgentFunction, isCounterpointError, Orchestrator, TaskDistributor } from 'counterpoint'
import { agentIntents } from 'counterpoint/intents'

const distributor = new TaskDistributor({
  intents: {
    ...agentIntents,
    support: { words: ['refund', 'complaint', 'customer'], phrases: ['reply to'] },
  },
})

for (const description of [
  'Fix the login button on the start page',
  'Optimize slow queries',
  'Look for cross-site scripting in the comments',
  'Reply to the customer who wants a refund',
  'Build a restaurant website with online booking',
  'Water the plants',
]) {
  const found = await distributor.distribute({ id: 'x', description })
  const where = found.kind === 'pool' ? found.pool : `${found.kind}: ${found.pools.join(', ')}`
  console.log(`${found.confidence.toFixed(2)}  ${description} -> ${where}`)
}

const backend: AgentFunction = ({ task }) => `done by ${task.pool}`
const orchestrator = new Orchestrator({
  pools: { codegen: backend, database: backend, security: backend, support: backend },
  distributor,
})
const run = orchestrator.run({
  tasks: [
    { id: 'a', description: 'Create a backup strategy' },
    { id: 'b', description: 'This names its pool, so the words do not matter', pool: 'support' },
  ],
})
console.log({ ...(await run.result).outputs })

try {
  orchestrator.run({ tasks: [{ id: 'c', description: 'Build a restaurant website' }] })
} catch (error) {
  if (!isCounterpointError(error, 'NO_POOL')) throw error
  console.log(`rejected before anything started; it needs several pools: ${error.details.pools.join(', ')}`)
}
