import type { JournalRecord, OpenJournal } from 'counterpoint'
import { VirtualClock } from 'counterpoint/testing'
import { describe, expect, test } from 'vitest'
import { FakeDisk } from '../fake-disk.js'
import { FOLDER, fill, read, record, records, reopened, SEGMENT, TestJournal, write } from '../test-journal.js'

const nextTurn = (): Promise<unknown> => new Promise(resolve => setImmediate(resolve))

/** Lets virtual time pass in steps, with real turns of the event loop in between: a disk takes some, even in memory. */
async function pass(clock: VirtualClock, ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 50) {
    await clock.advance(50)
    for (let i = 0; i < 4; i++) await nextTurn()
  }
}

/** Appends records, and collects the seqs of those that were acknowledged. */
function track(open: OpenJournal, all: readonly JournalRecord[]): { seqs: number[]; done: Promise<unknown> } {
  const seqs: number[] = []
  const appends = all.map(async each => {
    await open.append(each)
    seqs.push(each[0]!.seq)
  })
  const done = Promise.all(appends)
  done.catch(() => {})
  return { seqs, done }
}

describe('a group commit', () => {
  test('of a thousand appends takes one write and one sync, and keeps their order', async () => {
    const fixture = new TestJournal()
    const open = await fixture.open()
    const { seqs, done } = track(open, records(1, 1_000))
    await done
    const { write: writes = 0, fdatasync = 0, fsync = 0 } = fixture.disk.counts
    // One of the writes is the lock's, one the header's.
    expect([writes - 2, fdatasync + fsync]).toEqual([1, 1])
    expect(seqs).toEqual(records(1, 1_000).map(([event]) => event!.seq))
    expect(await read(open)).toEqual(records(1, 1_000))
  })

  test('collects the records that arrive during another one', async () => {
    const fixture = new TestJournal()
    const open = await fixture.open()
    const appends = [open.append(record(1))]
    for (let seq = 2; seq <= 40; seq++) {
      if (seq % 4 === 0) await nextTurn()
      appends.push(open.append(record(seq)))
    }
    await Promise.all(appends)
    expect(fixture.disk.counts.fdatasync).toBeLessThan(20)
    expect(await read(open)).toEqual(records(1, 40))
  })

  test('that is very large is closed: later records form the next one', async () => {
    const fixture = new TestJournal(new FakeDisk(), { maxInlineBytes: 1e9 })
    const open = await fixture.open()
    const large = 'x'.repeat(5_000_000)
    const { seqs, done } = track(open, [record(1, large), record(2, large), record(3)])
    await done
    expect([seqs, fixture.disk.counts.fdatasync]).toEqual([[1, 2, 3], 2])
    expect((await read(open)).map(([event]) => JSON.stringify(event).length > 5_000_000)).toEqual([true, true, false])
  })

  test.each(['os', 'none'] as const)('syncs nothing with durability %s', async durability => {
    const fixture = new TestJournal(new FakeDisk(), { durability })
    await fill(fixture, records(1, 10))
    const { fsync, fdatasync, syncFolder } = fixture.disk.counts
    expect([fsync, fdatasync, syncFolder]).toEqual([undefined, undefined, undefined])
    expect((await reopened(fixture.disk)).records).toEqual(records(1, 10))
  })
})

describe.each(['ENOSPC', 'EDQUOT', 'EIO', 'EROFS'])('when a write fails with %s', code => {
  test('nothing is acknowledged, the partial write is removed, and writing is retried until it succeeds', async () => {
    const clock = new VirtualClock()
    const fixture = new TestJournal(new FakeDisk(), { clock })
    const open = await fixture.open()
    await write(open, records(1, 3))
    const before = Buffer.from(fixture.disk.content(SEGMENT))
    fixture.disk.fail({ on: 'write', code, times: 4, leaves: 50 })
    const { seqs, done } = track(open, records(4, 6))
    await pass(clock, 50)
    expect(fixture.reports).toEqual([expect.stringMatching(new RegExp(`${FOLDER} cannot be written: .* \\(${code}`))])
    const later = track(open, [record(7)])
    await pass(clock, 1_000)
    expect([seqs, later.seqs, fixture.reports.length]).toEqual([[], [], 1])
    expect(fixture.disk.content(SEGMENT)).toEqual(before)
    expect(await read(open)).toEqual(records(1, 3))
    await pass(clock, 600)
    await Promise.all([done, later.done])
    expect([seqs, later.seqs]).toEqual([[4, 5, 6], [7]])
    expect(fixture.reports[1]).toMatch(/can be written again: nothing was lost, after 1\.5 s/)
    await open.close()
    expect(await reopened(fixture.disk)).toEqual({ records: records(1, 7), refusal: undefined, reports: [] })
    expect(clock.pending).toBe(0)
  })
})

