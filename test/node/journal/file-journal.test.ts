import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Journal, Orchestrator, type RunEvent, TaskGraph } from 'counterpoint'
import { type FileJournalOptions, fileJournal } from 'counterpoint/node'
import { journalConformance, MockBackend } from 'counterpoint/testing'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { FakeDisk } from './fake-disk.js'
import { read, record, records, TestJournal, write } from './test-journal.js'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'counterpoint-journal-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

describe.each(['fsync', 'os', 'none'] as const)('with durability %s, a file journal', durability => {
  const make = (): Journal => fileJournal({ folder, durability })
  for (const { name, run } of journalConformance(make, { reopen: make })) test(name, run)
})

describe('with an orchestrator', () => {
  const plan = {
    tasks: [
      { id: 'a', description: 'a' },
      { id: 'b', description: 'b', after: ['a'] },
      { id: 'c', description: 'c', after: ['a', 'b'] },
    ],
  }
  const answers = (): MockBackend => new MockBackend().answer('*', ({ task }) => `${task.id} by ${task.description}`)

  test('the journal of a run can be read afterwards, and equals its events', async () => {
    const orchestrator = new Orchestrator({ pools: { mock: { backend: answers() } }, journal: fileJournal({ folder }) })
    const run = orchestrator.run(plan, { runId: 'run-1' })
    const events: RunEvent[] = []
    run.on('event', event => void events.push(event as RunEvent))
    const { outputs } = await run.result
    expect({ ...outputs }).toEqual({ a: 'a by a', b: 'b by b', c: 'c by c' })
    expect((await read({ read: () => fileJournal({ folder }).read('run-1') })).flat()).toEqual(events)
  })

  test('another orchestrator resumes an unfinished run, and runs no finished task again', async () => {
    const first = new MockBackend().answer('a', 'from the first').hold('b')
    const one = new Orchestrator({ pools: { mock: { backend: first, graceMs: 1 } }, journal: fileJournal({ folder }) })
    one.run(plan, { runId: 'run-1' })
    await first.started('b')
    await one.drain({ timeoutMs: 1 })

    const second = answers()
    const two = new Orchestrator({ pools: { mock: { backend: second } }, journal: fileJournal({ folder }) })
    const { outputs, outcome } = await (await two.resume('run-1')).result
    expect([outcome, { ...outputs }]).toEqual(['completed', { a: 'from the first', b: 'b by b', c: 'c by c' }])
    expect(second.calls.map(({ taskId }) => taskId)).toEqual(['b', 'c'])
    expect((await (await two.resume('run-1')).result).outcome).toBe('completed')
  })

  test('a run of a graph resumes with the graph', async () => {
    const graph = (): TaskGraph => {
      const tasks = new TaskGraph('pair')
      const a = tasks.task('a')
      tasks.task('b', { after: [a], input: outputs => `after ${outputs.a}` })
      return tasks
    }
    const first = new MockBackend().answer('a', 'one').hold('b')
    const one = new Orchestrator({ pools: { mock: { backend: first, graceMs: 1 } }, journal: fileJournal({ folder }) })
    one.run(graph(), { runId: 'run-1' })
    await first.started('b')
    await one.drain({ timeoutMs: 1 })
    const second = new MockBackend().answer('b', ({ input }) => input)
    const two = new Orchestrator({ pools: { mock: { backend: second } }, journal: fileJournal({ folder }) })
    expect((await (await two.resume('run-1', { graph: graph() })).result).outputs.b).toBe('after one')
  })

  test('a disk that is full for a while delays the run, is reported on `error`, and loses nothing', async () => {
    const disk = new FakeDisk()
    const { journal } = new TestJournal(disk)
    const orchestrator = new Orchestrator({ pools: { mock: { backend: answers() } }, journal })
    const reports: string[] = []
    orchestrator.on('error', ({ where }) => reports.push(where))
    disk.fail({ on: 'write', code: 'ENOSPC', nth: 3, times: 5 })
    const { outcome } = await orchestrator.run(plan, { runId: 'run-1' }).result
    expect(outcome).toBe('completed')
    expect(reports).toEqual([expect.stringContaining('ENOSPC'), expect.stringContaining('can be written again')])
  })

  test('a run id that is in the journal already is rejected', async () => {
    const open = await fileJournal({ folder }).open('run-1')
    await write(open, records(1, 1))
    await open.close()
    const orchestrator = new Orchestrator({ pools: { mock: { backend: answers() } }, journal: fileJournal({ folder }) })
    orchestrator.on('error', () => {})
    await expect(orchestrator.run(plan, { runId: 'run-1' }).result).rejects.toThrow()
    expect(await read({ read: () => fileJournal({ folder }).read('run-1') })).toEqual(records(1, 1))
  })
})

describe('a record', () => {
  test('that does not continue the last one is rejected, and changes nothing', async () => {
    const fixture = new TestJournal()
    const open = await fixture.open()
    await write(open, records(1, 2))
    for (const seq of [1, 2, 4]) await expect(open.append(record(seq))).rejects.toThrow(`has seq 3, got ${seq}`)
    await write(open, records(3, 3))
    await open.close()
    const again = await fixture.open()
    await expect(again.append(record(1))).rejects.toMatchObject({ code: 'JOURNAL' })
    await write(again, records(4, 4))
    expect(await read(again)).toEqual(records(1, 4))
  })

  test('is rejected after close()', async () => {
    const open = await new TestJournal().open()
    await open.close()
    await expect(open.append(record(1))).rejects.toMatchObject({
      code: 'JOURNAL',
      message: expect.stringMatching(/was closed/),
    })
    const none = await new TestJournal(new FakeDisk(), { durability: 'none' }).open()
    await none.close()
    expect(() => none.append(record(1))).toThrow(/was closed/)
  })
})

describe('options', () => {
  test.each([
    [{}, 'folder'],
    [{ folder: '' }, 'folder'],
    [{ folder: 'x', durability: 'sometimes' }, 'durability'],
    [{ folder: 'x', maxInlineBytes: -1 }, 'maxInlineBytes'],
    [{ folder: 'x', maxInlineBytes: 1.5 }, 'maxInlineBytes'],
    [{ folder: 'x', onDamage: 'ignore' }, 'onDamage'],
    [{ folder: 'x', fileSystem: {} }, 'fileSystem'],
    [{ folder: 'x', durabilty: 'os' }, 'durabilty'],
    [undefined, 'options'],
  ])('rejects %j and names the option', (options, path) => {
    expect(() => fileJournal(options as unknown as FileJournalOptions)).toThrow(
      expect.objectContaining({ code: 'INVALID_INPUT', details: { issues: [expect.objectContaining({ path })] } }),
    )
  })
})

test('a folder that cannot be created is rejected with JOURNAL', async () => {
  const journal = fileJournal({ folder: '/proc/nowhere' })
  await expect(journal.open('run-1')).rejects.toMatchObject({ code: 'JOURNAL' })
  expect([...(await journal.list())]).toEqual([])
  await journal.delete('run-1')
})
