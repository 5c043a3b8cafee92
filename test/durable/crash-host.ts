import { writeSync } from 'node:fs'
import { join } from 'node:path'
import { isCounterpointError, Orchestrator, type PoolOptions, type Run } from 'counterpoint'
import { fileJournal, processBackend } from 'counterpoint/node'
import { AGENT, type Instructions, planOf, poisonedPlan } from './crash-plan.js'

/** Synchronous, so that no emitted event is lost with the process. */
function print(word: string, value: unknown): void {
  writeSync(1, `${word} ${JSON.stringify(value)}\n`)
}

const pool = (folder: string, concurrency: number): PoolOptions => ({
  concurrency,
  backend: processBackend(({ task }) => {
    const { behavior, workMs, fails } = task.context as unknown as Instructions
    return {
      command: 'sh',
      args: ['-c', AGENT, 'agent', behavior, String(workMs / 1_000), String(fails)],
      setEnv: { STARTS: join(folder, 'starts'), CRASH_TEST: folder },
      output: 'json',
      killGraceMs: 50,
      drainMs: 50,
    }
  }),
})

/**
 * The process that the crash tests kill: runs a plan whose agents are processes, or resumes it, and prints all its events.
 * `folder` contains its journal, `runs`, and the list of agent starts, `starts`.
 */
export async function crashHost(folder: string, seed: string): Promise<void> {
  const orchestrator = new Orchestrator({
    pools: { small: pool(folder, 1), large: pool(folder, 4) },
    journal: fileJournal({ folder: join(folder, 'runs') }),
  })
  orchestrator.on('event', event => print('event', event))
  orchestrator.on('error', ({ where, error }) => print('error', `${where}: ${error}`))
  print('started', process.pid)
  const run = await runOrResume(orchestrator, seed)
  const { outcome, outputs } = await run.result
  print('settled', { outcome, outputs })
}

async function runOrResume(orchestrator: Orchestrator, seed: string): Promise<Run> {
  try {
    return await orchestrator.resume(`run-${seed}`)
  } catch (error) {
    if (!isCounterpointError(error, 'NOT_FOUND')) throw error
    const tasks = seed === 'poison' ? poisonedPlan() : planOf(Number(seed))
    return orchestrator.run({ tasks }, { runId: `run-${seed}` })
  }
}
