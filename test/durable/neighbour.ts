import { Orchestrator, type TaskSpec } from 'counterpoint'
import { fileJournal, processBackend } from 'counterpoint/node'

/** Agents that sleep for a minute; but one whose task is `fails` fails at once. */
function sleepers(folder: string): Orchestrator {
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
  // Its second attempt would come in an hour.
  { id: 'fails', description: 'fails', backoff: { baseMs: 3_600_000, maxMs: 7_200_000 } },
  { id: 'waits', description: 'waits', after: ['sleeps'] },
]

/** A process that runs a plan in `folder`, and is there until it is killed. */
export function runs(folder: string): void {
  sleepers(folder).run({ tasks: TASKS }, { runId: 'x' })
}

/** A process that runs a plan, drains, and then has nothing to do: it must end by itself. */
export async function drains(folder: string): Promise<void> {
  const orchestrator = sleepers(folder)
  const run = orchestrator.run({ tasks: TASKS }, { runId: 'x' })
  const failed = new Promise<void>(resolve => run.on('task.delayed', () => resolve()))
  await failed
  await orchestrator.drain({ timeoutMs: 100 })
  console.log(await run.result.catch(({ code }: { code: string }) => code))
}

/** A process that looks at what another one runs, and tries to take it over. */
export async function intrudes(folder: string): Promise<void> {
  const orchestrator = sleepers(folder)
  console.log((await orchestrator.runs.show('x')).status)
  console.log(await orchestrator.resume('x').catch(({ code }: { code: string }) => code))
}
