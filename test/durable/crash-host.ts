import { writeSync } from 'node:fs'
import { join } from 'node:path'
import { isCounterpointError, Orchestrator, type PoolOptions, type Run } from 'counterpoint'
import { fileJournal, processBackend } from 'counterpoint/node'
import { AGENT, type Part, planOf, poisonedPlan } from './crash-plan.js'

/** At once, so that nothing that was heard is lost with the process. */
function say(word: string, value: unknown): void {
  writeSync(1, `${word} ${JSON.stringify(value)}\n`)
}

const pool = (folder: string, concurrency: number): PoolOptions => ({
  concurrency,
  backend: processBackend(({ task }) => {
    const { fate, workMs, fails } = task.context as unknown as Part
    return {
      command: 'sh',
      args: ['-c', AGENT, 'agent', fate, String(workMs / 1_000), String(fails)],
      setEnv: { STARTS: join(folder, 'starts'), CRASH_TEST: folder },
      output: 'json',
      killGraceMs: 50,
      drainMs: 50,
    }
  }),
})

/**
 * The process that the crash tests kill: runs a plan with agents that are processes, or goes on with it, and says all that it hears.
 * In `folder` it has its journal, `runs`, and the list of starts of agents, `starts`.
 */
export async function crashHost(folder: string, seed: string): Promise<void> {
  const orchestrator = new Orchestrator({
    pools: { small: pool(folder, 1), large: pool(folder, 4) },
    journal: fileJournal({ folder: join(folder, 'runs') }),
  })
  orchestrator.on('event', event => say('heard', event))
  orchestrator.on('error', ({ where, error }) => say('error', `${where}: ${error}`))
  say('begins', process.pid)
  const run = await goOn(orchestrator, seed)
  const { outcome, outputs } = await run.result
  say('settled', { outcome, outputs })
}

async function goOn(orchestrator: Orchestrator, seed: string): Promise<Run> {
  try {
    return await orchestrator.resume(`run-${seed}`)
  } catch (error) {
    if (!isCounterpointError(error, 'NOT_FOUND')) throw error
    const tasks = seed === 'poison' ? poisonedPlan() : planOf(Number(seed))
    return orchestrator.run({ tasks }, { runId: `run-${seed}` })
  }
}
