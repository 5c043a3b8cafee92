// Resuming a run in another process, from its journal alone.
import { type AgentFunction, Orchestrator } from 'counterpoint'
import { slowJournal } from 'counterpoint/testing'

let calls = 0
const backend: AgentFunction = ({ task }) => {
  calls++
  return `${task.id} by call ${calls}`
}
const pools = { agents: backend }

// A journal for tests: records become durable on command. No event is emitted and no backend called before that.
const journal = slowJournal()
const before = new Orchestrator({ pools, journal })
const first = before.run(
  { tasks: [{ id: 'a' }, { id: 'b', after: ['a'] }, { id: 'c', after: ['b'] }] },
  { runId: 'night-shift' },
)
for (const event of ['task.succeeded', 'attempt.started'] as const)
  first.on(event, ({ type, taskId }) => console.log(`${type} ${taskId}`))
for (let flushed = 0; flushed <= 4; flushed++) {
  await journal.flush(flushed === 0 ? 0 : 1)
  console.log(`-- ${flushed} records durable, ${journal.waiting.length} waiting, ${calls} calls`)
}

first.on('error', () => {})
first.result.catch(error => console.log(`-- ${error.message}`))
journal.fail(new Error('no space left on device'))

console.log('-- another process opens the journal after the crash')
const after = new Orchestrator({ pools, journal: journal.afterCrash() })
after.on('run.recovered', ({ epoch }) => console.log(`process ${epoch} resumes the run`))
after.on('attempt.failed', ({ taskId, failure }) => console.log(`${taskId} was ${failure.kind}`))
const { outcome, tasks } = await (await after.resume('night-shift')).result
for (const { id, attempts, output } of tasks) console.log(`${id} took ${attempts} attempts: ${output}`)
console.log(outcome)
