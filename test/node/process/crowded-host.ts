import { readdirSync } from 'node:fs'
import { Orchestrator } from 'counterpoint'
import { processBackend } from 'counterpoint/node'

/**
 * Runs many tasks in a pool that is too large for this process. Prints how many of them succeeded, how many attempts failed by code, and how
 * many files are open at the end, compared with the beginning.
 */
export async function crowd(tasks: string, command = 'echo', arg = 'done'): Promise<void> {
  const files = (): number => readdirSync('/proc/self/fd').length
  const backend = processBackend({ command, args: [arg] })
  const orchestrator = new Orchestrator({
    pools: {
      agents: {
        backend,
        concurrency: 15,
        breaker: { failures: 1_000 },
        defaults: { backoff: { baseMs: 50, maxMs: 300 } },
      },
    },
  })
  await orchestrator.run({ tasks: [{ id: 'warm' }] }).result
  const before = files()
  const codes: Record<string, number> = {}
  const run = orchestrator.run({ tasks: Array.from({ length: Number(tasks) }, (_, i) => ({ id: `t${i}` })) })
  run.on('attempt.failed', ({ failure }) => {
    const name = `${failure.kind} ${failure.code}`
    codes[name] = (codes[name] ?? 0) + 1
  })
  const ended = (await run.result).tasks
  const succeeded = ended.filter(({ status }) => status === 'succeeded').length
  await new Promise(resolve => setTimeout(resolve, 200))
  console.log(JSON.stringify({ succeeded, codes, leaked: files() - before }))
}
