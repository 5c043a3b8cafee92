// What SIGTERM wants: a real process is told to end, finishes what runs, starts nothing more; another one goes on with the run.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { isCounterpointError, Orchestrator } from 'counterpoint'
import { fileJournal } from 'counterpoint/node'

function orchestratorIn(folder: string): Orchestrator {
  const orchestrator = new Orchestrator({
    pools: { agents: { backend: ({ task }) => sleep(80, `${task.id}: done`), concurrency: 2 } },
    journal: fileJournal({ folder }),
  })
  orchestrator.on('attempt.started', ({ taskId }) => console.log(`${taskId} starts`))
  orchestrator.on('task.succeeded', ({ taskId }) => console.log(`${taskId} is done`))
  return orchestrator
}

/** The program that is deployed: it runs a plan until it has settled, or until it is told to end. */
async function work(folder: string): Promise<void> {
  const orchestrator = orchestratorIn(folder)
  process.once('SIGTERM', () => {
    console.log('SIGTERM: no more starts')
    void orchestrator.drain({ timeoutMs: 5_000 })
  })
  const tasks = ['a', 'b', 'c', 'd', 'e', 'f'].map(id => ({ id }))
  const { result } = orchestrator.run({ tasks }, { runId: 'deployed' })
  await result.catch(error => {
    if (!isCounterpointError(error, 'RUN_SUSPENDED')) throw error
    console.log('suspended, and nothing is lost')
  })
}

/** Starts it, tells it to end in the middle of its work, and goes on where it stopped. */
async function replaceIt(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'counterpoint-drain-'))
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url), folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(child, 'close')
  for await (const line of createInterface(child.stdout)) {
    console.log(`old process: ${line}`)
    if (line === 'd starts') child.kill('SIGTERM')
  }
  const [exitCode] = await ended
  console.log(`old process: exit code ${exitCode}`)
  const run = await orchestratorIn(folder).resume('deployed')
  const { outcome, tasks } = await run.result
  console.log(`${outcome}: ${tasks.filter(({ attempts }) => attempts === 1).length} of 6 tasks took one attempt`)
  await rm(folder, { recursive: true })
}

const [, , folder] = process.argv
await (folder === undefined ? replaceIt() : work(folder))
