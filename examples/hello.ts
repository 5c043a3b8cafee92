// Three tasks on two pools: two run at the same time, the third starts as soon as both have succeeded.
import { setTimeout as sleep } from 'node:timers/promises'
import { Orchestrator } from 'counterpoint'

const orchestrator = new Orchestrator({
  pools: {
    writer: {
      concurrency: 2,
      backend: async ({ task }) => {
        await sleep(60)
        return `${task.description}.`
      },
    },
    editor: { backend: ({ outputs }) => Object.values(outputs).join(' ') },
  },
})

const run = orchestrator.run({
  tasks: [
    { id: 'opening', description: 'The sun rose over the harbour', pool: 'writer' },
    { id: 'ending', description: 'By noon every ship had gone', pool: 'writer' },
    { id: 'story', description: 'Put the parts together', pool: 'editor', after: ['opening', 'ending'] },
  ],
})
run.on('attempt.started', ({ taskId, pool }) => console.log(`${taskId} starts in ${pool}`))
run.on('task.succeeded', ({ taskId }) => console.log(`${taskId} succeeded`))

const { outcome, outputs, times } = await run.result
console.log(`${outcome}: ${outputs.story}`)
console.log(`${times.wallMs} ms instead of ${times.serialMs} ms serially`)
