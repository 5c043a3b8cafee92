// A first program: three functions as tasks. Two run at the same time, the third starts as soon as both have succeeded.
import { Orchestrator, TaskGraph } from 'counterpoint'

const graph = new TaskGraph('story')
const opening = graph.task('opening', { run: async () => 'Once upon a time' })
const ending = graph.task('ending', { run: async () => ({ mood: 'happy', text: 'they lived happily ever after' }) })
const story = graph.task('story', {
  after: [opening, ending],
  run: ({ outputs }) => `${outputs.opening} ... and ${outputs.ending.text}.`,
})

const run = new Orchestrator().run(graph)
run.on('attempt.started', ({ taskId }) => console.log(`${taskId} started`))

const result = await run.completed
console.log(story.outputIn(result))
