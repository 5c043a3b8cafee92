import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Orchestrator } from 'counterpoint'
import { fileJournal, processBackend } from 'counterpoint/node'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hasProc } from '../../src/node/process/process-table.js'
import { buildProgram, Child } from '../node/journal/child-process.js'
import { processesOf } from './processes.js'

const SOURCE = `import * as functions from './test/durable/other-process.ts'
const [what, folder] = process.argv.slice(2)
await functions[what](folder)`

const only = 'skipped where /proc does not show environments: run it on Linux'

describe.skipIf(!hasProc)(`a process (${only})`, () => {
  let root: string
  let path: string
  beforeAll(async () => {
    root = mkdtempSync(join(tmpdir(), 'counterpoint-processes-'))
    path = await buildProgram(root, SOURCE)
  })
  afterAll(() => rmSync(root, { recursive: true }))

  const folderOf = (name: string): string => {
    const folder = join(root, name)
    mkdirSync(folder)
    return folder
  }
  const outputOf = async (child: Child, last?: string): Promise<readonly string[]> => {
    const printed: string[] = []
    for (let line = await child.line(); line !== undefined; line = await child.line()) {
      printed.push(line)
      if (line === last) break
    }
    return printed
  }
  const resting = (folder: string): Orchestrator => {
    const backend = processBackend({ command: 'true' })
    return new Orchestrator({ pools: { p: { backend } }, journal: fileJournal({ folder }) })
  }

  test('that drains ends by itself, without process.exit, and leaves no process and a run that can be resumed', async () => {
    const folder = folderOf('drains')
    const child = new Child(path, 'drainPlan', folder)
    const printed = await outputOf(child)
    expect(await child.exit).toBe(0)
    expect(printed.slice(-2)).toEqual(['run.suspended', 'RUN_SUSPENDED'])
    expect(processesOf(folder)).toEqual([])
    const report = await resting(folder).runs.show('x')
    expect([report.status, report.tasks.map(task => task.status)]).toEqual([
      'suspended',
      ['delayed', 'delayed', 'blocked'],
    ])
  })

  test('locks its run against others, which can read it; once it is killed, they resume the run and kill its orphans', async () => {
    const folder = folderOf('runs')
    const child = new Child(path, 'runPlan', folder)
    await outputOf(child, 'task.delayed')
    const locked = { code: 'JOURNAL', message: expect.stringContaining(`pid ${child.process.pid}`) }
    const resume = () => resting(folder).resume('x')
    const { runs } = resting(folder)
    await expect(resume()).rejects.toMatchObject(locked)
    await expect(runs.delete('x')).rejects.toMatchObject(locked)
    expect((await runs.list()).map(({ runId, status }) => [runId, status])).toEqual([['x', 'running']])
    await child.kill()
    expect(processesOf(folder).length).toBeGreaterThan(0)
    const run = await resume()
    expect(processesOf(folder)).toEqual([])
    await run.cancelTask('fails')
    const { tasks } = await run.result
    expect(tasks.map(({ status, attempts }) => [status, attempts])).toEqual([
      ['succeeded', 2],
      ['cancelled', 1],
      ['succeeded', 1],
    ])
  })

  test('cannot resume a run that is live in this process', async () => {
    const folder = folderOf('intrudes')
    const orchestrator = new Orchestrator({
      pools: {
        p: { backend: (_, { signal }) => new Promise((_, reject) => signal.addEventListener('abort', reject)) },
      },
      journal: fileJournal({ folder }),
    })
    const run = orchestrator.run({ tasks: [{ id: 'a', description: 'a' }] }, { runId: 'x' })
    await new Promise(resolve => run.on('attempt.started', resolve))
    expect(await outputOf(new Child(path, 'resumeLockedRun', folder))).toEqual(['running', 'JOURNAL'])
    await run.cancel()
    expect((await run.result).outcome).toBe('cancelled')
  })

  test('is not killed when a run of the same id is resumed in another folder', async () => {
    const [mine, others] = [folderOf('mine'), folderOf('others')]
    const child = new Child(path, 'runPlan', others)
    await outputOf(child, 'task.delayed')
    await child.kill()
    const sleeps = processBackend({ command: 'sleep', args: ['60'], setEnv: { CRASH_TEST: mine } })
    const orchestrator = new Orchestrator({ pools: { p: { backend: sleeps } }, journal: fileJournal({ folder: mine }) })
    const run = orchestrator.run({ tasks: [{ id: 'sleeps', description: '' }] }, { runId: 'x' })
    try {
      await new Promise(resolve => run.on('attempt.started', resolve))
      await expect.poll(() => processesOf(mine).length).toBe(1)
      await (await resting(others).resume('x')).cancel()
      expect([processesOf(others).length, processesOf(mine).length]).toEqual([0, 1])
    } finally {
      await run.cancel()
    }
  })
})
