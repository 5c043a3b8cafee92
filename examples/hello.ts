// A first program: three tasks, two of which run at the same time. The third starts as soon as both have succeeded.
import { setTimeout as sleep } from 'node:timers/promises'
import { Orchestrator } from 'counterpoint'

const orchestrator = new Orchestrator()
const graph = orchestrator.graph('story')

const opening = graph.task('opening', { run: () => sleep(60, 'The sun rose over the harbour.') })
const ending = graph.task('ending', { run: () => sleep(60, 'By noon every ship had gone.') })
const story = graph.task('story', {
  after: [opening, ending],
  run: ({ outputs }) => `${outputs.opening} ${outputs.ending}`,
})

const run = orchestrator.run(graph)
run.on('attempt.started', ({ taskId }) => console.log(`${taskId} starts`))
run.on('task.succeeded', ({ taskId }) => console.log(`${taskId} succeeded`))

const result = await run.completed
console.log(story.outputIn(result))
console.log(`${result.times.wallMs} ms instead of ${result.times.serialMs} ms serially`)
