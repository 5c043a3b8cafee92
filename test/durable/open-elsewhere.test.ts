import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Journal, memoryJournal, Orchestrator, readRun, systemClock } from 'counterpoint'
import { fileJournal } from 'counterpoint/node'
import { slowJournal } from 'counterpoint/testing'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { buildProgram, Child } from '../node/journal/child-process.js'
import { temporaryFolder } from './test-host.js'

let release: () => void = () => {}
const held = () => new Promise<string>(resolve => (release = () => resolve('ok')))

function orchestrator(journal: Journal) {
  const made = new Orchestrator({ pools: { p: { backend: held, graceMs: 1 } }, journal })
  onTestFinished(() => made.drain({ timeoutMs: 0 }))
  return made
}

/** `runId resumable openElsewhere` of each run. */
async function listed({ runs }: Orchestrator): Promise<string[]> {
  const all = await runs.list()
  return all.map(({ runId, resumable, openElsewhere = false }) => `${runId} ${resumable} ${openElsewhere}`)
}

const JOURNALS: Readonly<Record<string, () => () => Journal>> = {
  'in memory': () => {
    const journal = memoryJournal()
    return () => journal
  },
  'that is slow': () => {
    const journal = slowJournal({ clock: systemClock, delayMs: 1 })
    return () => journal
  },
  'in files': () => {
    const folder = temporaryFolder()
    return () => fileJournal({ folder })
  },
}

describe.each(Object.entries(JOURNALS))('with a journal %s', (_, make) => {
  test('a run that another orchestrator of this process has open is not resumable, until that has given it up', async () => {
    const journal = make()
    const first = orchestrator(journal())
    const run = first.run({ tasks: [{ id: 'a' }] }, { runId: 'x' })
    run.result.catch(() => {})
    await new Promise(resolve => run.on('attempt.started', resolve))
    const second = orchestrator(journal())
    expect([await listed(first), await listed(second)]).toEqual([['x true false'], ['x false true']])
    expect(await second.runs.show('x')).toMatchObject({ resumable: false, openElsewhere: true, status: 'running' })
    expect(await first.runs.show('x')).toEqual(await readRun(journal(), 'x'))
    await first.drain({ timeoutMs: 0 })
    expect(await listed(second)).toEqual(['x true false'])
    const resumed = await second.resume('x')
    await new Promise(resolve => resumed.on('attempt.started', resolve))
    expect(await listed(orchestrator(journal()))).toEqual(['x false true'])
    release()
    await resumed.result
    expect(await listed(orchestrator(journal()))).toEqual(['x false false'])
  })

  test('a run that is being resumed here is not open elsewhere', async () => {
    const journal = make()
    const first = orchestrator(journal())
    const run = first.run({ tasks: [{ id: 'a' }] }, { runId: 'x' })
    run.result.catch(() => {})
    await new Promise(resolve => run.on('attempt.started', resolve))
    await first.drain({ timeoutMs: 0 })
    const second = orchestrator(journal())
    const [list] = await Promise.all([listed(second), second.resume('x')])
    expect(list).toEqual(['x true false'])
  })

  test('an unknown id that was resumed is in no list', async () => {
    const journal = make()
    await expect(orchestrator(journal()).resume('unknown')).rejects.toMatchObject({ code: 'NOT_FOUND' })
    expect([...(await journal().list())]).toEqual([])
  })
})

describe('with a journal in files, a run that another process has open', () => {
  let folder: string
  let program: string
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'counterpoint-elsewhere-'))
    program = await buildProgram(
      folder,
      `
      import { Orchestrator } from 'counterpoint'
      import { fileJournal } from 'counterpoint/node'
      const journal = fileJournal({ folder: process.argv[2] })
      const orchestrator = new Orchestrator({ pools: { p: { backend: () => new Promise(() => setInterval(() => {}, 1e6)) } }, journal })
      const run = orchestrator.run({ tasks: [{ id: 'a' }] }, { runId: 'x' })
      run.on('attempt.started', () => console.log('started'))
    `,
    )
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  test('is not resumable, also while that is suspended, and is once that was killed', async () => {
    const root = join(folder, 'runs')
    const child = new Child(program, root)
    onTestFinished(() => child.kill())
    expect(await child.line()).toBe('started')
    const here = orchestrator(fileJournal({ folder: root }))
    expect(await listed(here)).toEqual(['x false true'])
    if (process.platform !== 'win32') child.process.kill('SIGSTOP')
    expect(await listed(here)).toEqual(['x false true'])
    await child.kill()
    expect(await listed(here)).toEqual(['x true false'])
  })
})

test('a journal that cannot tell lists every run that has not settled as resumable', async () => {
  const { isOpen: _, ...journal } = memoryJournal()
  const run = orchestrator(journal).run({ tasks: [{ id: 'a' }] }, { runId: 'x' })
  await new Promise(resolve => run.on('attempt.started', resolve))
  expect(await listed(orchestrator(journal))).toEqual(['x true false'])
})
