// Graceful shutdown: on SIGTERM a process finishes its running attempts and starts nothing more. Another one resumes the run.
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
  orchestrator.on('task.succeeded', ({ taskId }) => console.log(`${taskId} succeeded`))
  return orchestrator
}

/** The deployed program: runs a plan until it has settled or SIGTERM arrives. */
async function work(folder: string): Promise<void> {
  const orchestrator = orchestratorIn(folder)
  process.once('SIGTERM', () => {
    console.log('SIGTERM: draining')
    void orchestrator.drain({ timeoutMs: 5_000 })
  })
  const tasks = ['a', 'b', 'c', 'd', 'e', 'f'].map(id => ({ id }))
  const { result } = orchestrator.run({ tasks }, { runId: 'deployed' })
  await result.catch(error => {
    if (!isCounterpointError(error, 'RUN_SUSPENDED')) throw error
    console.log('suspended')
  })
}

/** Starts it, sends SIGTERM while it works, and resumes its run. */
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
