import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Json } from 'counterpoint'
import { fileJournal } from 'counterpoint/node'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildProgram, Child } from './child-process.js'
import { FakeDisk } from './fake-disk.js'
import { read, record, write } from './test-journal.js'
import { all, FOLDER, reopened, SEGMENT, TestStream } from './test-stream.js'

describe('a shared stream', () => {
  test('has a folder of its own, which is neither listed as a run nor deleted with one', async () => {
    const { journal, ...fixture } = await withStream([{ a: 1 }, 'b', null])
    expect(fixture.disk.paths()).toEqual([SEGMENT])
    for (const runId of ['limits', '.shared-limits', '.shared-limits/journal-000001.log']) {
      const open = await journal.open(runId)
      await write(open, [record(1, 'x', runId)])
      await open.close()
    }
    expect([...(await journal.list())]).toHaveLength(3)
    expect(await all(await fixture.open())).toEqual([{ a: 1 }, 'b', null])
    for (const runId of await journal.list()) await journal.delete(runId)
    await journal.delete('.shared-limits')
    expect(fixture.disk.paths()).toEqual([`${FOLDER}/LOCK`, SEGMENT])
  })

  test('exists for each name, whatever the name', async () => {
    const fixture = new TestStream(new FakeDisk())
    const names = ['limits', 'budget', 'Limits', '../limits', '', 'a/b', '.', 'run-1']
    const streams = await Promise.all(names.map(name => fixture.open(name)))
    for (const [i, stream] of streams.entries()) await stream.append(names[i] as string)
    for (const [i, stream] of streams.entries()) expect(await all(stream)).toEqual([names[i]])
    expect([...(await fixture.journal.list())]).toEqual([])
  })

  test('is JSON Lines with length and checksum, one record a line, with the name in the header', async () => {
    const { disk, open } = await withStream([{ a: 1 }])
    const stream = await open()
    await stream.append('b')
    await stream.append(['c'])
    await stream.close()
    const bodies = (path: string): unknown[] =>
      disk
        .content(path)
        .toString()
        .trimEnd()
        .split('\n')
        .map(line => JSON.parse(line.slice(18)))
    const header = { format: 'counterpoint-journal', version: 1, minReader: 1, stream: 'limits' }
    expect(bodies(SEGMENT)).toEqual([expect.objectContaining({ ...header, segment: 1 }), { s: { a: 1 } }])
    expect(bodies(`${FOLDER}/journal-000002.log`)).toEqual([
      expect.objectContaining({ ...header, segment: 2, after: expect.objectContaining({ segment: 1 }) }),
      { s: 'b' },
      { c: 2, s: ['c'] },
    ])
  })

  test('stores a record as it was when append() was called', async () => {
    const { open } = await withStream([])
    const stream = await open()
    const first: { a: Json } = { a: 1 }
    const second: { a: Json } = { a: 1 }
    const written = [stream.append(first), stream.replace([second])]
    first.a = second.a = 2
    await Promise.all(written)
    expect(await all(stream)).toEqual([{ a: 1 }])
  })

  test('rejects writes after close(), which may be called twice', async () => {
    const { open } = await withStream([1])
    const stream = await open()
    const written = stream.append(2)
    await Promise.all([stream.close(), stream.close()])
    await written
    await expect(stream.append(3)).rejects.toMatchObject({
      code: 'JOURNAL',
      message: expect.stringMatching(/was closed/),
    })
    await expect(stream.replace([])).rejects.toMatchObject({ code: 'JOURNAL' })
    expect(await all(await open())).toEqual([1, 2])
  })

  test.each(['fsync', 'os', 'none'] as const)(
    'with durability %s can be read back, with the syncs of that durability',
    async durability => {
      const disk = new FakeDisk()
      const stream = await new TestStream(disk, { durability }).open()
      for (const value of [1, 2, 3]) await stream.append(value)
      await stream.replace([6])
      await stream.append(7)
      await stream.close()
      const { fsync = 0, fdatasync = 0, syncFolder = 0 } = disk.counts
      expect(fsync + fdatasync + syncFolder > 0).toBe(durability === 'fsync')
      expect(await reopened(disk, { durability })).toEqual({ records: [6, 7], refusal: undefined, reports: [] })
    },
  )

  test('rejects a file or symlink in place of its folder', async () => {
    const disk = new FakeDisk()
    disk.putLink(FOLDER)
    expect((await reopened(disk)).refusal).toContain(`${FOLDER}: expected a folder`)
    disk.remove(FOLDER)
    disk.putLink(SEGMENT)
    expect((await reopened(disk)).refusal).toContain(`${SEGMENT}: expected a file`)
  })

  test('in the folder of another stream or run is rejected', async () => {
    const { disk } = await withStream([1])
    disk.put('/runs/.shared-budget/journal-000001.log', disk.content(SEGMENT))
    const fixture = new TestStream(disk)
    await expect(fixture.open('budget')).rejects.toThrow('of shared stream "limits", which does not belong here')
    disk.put('/runs/run-1/journal-000001.log', disk.content(SEGMENT))
    await expect(fixture.journal.open('run-1')).rejects.toThrow('of shared stream "limits"')
  })
})

