// A task that requires approval: the rest of the run continues, and the held task survives the end of the process.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type AgentFunction, Orchestrator } from 'counterpoint'
import { fileJournal } from 'counterpoint/node'

const folder = await mkdtemp(join(tmpdir(), 'counterpoint-approval-'))
const backend: AgentFunction = ({ task, outputs }) => {
  console.log(`  the agent works on ${task.id}`)
  return task.id === 'letter' ? 'Dear customer, here is your refund.' : { sent: outputs.letter ?? null }
}
/** Each process creates the same pools, with a journal in the same folder. */
const newProcess = (): Orchestrator =>
  new Orchestrator({ pools: { agents: { backend } }, journal: fileJournal({ folder }) })

console.log('evening')
const evening = newProcess()
const run = evening.run(
  {
    tasks: [
      { id: 'letter' },
      { id: 'send', after: ['letter'], approval: true },
      { id: 'archive', after: ['send'] },
      { id: 'statistics' },
    ],
  },
  { runId: 'refund-17' },
)
run.result.catch(({ code }) => console.log(`  the run has not settled: ${code}`))
await new Promise(resolve => run.on('task.held', resolve))
await new Promise(resolve => setTimeout(resolve, 20))
const { held, counts } = run.progress()
console.log(`  ${counts.succeeded} tasks succeeded; ${held[0]?.id} is held: ${held[0]?.reason}`)
await evening.drain()

console.log('morning, in another process')
const morning = newProcess()
for (const { runId, status } of await morning.runs.list()) console.log(`  the journal contains ${runId}: ${status}`)
const resumed = await morning.resume('refund-17')
resumed.on('task.ready', ({ taskId, by }) => by !== undefined && console.log(`  ${taskId} was approved by ${by}`))

for (const { id, since } of resumed.progress().held) {
  console.log(`  ${id} has been held since ${new Date(since).toISOString()}`)
  await resumed.approve(id, { by: 'Ada' })
}
const { outcome, tasks } = await resumed.result
console.log(`${outcome}: ${tasks.map(({ id, attempts }) => `${id} ${attempts} attempt`).join(', ')}`)
await rm(folder, { recursive: true })
