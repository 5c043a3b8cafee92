// What happens to failures: retries, a dead task, the tasks skipped because of it, and the share that is still delivered.
import { AgentError, Orchestrator } from 'counterpoint'

const orchestrator = new Orchestrator({
  pools: { builders: { defaults: { retries: 2, backoff: { baseMs: 20, maxMs: 100 } } } },
})
const graph = orchestrator.graph('shop')

graph.task('frontend', {
  pool: 'builders',
  weight: 3,
  run: (_, { attempt }) => {
    if (attempt === 1) throw new AgentError('throttled', 'too many requests', { retryAfterMs: 30 })
    return 'frontend: ready'
  },
})
graph.task('schema', {
  pool: 'builders',
  weight: 2,
  run: (_, { attempt }) => {
    if (attempt < 3) throw new Error('the connection broke')
    return 'schema: ready'
  },
})
const backend = graph.task('backend', {
  pool: 'builders',
  weight: 3,
  run: () => {
    throw new Error('the generator gave up')
  },
})
const audit = graph.task('audit', { after: [backend], run: () => 'audit: nothing found' })
graph.task('report', { after: [audit], run: ({ outputs }) => outputs.audit })

const run = orchestrator.run(graph)
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
