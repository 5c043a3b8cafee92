import { Orchestrator } from 'counterpoint'
import { fileJournal, processBackend } from 'counterpoint/node'

const open = (folder: string, agent: string | undefined): Orchestrator => {
  const options = {
    command: '/bin/sh',
    args: ['-c', agent ?? ''],
    setEnv: { FOLDER: folder },
    output: 'jsonl',
  } as const
  const backend = processBackend(options)
  const next = { ...backend, run: () => 'the next attempt' }
  return new Orchestrator({
    pools: { p: { backend: agent === undefined ? next : backend } },
    journal: fileJournal({ folder: `${folder}/journal`, durability: 'os' }),
  })
}

/** Runs one task, whose agent is a script for the shell, until this process is killed. */
export async function run(folder: string, agent: string): Promise<void> {
  await open(folder, agent).run({ tasks: [{ id: 'a' }] }, { runId: 'x' }).result
}

/** The same, and cancels the run when a line is written to standard input. */
export async function cancel(folder: string, agent: string): Promise<void> {
  const live = open(folder, agent).run({ tasks: [{ id: 'a' }] }, { runId: 'x' })
  process.stdin.once('data', () => live.cancel()).once('data', () => process.stdin.destroy())
  console.log((await live.result).outcome)
}

/** Resumes that run. Prints what became of the task, and after how many attempts. */
export async function resume(folder: string): Promise<void> {
  const { tasks } = await (await open(folder, undefined).resume('x')).result
  console.log(`${tasks[0]?.status} ${tasks[0]?.attempts}`)
}