describe('a full disk', () => {
  test('frees the space of a partial record, and stores all records once there is space', async () => {
    const clock = new VirtualClock()
    const fixture = new TestJournal(new FakeDisk(), { clock })
    const open = await fixture.open()
    await write(open, records(1, 2))
    fixture.disk.space = 100
    const { seqs, done } = track(open, records(3, 4))
    await pass(clock, 30_000)
    expect([seqs, fixture.disk.space, fixture.reports.length]).toEqual([[], 100, 1])
    fixture.disk.space = 10_000
    await pass(clock, 10_000)
    await done
    expect(await read(open)).toEqual(records(1, 4))
  })

  test('before the first record leaves nothing that blocks the next opener', async () => {
    const fixture = new TestJournal()
    const open = await fixture.open()
    fixture.disk.space = 40
    const refused = open.append(record(1)) as Promise<void>
    refused.catch(() => {})
    await expect(open.close()).rejects.toMatchObject({ code: 'JOURNAL' })
    await expect(refused).rejects.toMatchObject({ code: 'JOURNAL', details: { runId: 'run-1', where: FOLDER } })
    fixture.disk.repair()
    await fill(fixture, records(1, 2))
    expect((await reopened(fixture.disk)).records).toEqual(records(1, 2))
  })

  test('at close() gets one more try, then pending records are rejected', async () => {
    const clock = new VirtualClock()
    const fixture = new TestJournal(new FakeDisk(), { clock })
    const open = await fixture.open()
    await write(open, records(1, 2))
    fixture.disk.space = 0
    const waiting = [open.append(record(3)), open.append(record(4))]
    for (const each of waiting) Promise.resolve(each).catch(() => {})
    await pass(clock, 50)
    const writes = fixture.disk.counts.write ?? 0
    await expect(open.close()).rejects.toThrow(/last 2 records .* the disk refused \(ENOSPC/)
    expect([fixture.disk.counts.write, clock.pending]).toEqual([writes + 1, 0])
    for (const each of waiting) await expect(each).rejects.toMatchObject({ code: 'JOURNAL' })
    await expect(open.append(record(5))).rejects.toMatchObject({ code: 'JOURNAL' })
    expect((await reopened(fixture.disk)).records).toEqual(records(1, 2))
  })

  test('with space again at close() loses nothing', async () => {
    const clock = new VirtualClock()
    const fixture = new TestJournal(new FakeDisk(), { clock })
    const open = await fixture.open()
    fixture.disk.space = 0
    const waiting = open.append(record(1))
    await pass(clock, 50)
    fixture.disk.repair()
    await open.close()
    await waiting
    expect((await reopened(fixture.disk)).records).toEqual(records(1, 1))
  })

  test("makes close() reject with durability 'none', because append() does not wait", async () => {
    const fixture = new TestJournal(new FakeDisk(), { durability: 'none' })
    const open = await fixture.open()
    fixture.disk.space = 0
    expect(open.append(record(1))).toBeUndefined()
    await expect(open.close()).rejects.toMatchObject({ code: 'JOURNAL' })
  })
})

describe('a failed sync', () => {
  test('is never retried on the same file: a new one continues from what is known to be durable', async () => {
    const fixture = new TestJournal()
    const open = await fixture.open()
    await write(open, records(1, 3))
    const acknowledged = fixture.disk.content(SEGMENT).length
    fixture.disk.fail({ on: 'fdatasync', code: 'EIO' })
    const syncs = fixture.disk.counts.fdatasync ?? 0
    await write(open, records(4, 5))
    expect(fixture.reports).toEqual([expect.stringContaining('EIO'), expect.stringContaining('can be written again')])
    // One that failed, then one for the fifth record: the fourth came with a new file.
    expect(fixture.disk.counts.fdatasync).toBe(syncs + 2)
    expect(fixture.disk.content(`${FOLDER}/journal-000002.log`).toString()).toContain(
      `"after":{"segment":1,"bytes":${acknowledged},`,
    )
    expect(await read(open)).toEqual(records(1, 5))
    await open.close()
    expect((await reopened(fixture.disk)).records).toEqual(records(1, 5))
    expect((await reopened(fixture.disk.afterPowerLoss(() => 0.9))).records).toEqual(records(1, 5))
  })

  test('ends the journal if acknowledged records cannot be read back', async () => {
    const fixture = new TestJournal()
    const open = await fixture.open()
    await write(open, records(1, 3))
    fixture.disk.fail({ on: 'fdatasync', code: 'EIO' })
    const refused = open.append(record(4))
    fixture.disk.content(SEGMENT)[300]! ^= 1
    await expect(refused).rejects.toThrow(/cannot be read back .*The disk has lost them/)
    await expect(open.append(record(4))).rejects.toMatchObject({ code: 'JOURNAL' })
    await expect(open.close()).rejects.toMatchObject({ code: 'JOURNAL' })
  })

  test('of a folder, at the first record, is handled, too', async () => {
    const fixture = new TestJournal()
    const open = await fixture.open()
    fixture.disk.fail({ on: 'syncFolder', path: '/run-1', code: 'EIO' })
    await write(open, records(1, 2))
    expect(fixture.reports).toHaveLength(2)
    await open.close()
    expect((await reopened(fixture.disk.afterPowerLoss(() => 0.9))).records).toEqual(records(1, 2))
  })
})

test('a host whose report throws changes nothing', async () => {
  const fixture = new TestJournal()
  const open = await fixture.journal.open('run-1', {
    report() {
      throw new Error('not now')
    },
  })
  fixture.disk.fail({ on: 'write', code: 'EIO' })
  await write(open, records(1, 2))
  expect(await read(open)).toEqual(records(1, 2))
})

test('works on a disk that writes one byte at a time', async () => {
  const fixture = new TestJournal()
  fixture.disk.largestWrite = 1
  await fill(fixture, records(1, 3))
  expect((await reopened(fixture.disk)).records).toEqual(records(1, 3))
})
