// What happens to failures: retries, a dead task, the tasks skipped because of it, and the share that is still delivered.
import { AgentError, Orchestrator } from 'counterpoint'

const orchestrator = new Orchestrator({
  pools: {
    agents: {
      defaults: { retries: 2, backoff: { baseMs: 20, maxMs: 100 } },
      backend: ({ task }, { attempt }) => {
        if (task.id === 'frontend' && attempt === 1)
          throw new AgentError('throttled', 'too many requests', { retryAfterMs: 30 })
        if (task.id === 'schema' && attempt < 3) throw new Error('the connection broke')
        if (task.id === 'backend') throw new Error('the generator gave up')
        return `${task.id}: ready`
      },
    },
  },
})

const run = orchestrator.run({
  tasks: [
    { id: 'frontend', weight: 3 },
    { id: 'schema', weight: 2 },
    { id: 'backend', weight: 3 },
    { id: 'audit', weight: 1, after: ['backend'] },
    { id: 'report', weight: 1, after: ['audit'] },
  ],
})

run.on('attempt.failed', ({ taskId, attempt, failure, verdict }) => {
  const next = 'delayMs' in verdict ? `${verdict.action} after ${verdict.delayMs} ms` : verdict.action
  console.log(`${taskId}, attempt ${attempt}: ${failure.kind}, ${failure.message}; ${next}`)
})
run.on('task.skipped', ({ taskId, rootCause }) => console.log(`${taskId} is skipped because of ${rootCause}`))

const result = await run.result
console.log(`${result.outcome}, ${result.delivered * 100} % delivered`)
for (const { taskId, status, failure, skipped } of result.rootCauses) {
  console.log(`root cause: ${taskId} is ${status} (${failure?.message}); skipped: ${skipped.join(', ')}`)
}
