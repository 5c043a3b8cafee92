import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type AgentFunction, Orchestrator } from 'counterpoint'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { UsageError } from '../../examples/restaurant/flags.js'
import {
  filesOf,
  makeRunFolder,
  newRunId,
  removeUnusedFolder,
  storeResult,
} from '../../examples/restaurant/output-folder.js'
import { planFile } from '../../examples/restaurant/paths.js'
import { resume, type Stage } from '../../examples/restaurant/perform.js'
import { StoredRuns } from '../../examples/restaurant/stored-runs.js'
import { Terminal } from '../../examples/restaurant/terminal.js'

let out: string
let stored: StoredRuns

beforeEach(() => {
  out = mkdtempSync(join(tmpdir(), 'restaurant-runs-'))
  stored = new StoredRuns(out)
})

afterEach(() => rmSync(out, { recursive: true, force: true }))

/** Runs two tasks with a function as the agent, and stores the run like the main program. */
async function storeRun(plan = '/plans/menu.json', agent: () => unknown = () => 'done'): Promise<string> {
  const runId = newRunId(new Date())
  await makeRunFolder(out, runId, { plan, scale: 0 })
  await using orchestrator = new Orchestrator({ pools: { crew: { backend: agent } }, journal: stored.journal })
  const run = orchestrator.run(
    {
      tasks: [
        { id: 'a', retries: 0 },
        { id: 'b', after: ['a'] },
      ],
    },
    { runId },
  )
  await storeResult(out, await run.result)
  return runId
}

/** A stage without output. */
function stage(): Stage {
  return { stored, terminal: new Terminal({ on: () => {}, write: () => {} }, {}), stop: new AbortController() }
}

/** Flips a bit in the middle of the journal of a run, and returns the file. */
function damage(runId: string): string {
  const folder = join(out, 'journal', runId)
  const file = join(folder, readdirSync(folder).find(name => name.endsWith('.log'))!)
  const bytes = readFileSync(file)
  bytes[bytes.length >> 1]! ^= 1
  writeFileSync(file, bytes)
  return file
}

describe('stored runs', () => {
  test('lists the runs with their outcomes, the latest first', async () => {
    const refuse = (): never => {
      throw new Error('no')
    }
    const first = await storeRun()
    const second = await storeRun(planFile, refuse)
    const { runs, unreadable } = await stored.list()
    expect(runs).toMatchObject([
      { runId: second, title: 'restaurant', outcome: 'failed', succeeded: 0, total: 2 },
      { runId: first, title: 'menu', outcome: 'completed', succeeded: 2, total: 2, costUsd: undefined },
    ])
    expect(unreadable).toEqual([])
    expect(await stored.account(first)).toMatchObject({ title: 'menu', isSample: false, outcome: 'completed' })
    expect(await stored.account(second)).toMatchObject({
      isSample: true,
      rootCauses: [{ taskId: 'a', skipped: ['b'] }],
    })
  })

  test('finds a run by its id, or the latest one that matches', async () => {
    const first = await storeRun()
    const latest = await storeRun()
    expect(await stored.find('any', () => false, 'a run')).toBe('any')
    expect(await stored.find(undefined, () => true, 'a run')).toBe(latest)
    expect(await stored.find(undefined, run => run.runId === first, 'a run')).toBe(first)
    const refused = stored.find(undefined, () => false, 'a run to show')
    await expect(refused).rejects.toThrow(
      `expected a run to show in ${out}, got 2 others: npm start -- --list lists them`,
    )
    const none = new StoredRuns(join(out, 'nowhere')).find(undefined, () => true, 'a run to show')
    await expect(none).rejects.toThrow('there is none: npm start starts one')
  })

  test('rejects ids that lead out of the folder', async () => {
    for (const work of [() => stored.account('../../etc'), () => stored.delete('../../etc')]) {
      await expect(work).rejects.toBeInstanceOf(UsageError)
      await expect(work).rejects.toThrow(
        `expected the id of a run in ${out}, got "../../etc": npm start -- --list lists`,
      )
    }
  })

  test('lists damaged runs separately, and can delete them', async () => {
    const damaged = await storeRun()
    const sound = await storeRun()
    const file = damage(damaged)
    const { runs, unreadable } = await stored.list()
    expect(runs.map(({ runId }) => runId)).toEqual([sound])
    expect(unreadable).toEqual([{ runId: damaged, why: expect.stringContaining(file) }])
    await expect(stored.account(damaged)).rejects.toMatchObject({ code: 'JOURNAL' })
    await stored.delete(damaged)
    expect((await stored.list()).unreadable).toEqual([])
  })

  test('deletes the files of a run and the link to it, and nothing else', async () => {
    const first = await storeRun()
    const latest = await storeRun()
    expect(await filesOf(out, first)).toEqual({ folder: join(out, first), link: undefined, result: 'result.json' })
    expect((await filesOf(out, latest)).link).toBe(join(out, 'latest'))
    await stored.delete(first)
    expect(readdirSync(out).sort()).toEqual([latest, 'journal', 'latest'])
    await stored.delete(latest)
    expect(readdirSync(out)).toEqual(['journal'])
    expect(readdirSync(join(out, 'journal'))).toEqual([])
  })

  test('leaves a settled run as it is, except for a missing result file', async () => {
    const runId = await storeRun()
    const result = join(out, runId, 'result.json')
    const text = readFileSync(result, 'utf8')
    writeFileSync(result, '')
    await resume(runId, undefined, stage())
    expect(readFileSync(result, 'utf8')).toBe('')
    rmSync(result)
    await resume(runId, undefined, stage())
    expect(readFileSync(result, 'utf8')).toBe(text)
  })

  test('refuses to continue a run without its settings', async () => {
    const runId = newRunId(new Date())
    const agent: AgentFunction = (_request, { signal }) => once(signal, 'abort')
    const orchestrator = new Orchestrator({ pools: { crew: { backend: agent } }, journal: stored.journal })
    const run = orchestrator.run({ tasks: [{ id: 'a' }] }, { runId })
    run.on('attempt.started', () => void orchestrator.drain({ timeoutMs: 0 }))
    await expect(run.result).rejects.toMatchObject({ code: 'RUN_SUSPENDED' })
    await orchestrator.drain()
    await expect(resume(runId, 0, stage())).rejects.toThrow(`npm start -- --delete ${runId} deletes the run`)
    expect(await stored.account(runId)).toMatchObject({ title: 'run', status: 'suspended' })
  })
})

test('removes the folder of a rejected run, unless an agent has written into it', async () => {
  const settings = { plan: planFile, scale: 1 }
  const folder = await makeRunFolder(out, 'refused', settings)
  await removeUnusedFolder(folder)
  expect(existsSync(folder)).toBe(false)
  const used = await makeRunFolder(out, 'used', settings)
  writeFileSync(join(used, 'page.html'), '')
  await removeUnusedFolder(used)
  expect(existsSync(used)).toBe(true)
})
