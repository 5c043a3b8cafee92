// A typed plan: an output has the type of its function or its schema, and a wrong member, id or pool does not compile.
import { Orchestrator } from 'counterpoint'
import { z } from 'zod'

const orchestrator = new Orchestrator({
  pools: {
    // An agent that names too few cities, until it is told what was wrong.
    scout: ({ feedback }) => ({ names: feedback === undefined ? ['Atlantis'] : ['Porto', 'Bergen'] }),
    guide: ({ input }) => `Compare ${JSON.stringify(input)}, then take the first.`,
  },
})
const graph = orchestrator.graph('trip')

const cities = graph.task('cities', {
  description: 'Name two cities by the sea',
  pool: 'scout',
  // Any Standard Schema (zod, valibot, arktype): an output that does not match it is an invalid answer.
  output: z.object({ names: z.array(z.string()).min(2) }),
})

const weather = graph.task('weather', {
  after: [cities],
  run: ({ outputs }) => outputs.cities.names.map((name, i) => ({ name, degrees: 24 - 9 * i })),
})

const advice = graph.task('advice', {
  description: 'Where should we go?',
  pool: 'guide',
  after: [weather],
  input: ({ weather }) => weather.map(({ name, degrees }) => `${name}: ${degrees} degrees`),
  output: z.string(),
})

const run = orchestrator.run(graph)
run.on('attempt.failed', ({ taskId, failure, verdict }) =>
  console.log(`${taskId}, ${verdict.action}: ${failure.message}`),
)

const result = await run.completed
const text: string | undefined = advice.outputIn(result)
console.log(text)
