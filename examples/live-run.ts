// Changing a live run: tasks are added, one is cancelled, and a cursor reads the events.
import { setTimeout as sleep } from 'node:timers/promises'
import { Orchestrator } from 'counterpoint'

const orchestrator = new Orchestrator({
  pools: {
    crawler: {
      concurrency: 2,
      // Takes as long as the page is large. A backend that observes its signal stops at once when its task is cancelled.
      backend: async ({ task, input }, { signal }) => {
        await sleep(Number(input), undefined, { signal })
        return `${task.id}: 3 links`
      },
    },
  },
})

const run = orchestrator.run({
  tasks: [
    { id: 'home', input: 50 },
    { id: 'huge', input: 60_000 },
    { id: 'index-of-huge', after: ['huge'] },
  ],
})

// Adds the pages that an agent found. A new task may depend on any task of the run, including tasks that have ended.
run.on('task.succeeded', async ({ taskId }) => {
  if (taskId !== 'home') return
  await run.add({
    tasks: [
      { id: 'about', input: 50, after: ['home'] },
      { id: 'contact', input: 50, after: ['home', 'about'] },
    ],
  })
  await run.cancelTask('huge', 'larger than the limit')
})

// A cursor misses no event, wherever and whenever it begins, and a slow reader does not block the run.
for await (const event of run.events()) {
  if (event.type === 'task.added') console.log(`${event.seq} ${event.taskId} added`)
  if (event.type === 'task.cancelled') console.log(`${event.seq} ${event.taskId} cancelled: ${event.reason}`)
  if (event.type === 'task.skipped') console.log(`${event.seq} ${event.taskId} skipped, root cause ${event.rootCause}`)
  if (event.type === 'task.succeeded') console.log(`${event.seq} ${event.taskId} succeeded`)
}

const { outcome } = await run.result
const { ended, total, counts } = run.progress()
console.log(`${outcome}: ${ended} of ${total} tasks ended, ${counts.succeeded} succeeded`)
run.release()
