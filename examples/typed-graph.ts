// A plan built in code: inputs are computed from the typed outputs of dependencies, and schemas validate outputs.
import { Orchestrator, TaskGraph } from 'counterpoint'
import { z } from 'zod'

const graph = new TaskGraph('trip')

const cities = graph.task('cities', {
  description: 'Name two cities by the sea',
  pool: 'scout',
  output: z.object({ names: z.array(z.string()).min(2) }),
})

const weather = graph.task('weather', {
  description: 'How warm is it there?',
  pool: 'scout',
  after: [cities],
  // `cities` is { names: string[] } here: a wrong member does not compile.
  input: ({ cities }) => ({ ask: cities.names }),
  output: z.record(z.string(), z.number()),
})

const advice = graph.task('advice', {
  description: 'Where should we go?',
  pool: 'guide',
  after: [cities, weather],
  input: ({ cities, weather }) => cities.names.map(name => `${name}: ${weather[name]} degrees`),
  output: z.string(),
})

const orchestrator = new Orchestrator({
  pools: {
    scout: {
      backend: ({ task }) => (task.id === 'cities' ? { names: ['Porto', 'Bergen'] } : { Porto: 24, Bergen: 15 }),
    },
    guide: { backend: ({ input }) => `Compare ${JSON.stringify(input)}, then take the first.` },
  },
})
const result = await orchestrator.run(graph).result
const text: string | undefined = advice.outputIn(result)
console.log(`${result.outcome}: ${text}`)

// An output that does not match the schema is a failure, `invalid-output`: the agent is asked again, with feedback.
const failing = new Orchestrator({
  pools: {
    scout: { backend: () => ({ names: ['Atlantis'] }), defaults: { retries: 1, backoff: { baseMs: 10 } } },
    guide: { backend: () => '' },
  },
})
const failed = await failing.run(graph, { only: ['cities'] }).result
console.log(`${failed.outcome}: ${failed.rootCauses[0]?.failure?.message}`)
