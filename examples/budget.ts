// A budget that concurrent attempts never exceed together: they wait for each other. When it is used up, tasks are held.
import { setTimeout as sleep } from 'node:timers/promises'
import { Orchestrator, reply } from 'counterpoint'

const orchestrator = new Orchestrator({
  pools: {
    writer: {
      concurrency: 3,
      // Reserved before an attempt starts, and replaced by the real cost when it ends.
      defaults: { estimate: { costUsd: 0.2 } },
      backend: async ({ task, input }) => {
        await sleep(50)
        return reply({ output: `${task.id}: written`, usage: { costUsd: Number(input) } })
      },
    },
  },
})

const tasks = Array.from({ length: 7 }, (_, i) => ({ id: `chapter-${i + 1}`, input: i === 0 ? 0.05 : 0.15 }))
const run = orchestrator.run({ tasks }, { budget: { costUsd: 0.6, soft: 0.5, onHard: 'hold' } })

run.on('attempt.started', ({ taskId, reserved }) => console.log(`${taskId} starts, $${reserved?.costUsd} reserved`))
run.on('task.succeeded', ({ taskId, usage }) => console.log(`${taskId} cost $${usage?.costUsd}`))
run.on('budget.reached', ({ level, used, limit, action }) =>
  console.log(`-- ${level}: $${used.toFixed(2)} of $${limit} used or reserved: ${action}`),
)
run.on('budget.changed', ({ budget }) => console.log(`-- the budget is now $${budget.costUsd}`))
run.on('task.held', ({ taskId, reason }) => {
  if (reason === 'reserved') console.log(`${taskId} waits for reserved budget`)
  else decide()
})

/** Raises the budget once no task can continue without a decision. */
function decide(): void {
  const { held, total, ended } = run.progress()
  const waiting = held.filter(({ reason }) => reason === 'budget').map(({ id }) => id)
  if (waiting.length < total - ended) return
  console.log(`-- ${waiting.length} tasks are held for more budget: ${waiting.join(', ')}`)
  void run.setBudget({ costUsd: 0.9, onHard: 'stop' })
}

const { outcome, usage, tasks: chapters } = await run.result
const done = chapters.filter(({ status }) => status === 'succeeded')
console.log(`${outcome}: ${done.length} of ${chapters.length} chapters for $${usage.costUsd?.toFixed(2)}`)
for (const { id, status } of chapters)
  if (status !== 'succeeded') console.log(`${id} is ${status}: the budget is exhausted`)
