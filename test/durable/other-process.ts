import { Orchestrator, type TaskSpec } from 'counterpoint'
import { fileJournal, processBackend } from 'counterpoint/node'

/** An orchestrator whose agents sleep for a minute; that of task `fails` fails at once. */
function orchestratorWithSleepers(folder: string): Orchestrator {
  const backend = processBackend(({ task }) => ({
    command: 'sh',
    args: ['-c', task.id === 'fails' ? 'exit 1' : 'sleep 60 & sleep 60'],
    setEnv: { CRASH_TEST: folder },
    killGraceMs: 200,
  }))
  const orchestrator = new Orchestrator({ pools: { p: { backend } }, journal: fileJournal({ folder }) })
  orchestrator.on('event', ({ type }) => console.log(type))
  return orchestrator
}

const TASKS: readonly TaskSpec[] = [
  { id: 'sleeps', description: 'sleeps' },
  // Its second attempt would start in an hour.
  { id: 'fails', description: 'fails', backoff: { baseMs: 3_600_000, maxMs: 7_200_000 } },
  { id: 'waits', description: 'waits', after: ['sleeps'] },
]

/** Runs a plan in `folder` until the process is killed. */
export function runPlan(folder: string): void {
  orchestratorWithSleepers(folder).run({ tasks: TASKS }, { runId: 'x' })
}

/** Runs a plan and drains: the process must then end by itself. */
export async function drainPlan(folder: string): Promise<void> {
  const orchestrator = orchestratorWithSleepers(folder)
  const run = orchestrator.run({ tasks: TASKS }, { runId: 'x' })
  const failed = new Promise<void>(resolve => run.on('task.delayed', () => resolve()))
  await failed
  await orchestrator.drain({ timeoutMs: 100 })
  console.log(await run.result.catch(({ code }: { code: string }) => code))
}

/** Reads the run of another process, and tries to resume it. */
export async function resumeLockedRun(folder: string): Promise<void> {
  const orchestrator = orchestratorWithSleepers(folder)
  console.log((await orchestrator.runs.show('x')).status)
  console.log(await orchestrator.resume('x').catch(({ code }: { code: string }) => code))
}
