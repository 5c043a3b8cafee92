// A run can be changed while it runs: tasks join it, one is called off, and its events can be read from any place at any time.
import { setTimeout as sleep } from 'node:timers/promises'
import { Orchestrator } from 'counterpoint'

const orchestrator = new Orchestrator({
  pools: {
    crawler: {
      concurrency: 2,
      // A page takes 50 ms. An agent that watches its signal stops at once when it is told to.
      backend: async ({ task }, { signal }) => {
        await sleep(task.id === 'huge' ? 60_000 : 50, undefined, { signal })
        return `${task.id}: 3 links`
      },
    },
  },
})

const run = orchestrator.run({ tasks: [{ id: 'home' }, { id: 'huge' }, { id: 'index-of-huge', after: ['huge'] }] })

// What an agent finds becomes new work. A new task may wait for any task of the run, ended or not.
run.on('task.succeeded', async ({ taskId }) => {
  if (taskId !== 'home') return
  await run.add({
    tasks: [
      { id: 'about', after: ['home'] },
      { id: 'contact', after: ['home', 'about'] },
    ],
  })
  await run.cancelTask('huge', 'larger than the limit')
})

// A cursor: it began before anything happened, and could as well begin later; nothing is missed, and it holds nothing up.
for await (const event of run.events({ from: 1 })) {
  if (event.type === 'task.added') console.log(`${event.seq} ${event.taskId} joins`)
  if (event.type === 'task.cancelled') console.log(`${event.seq} ${event.taskId} is cancelled: ${event.reason}`)
  if (event.type === 'task.skipped')
    console.log(`${event.seq} ${event.taskId} is skipped, root cause ${event.rootCause}`)
  if (event.type === 'task.succeeded') console.log(`${event.seq} ${event.taskId} is done`)
}

const { outcome } = await run.result
const { ended, total, counts } = run.progress()
console.log(`${outcome}: ${ended} of ${total} ended, ${counts.succeeded} of them well`)
run.release()
