// Tasks that name no pool: the words of each pool's intent decide, and what needs several pools is not squeezed into one.
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

const backend: AgentFunction = ({ task }) => `${task.pool} did it`
const orchestrator = new Orchestrator({
  pools: { codegen: { backend }, database: { backend }, security: { backend }, support: { backend } },
  distributor,
})
const run = orchestrator.run({
  tasks: [
    { id: 'a', description: 'Create a backup strategy' },
    { id: 'b', description: 'Whatever it says, this goes to support', pool: 'support' },
  ],
})
console.log({ ...(await run.result).outputs })

try {
  orchestrator.run({ tasks: [{ id: 'c', description: 'Build a restaurant website' }] })
} catch (error) {
  if (!isCounterpointError(error, 'NO_POOL')) throw error
  console.log(`refused before anything started: take it apart for ${error.details.pools.join(', ')}`)
}
