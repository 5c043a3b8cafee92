// A run outlives the process that began it: what its journal holds is enough to go on.
import { type AgentFunction, isCounterpointError, type Journal, memoryJournal, Orchestrator } from 'counterpoint'

const shared = memoryJournal()

/** A journal whose disk is full after `room` records: for a run, as if its process had ended there. */
function failingAfter(room: number): Journal {
  return {
    ...shared,
    async open(runId) {
      const open = await shared.open(runId)
      return {
        ...open,
        append(record) {
          if (room-- <= 0) throw new Error('no space left on device')
          return open.append(record)
        },
      }
    },
  }
}

let calls = 0
const backend: AgentFunction = ({ task }) => {
  calls++
  return `${task.id} by call ${calls}`
}
const pools = { agents: { backend, concurrency: 1 } }
const plan = { tasks: [{ id: 'a' }, { id: 'b', after: ['a'] }, { id: 'c', after: ['b'] }] }

const before = new Orchestrator({ pools, journal: failingAfter(4) })
const cutShort = before.run(plan, { runId: 'night-shift' })
cutShort.on('error', ({ where, error }) => console.log(`${where}: ${error instanceof Error ? error.message : error}`))
try {
  await cutShort.result
} catch (error) {
  if (!isCounterpointError(error, 'JOURNAL')) throw error
  console.log(error.message)
}

const after = new Orchestrator({ pools, journal: shared })
after.on('run.recovered', ({ epoch }) => console.log(`process ${epoch} goes on`))
after.on('attempt.failed', ({ taskId, failure }) => console.log(`${taskId} was ${failure.kind}: ${failure.message}`))
const run = await after.resume('night-shift')
const { outcome, tasks } = await run.result
for (const { id, attempts, output } of tasks) console.log(`${id} took ${attempts} attempts: ${output}`)
console.log(`${outcome}, in the journal: ${[...(await shared.list())]}`)
