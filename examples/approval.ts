// A task that requires approval: the rest of the run continues, and the held task survives the end of the process.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Orchestrator, TaskGraph } from 'counterpoint'
import { fileJournal } from 'counterpoint/node'

const graph = new TaskGraph('refund')
const letter = graph.task('letter', { run: () => 'Dear customer, here is your refund.' })
const send = graph.task('send', {
  after: [letter],
  approval: true,
  run: ({ outputs }) => ({ sent: outputs.letter }),
})
graph.task('archive', { after: [send], run: () => 'archived' })
graph.task('statistics', { run: () => ({ refunds: 17 }) })

const folder = await mkdtemp(join(tmpdir(), 'counterpoint-approval-'))
/** Each process has a journal in the same folder. */
const newProcess = (): Orchestrator => new Orchestrator({ journal: fileJournal({ folder }) })

console.log('evening')
const evening = newProcess()
const run = evening.run(graph, { runId: 'refund-17' })
run.on('attempt.started', ({ taskId }) => console.log(`  ${taskId} starts`))
run.result.catch(({ code }) => console.log(`  the run has not settled: ${code}`))
await new Promise(resolve => run.on('task.held', resolve))
await new Promise(resolve => setTimeout(resolve, 20))
const { held, counts } = run.progress()
console.log(`  ${counts.succeeded} tasks succeeded; ${held[0]?.id} is held: ${held[0]?.reason}`)
await evening.drain()

console.log('morning, in another process')
const morning = newProcess()
for (const { runId, status } of await morning.runs.list()) console.log(`  the journal contains ${runId}: ${status}`)
// Functions are in no journal, so the graph is given again.
const resumed = await morning.resume('refund-17', { graph })
resumed.on('attempt.started', ({ taskId }) => console.log(`  ${taskId} starts`))
resumed.on('task.ready', ({ taskId, by }) => by !== undefined && console.log(`  ${taskId} was approved by ${by}`))

for (const { id, since } of resumed.progress().held) {
  console.log(`  ${id} has been held since ${new Date(since).toISOString()}`)
  await resumed.approve(id, { by: 'Ada' })
}
const { outcome, tasks } = await resumed.completed
console.log(`${outcome}: ${tasks.map(({ id, attempts }) => `${id} ${attempts} attempt`).join(', ')}`)
await rm(folder, { recursive: true })
