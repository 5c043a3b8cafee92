import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type AgentFunction, Orchestrator } from 'counterpoint'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { UsageError } from '../../examples/restaurant/flags.js'
import { KeptRuns } from '../../examples/restaurant/kept-runs.js'
import {
  filesOf,
  keepResult,
  makeRunFolder,
  newRunId,
  removeUnusedFolder,
} from '../../examples/restaurant/output-folder.js'
import { planFile } from '../../examples/restaurant/paths.js'
import { goOn, type Stage } from '../../examples/restaurant/perform.js'
import { Terminal } from '../../examples/restaurant/terminal.js'

let out: string
let kept: KeptRuns

beforeEach(() => {
  out = mkdtempSync(join(tmpdir(), 'restaurant-kept-'))
  kept = new KeptRuns(out)
})

afterEach(() => rmSync(out, { recursive: true, force: true }))

/** Runs one task whose agent is a function, as the main program keeps its runs. */
async function keepRun(plan = '/plans/menu.json', agent: () => unknown = () => 'done'): Promise<string> {
  const runId = newRunId(new Date())
  await makeRunFolder(out, runId, { plan, scale: 0 })
  await using orchestrator = new Orchestrator({ pools: { crew: { backend: agent } }, journal: kept.journal })
  const run = orchestrator.run(
    {
      tasks: [
        { id: 'a', retries: 0 },
        { id: 'b', after: ['a'] },
      ],
    },
    { runId },
  )
  await keepResult(out, await run.result)
  return runId
}

/** A stage that nobody looks at. */
function stage(): Stage {
  return { kept, terminal: new Terminal({ on: () => {}, write: () => {} }, {}), stop: new AbortController() }
}

/** Flips a bit in the middle of the journal of a run; gives the file. */
function damage(runId: string): string {
  const folder = join(out, 'journal', runId)
  const file = join(folder, readdirSync(folder).find(name => name.endsWith('.log'))!)
  const bytes = readFileSync(file)
  bytes[bytes.length >> 1]! ^= 1
  writeFileSync(file, bytes)
  return file
}

describe('the runs that are kept', () => {
  test('are listed, the latest first, each with what became of it', async () => {
    const refuse = (): never => {
      throw new Error('no')
    }
    const first = await keepRun()
    const second = await keepRun(planFile, refuse)
    const { runs, unreadable } = await kept.list()
    expect(runs).toMatchObject([
      { runId: second, title: 'restaurant', outcome: 'failed', succeeded: 0, total: 2 },
      { runId: first, title: 'menu', outcome: 'completed', succeeded: 2, total: 2, costUsd: undefined },
    ])
    expect(unreadable).toEqual([])
    expect(await kept.account(first)).toMatchObject({ title: 'menu', isStory: false, outcome: 'completed' })
    expect(await kept.account(second)).toMatchObject({ isStory: true, rootCauses: [{ taskId: 'a', skipped: ['b'] }] })
  })

  test('are found by their id, or are the latest that is wanted', async () => {
    const first = await keepRun()
    const latest = await keepRun()
    expect(await kept.find('any', () => false, 'a run')).toBe('any')
    expect(await kept.find(undefined, () => true, 'a run')).toBe(latest)
    expect(await kept.find(undefined, run => run.runId === first, 'a run')).toBe(first)
    const refused = kept.find(undefined, () => false, 'a run to show')
    await expect(refused).rejects.toThrow(
      `expected a run to show in ${out}, got 2 others: npm start -- --list shows them`,
    )
    const none = new KeptRuns(join(out, 'nowhere')).find(undefined, () => true, 'a run to show')
    await expect(none).rejects.toThrow('there is none: npm start begins one')
  })

  test('do not lead out of their folder', async () => {
    for (const work of [() => kept.account('../../etc'), () => kept.delete('../../etc')]) {
      await expect(work).rejects.toBeInstanceOf(UsageError)
      await expect(work).rejects.toThrow(
        `expected the id of a run in ${out}, got "../../etc": npm start -- --list tells`,
      )
    }
  })

  test('hide no other when one is damaged, and it can be deleted as well', async () => {
    const damaged = await keepRun()
    const sound = await keepRun()
    const file = damage(damaged)
    const { runs, unreadable } = await kept.list()
    expect(runs.map(({ runId }) => runId)).toEqual([sound])
    expect(unreadable).toEqual([{ runId: damaged, why: expect.stringContaining(file) }])
    await expect(kept.account(damaged)).rejects.toMatchObject({ code: 'JOURNAL' })
    await kept.delete(damaged)
    expect((await kept.list()).unreadable).toEqual([])
  })

  test('go with their files and the link to them, and nothing else goes', async () => {
    const first = await keepRun()
    const latest = await keepRun()
    expect(await filesOf(out, first)).toEqual({ folder: join(out, first), link: undefined, result: 'result.json' })
    expect((await filesOf(out, latest)).link).toBe(join(out, 'latest'))
    await kept.delete(first)
    expect(readdirSync(out).sort()).toEqual([latest, 'journal', 'latest'])
    await kept.delete(latest)
    expect(readdirSync(out)).toEqual(['journal'])
    expect(readdirSync(join(out, 'journal'))).toEqual([])
  })

  test('are left alone when they are over, but for a result that could not be kept any more', async () => {
    const runId = await keepRun()
    const result = join(out, runId, 'result.json')
    const text = readFileSync(result, 'utf8')
    writeFileSync(result, '')
    await goOn(runId, undefined, stage())
    expect(readFileSync(result, 'utf8')).toBe('')
    rmSync(result)
    await goOn(runId, undefined, stage())
    expect(readFileSync(result, 'utf8')).toBe(text)
  })

  test('are not continued without the folder that tells with what they were started', async () => {
    const runId = newRunId(new Date())
    const agent: AgentFunction = (_request, { signal }) => once(signal, 'abort')
    const orchestrator = new Orchestrator({ pools: { crew: { backend: agent } }, journal: kept.journal })
    const run = orchestrator.run({ tasks: [{ id: 'a' }] }, { runId })
    run.on('attempt.started', () => void orchestrator.drain({ timeoutMs: 0 }))
    await expect(run.result).rejects.toMatchObject({ code: 'RUN_SUSPENDED' })
    await orchestrator.drain()
    await expect(goOn(runId, 0, stage())).rejects.toThrow(`npm start -- --delete ${runId} forgets the run`)
    expect(await kept.account(runId)).toMatchObject({ title: 'run', status: 'suspended' })
  })
})

test('the folder of a run that was refused goes again, unless an agent has written into it', async () => {
  const settings = { plan: planFile, scale: 1 }
  const folder = await makeRunFolder(out, 'refused', settings)
  await removeUnusedFolder(folder)
  expect(existsSync(folder)).toBe(false)
  const used = await makeRunFolder(out, 'used', settings)
  writeFileSync(join(used, 'page.html'), '')
  await removeUnusedFolder(used)
  expect(existsSync(used)).toBe(true)
})
