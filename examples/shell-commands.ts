// Fifty shell commands, eight at a time: what fails is tried again, what hangs is killed together with all its processes.
import { Orchestrator } from 'counterpoint'
import { processBackend, type TextOutput } from 'counterpoint/node'

const commands = [
  'sleep 60 & sleep 60; echo never',
  'echo "no such branch" >&2; exit 3',
  'test $COUNTERPOINT_ATTEMPT -gt 1 && echo "the second attempt"',
  'uname -s | tr a-z A-Z',
  ...Array.from({ length: 46 }, (_, i) => `echo $((${i} * ${i}))`),
]

const orchestrator = new Orchestrator({
  pools: {
    shell: {
      concurrency: 8,
      // The shell reads its command from standard input.
      backend: processBackend({ command: 'sh', stdin: ({ input }) => `${input}\n` }),
      defaults: { timeoutMs: 1_200, retries: 1, backoff: { baseMs: 50 } },
    },
  },
})

const run = orchestrator.run({
  tasks: commands.map((input, i) => ({ id: `command-${i + 1}`, input })),
})
run.on('attempt.failed', ({ taskId, failure, verdict }) =>
  console.log(`${taskId}, ${verdict.action}: ${failure.message.replace('\n', ' ')}`),
)

const { outcome, delivered, tasks, times } = await run.result
for (const [i, task] of tasks.entries()) {
  const result = task.status === 'succeeded' ? (task.output as TextOutput).text.trim() : `is ${task.status}`
  console.log(`${commands[i]}`.padEnd(64), result)
}
console.log(`${outcome}: ${delivered * 100} % of ${tasks.length} commands in ${(times.wallMs / 1000).toFixed(1)} s`)