/** A disk with a stream that holds these records, a commit each. */
async function withStream(records: readonly Json[]) {
  const disk = new FakeDisk()
  const fixture = new TestStream(disk)
  const stream = await fixture.open()
  for (const each of records) await stream.append(each)
  await stream.close()
  return { disk, journal: fixture.journal, open: () => fixture.open() }
}

describe('an open stream', () => {
  test('is locked until it is closed, while runs can be opened', async () => {
    const disk = new FakeDisk()
    const first = await new TestStream(disk).open()
    await first.append(1)
    const second = new TestStream(disk)
    await expect(second.open()).rejects.toMatchObject({
      code: 'JOURNAL',
      message: expect.stringContaining(
        `${FOLDER}/LOCK: expected a shared stream that no process has open, but it is locked by this process`,
      ),
      details: { where: `${FOLDER}/LOCK` },
    })
    const run = await second.journal.open('run-1')
    await write(run, [record(1)])
    expect(await read(run)).toEqual([record(1)])
    await run.close()
    await first.append(2)
    await first.close()
    const third = await second.open()
    expect(await all(third)).toEqual([1, 2])
    await third.close()
  })

  test('rejects append() and replace() once its lock is gone', async () => {
    const disk = new FakeDisk()
    const stream = await new TestStream(disk).open()
    await stream.append(1)
    disk.remove(`${FOLDER}/LOCK`)
    await expect(stream.append(2)).rejects.toMatchObject({
      code: 'JOURNAL',
      message: expect.stringMatching(/it is gone/),
    })
    await expect(stream.replace([3])).rejects.toMatchObject({
      code: 'JOURNAL',
      message: expect.stringMatching(/one process at a time/),
    })
    await stream.close()
    disk.releaseLocks()
    // The second record may be there: a rejected append only means that it was not acknowledged.
    expect([[1], [1, 2]]).toContainEqual((await reopened(disk)).records)
  })
})

describe('a full disk', () => {
  test('rejects a record, leaves no part of it, and accepts it when there is space', async () => {
    const disk = new FakeDisk()
    const fixture = new TestStream(disk)
    const stream = await fixture.open()
    await stream.append('first')
    const before = Buffer.from(disk.content(SEGMENT))
    disk.space = 20
    for (const write of [() => stream.append('second'), () => stream.replace(['third'])])
      await expect(write()).rejects.toMatchObject({
        code: 'JOURNAL',
        message: expect.stringContaining(`${FOLDER}: expected a folder that can be read and written: ENOSPC`),
      })
    expect(disk.content(SEGMENT)).toEqual(before)
    expect(await all(stream)).toEqual(['first'])
    disk.repair()
    await stream.append('fourth')
    await stream.close()
    expect(await reopened(disk)).toEqual({ records: ['first', 'fourth'], refusal: undefined, reports: [] })
  })
})

/** Appends numbers, of which every tenth one replaces all others. Prints each when it is durable. */
const CHILD = `
import { fileJournal } from 'counterpoint/node'
const stream = await fileJournal({ folder: process.argv[2], durability: 'os' }).shared('limits')
for (let i = 1; ; i++) {
  await (i % 10 === 0 ? stream.replace([i]) : stream.append(i))
  console.log(i)
}
`

describe('another process', () => {
  let folder: string
  let path: string
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'counterpoint-shared-'))
    path = await buildProgram(folder, CHILD)
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  test('that has the stream is named in the error; when killed, it leaves all acknowledged records', async () => {
    for (const lines of [1, 25, 70]) {
      const root = join(folder, String(lines))
      const child = new Child(path, root)
      let reports = 0
      for (let i = 0; i < lines; i++) reports = Number(await child.line())
      const journal = fileJournal({ folder: root })
      await expect(journal.shared?.('limits')).rejects.toThrow(`locked by pid ${child.process.pid}`)
      await child.kill()
      for (let line = await child.line(); line !== undefined; line = await child.line()) reports = Number(line)
      const problems: string[] = []
      const stream = await journal.shared!('limits', { report: ({ message }) => void problems.push(message) })
      const found = (await all(stream)) as number[]
      const last = found.at(-1) as number
      expect(last === reports || last === reports + 1).toBe(true)
      // From the last number that replaced all others, or from 1, without a gap.
      const first = Math.max(1, Math.floor(last / 10) * 10)
      expect(found).toEqual(Array.from({ length: last - first + 1 }, (_, i) => first + i))
      await stream.append('after')
      await stream.close()
    }
  })
})
