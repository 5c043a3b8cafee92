// Agents as processes: requests on standard input, JSON Lines on standard output, and termination of the whole process tree.
import { Orchestrator } from 'counterpoint'
import { jsonRequest, processBackend } from 'counterpoint/node'

/** Any program will do. This one is a few lines of JavaScript, so that the example has no other requirements. */
const program = `
  const write = line => console.log(JSON.stringify(line))
  require('stream/consumers').json(process.stdin).then(({ task, input }) => {
    write({ progress: 0.5, message: 'counting ' + task.id })
    if (input === null) setInterval(() => {}, 1000)
    else write({ output: { words: input.split(' ').length }, usage: { inputTokens: 12, outputTokens: 3, costUsd: 0.001 } })
  })
`

const orchestrator = new Orchestrator({
  pools: {
    counter: {
      concurrency: 2,
      backend: processBackend({
        command: process.execPath,
        args: ['-e', program],
        stdin: jsonRequest,
        output: 'jsonl',
        killGraceMs: 500,
      }),
      defaults: { retries: 0 },
    },
  },
})

const run = orchestrator.run({
  tasks: [
    { id: 'short', input: 'so much depends' },
    { id: 'long', input: 'upon a red wheel barrow glazed with rain water' },
    { id: 'sleeper', timeoutMs: 300 },
  ],
})
run.on('attempt.progressed', ({ taskId, progress, message }) => console.log(`${taskId} ${progress}: ${message}`))

const { outcome, tasks, usage } = await run.result
for (const { id, status, output, failure } of tasks) console.log(id, status, output ?? failure?.message)
console.log(`${outcome}, ${usage.costUsd} dollars, ${usage.inputTokens} tokens in`)
