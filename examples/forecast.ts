// Serial or parallel: a forecast runs a plan in virtual time and compares both. The mode 'auto' uses it.
import { setTimeout as sleep } from 'node:timers/promises'
import { type AgentFunction, chooseMode, forecast, Orchestrator, parsePlan } from 'counterpoint'

const { tasks } = parsePlan({
  tasks: [
    { id: 'schema', pool: 'database', durationMs: 45_000, estimate: { costUsd: 0.4 } },
    { id: 'frontend', pool: 'codegen', durationMs: 60_000, estimate: { costUsd: 1 } },
    { id: 'backend', pool: 'codegen', durationMs: 90_000, after: ['schema'], estimate: { costUsd: 1.2 } },
    { id: 'audit', pool: 'security', durationMs: 30_000, after: ['backend'], estimate: { costUsd: 0.4 } },
  ],
})

console.log('how many code generators are worth their cost?')
for (const concurrency of [1, 2, 4]) {
  const pools = { codegen: { concurrency }, database: { concurrency: 1 }, security: { concurrency: 1 } }
  const { serialMs, parallelMs, speedup, criticalPath } = forecast(tasks, { pools })
  console.log(
    `  ${concurrency}: ${parallelMs / 1000} s instead of ${serialMs / 1000} s, ${speedup.toFixed(2)} times as fast; ` +
      `critical path ${criticalPath.join(' > ')}`,
  )
}

console.log('which mode is chosen?')
const figures = forecast(tasks, { pools: { codegen: {}, database: {}, security: {} } })
for (const options of [{}, { maxExtraCostUsd: 0.1 }]) {
  const { mode, reason } = chooseMode(figures, options)
  console.log(`  ${mode}, with ${JSON.stringify(options)}: ${reason}`)
}

// A run with mode 'auto' chooses in the same way. Here the agents are a thousand times as fast as the plan declares.
let [running, most] = [0, 0]
const backend: AgentFunction = async ({ task }) => {
  most = Math.max(most, ++running)
  await sleep(30)
  running--
  return `${task.id}: done`
}
const orchestrator = new Orchestrator({ pools: { codegen: backend, database: backend, security: backend } })
for (const minSpeedup of [2, 1.1]) {
  const run = orchestrator.run({ tasks }, { mode: 'auto', auto: { minSpeedup } })
  run.on('run.mode-chosen', ({ mode, reason }) => console.log(`${mode}: ${reason}`))
  most = 0
  const { outcome } = await run.result
  console.log(`  ${outcome}, at most ${most} at a time`)
}
