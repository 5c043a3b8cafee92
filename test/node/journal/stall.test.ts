import type { JournalRecord, OpenJournal } from 'counterpoint'
import { VirtualClock } from 'counterpoint/testing'
import { describe, expect, test } from 'vitest'
import { Disk } from './disk.js'
import { Bench, FOLDER, fill, read, record, records, reopened, SEGMENT, write } from './journaling.js'

const turn = (): Promise<unknown> => new Promise(resolve => setImmediate(resolve))

/** Lets virtual time pass in steps, with real turns of the event loop in between: a disk takes some, even in memory. */
async function pass(clock: VirtualClock, ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 50) {
    await clock.advance(50)
    for (let i = 0; i < 4; i++) await turn()
  }
}

/** Appends, and tells which have been acknowledged so far. */
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
  test('of a thousand appends takes few writes and syncs, and keeps their order', async () => {
    const bench = new Bench()
    const open = await bench.open()
    const { seqs, done } = track(open, records(1, 1_000))
    await done
    const { write: writes = 0, fdatasync = 0, fsync = 0 } = bench.disk.counts
    // One of the writes is the lock's, one the header's.
    expect([writes - 2, fdatasync + fsync]).toEqual([1, 1])
    expect(seqs).toEqual(records(1, 1_000).map(([event]) => event!.seq))
    expect(await read(open)).toEqual(records(1, 1_000))
  })

  test('gathers what comes while another one is on its way', async () => {
    const bench = new Bench()
    const open = await bench.open()
    const appends = [open.append(record(1))]
    for (let seq = 2; seq <= 40; seq++) {
      if (seq % 4 === 0) await turn()
      appends.push(open.append(record(seq)))
    }
    await Promise.all(appends)
    expect(bench.disk.counts.fdatasync).toBeLessThan(20)
    expect(await read(open)).toEqual(records(1, 40))
  })

  test('is written alone when it is very large: what comes after waits for the next', async () => {
    const bench = new Bench(new Disk(), { maxInlineBytes: 1e9 })
    const open = await bench.open()
    const large = 'x'.repeat(5_000_000)
    const { seqs, done } = track(open, [record(1, large), record(2, large), record(3)])
    await done
    expect([seqs, bench.disk.counts.fdatasync]).toEqual([[1, 2, 3], 2])
    expect((await read(open)).map(([event]) => JSON.stringify(event).length > 5_000_000)).toEqual([true, true, false])
  })

  test.each(['os', 'none'] as const)('with durability %s syncs nothing', async durability => {
    const bench = new Bench(new Disk(), { durability })
    await fill(bench, records(1, 10))
    const { fsync, fdatasync, syncFolder } = bench.disk.counts
    expect([fsync, fdatasync, syncFolder]).toEqual([undefined, undefined, undefined])
    expect((await reopened(bench.disk)).records).toEqual(records(1, 10))
  })
})

describe.each(['ENOSPC', 'EDQUOT', 'EIO', 'EROFS'])('when a write fails with %s', code => {
  test('nothing is acknowledged, what was written of it goes, and all goes on when it can', async () => {
    const clock = new VirtualClock()
    const bench = new Bench(new Disk(), { clock })
    const open = await bench.open()
    await write(open, records(1, 3))
    const before = Buffer.from(bench.disk.content(SEGMENT))
    bench.disk.fail({ on: 'write', code, times: 4, leaves: 50 })
    const { seqs, done } = track(open, records(4, 6))
    await pass(clock, 50)
    expect(bench.told).toEqual([expect.stringMatching(new RegExp(`${FOLDER} cannot be written: .* \\(${code}`))])
    const later = track(open, [record(7)])
    await pass(clock, 1_000)
    expect([seqs, later.seqs, bench.told.length]).toEqual([[], [], 1])
    expect(bench.disk.content(SEGMENT)).toEqual(before)
    expect(await read(open)).toEqual(records(1, 3))
    await pass(clock, 600)
    await Promise.all([done, later.done])
    expect([seqs, later.seqs]).toEqual([[4, 5, 6], [7]])
    expect(bench.told[1]).toMatch(/can be written again: nothing was lost, after 1\.5 s/)
    await open.close()
    expect(await reopened(bench.disk)).toEqual({ records: records(1, 7), refusal: undefined, told: [] })
    expect(clock.pending).toBe(0)
  })
})

describe('a full disk', () => {
  test('takes half a record, gives it back, and takes all once there is space', async () => {
    const clock = new VirtualClock()
    const bench = new Bench(new Disk(), { clock })
    const open = await bench.open()
    await write(open, records(1, 2))
    bench.disk.space = 100
    const { seqs, done } = track(open, records(3, 4))
    await pass(clock, 30_000)
    expect([seqs, bench.disk.space, bench.told.length]).toEqual([[], 100, 1])
    bench.disk.space = 10_000
    await pass(clock, 10_000)
    await done
    expect(await read(open)).toEqual(records(1, 4))
  })

  test('before the first record leaves nothing that hinders the next opener', async () => {
    const bench = new Bench()
    const open = await bench.open()
    bench.disk.space = 40
    const refused = open.append(record(1)) as Promise<void>
    refused.catch(() => {})
    await expect(open.close()).rejects.toMatchObject({ code: 'JOURNAL' })
    await expect(refused).rejects.toMatchObject({ code: 'JOURNAL', details: { runId: 'run-1', where: FOLDER } })
    bench.disk.mend()
    await fill(bench, records(1, 2))
    expect((await reopened(bench.disk)).records).toEqual(records(1, 2))
  })

  test('that is closed on tries once more, then refuses what waits and lets go', async () => {
    const clock = new VirtualClock()
    const bench = new Bench(new Disk(), { clock })
    const open = await bench.open()
    await write(open, records(1, 2))
    bench.disk.space = 0
    const waiting = [open.append(record(3)), open.append(record(4))]
    for (const each of waiting) Promise.resolve(each).catch(() => {})
    await pass(clock, 50)
    const writes = bench.disk.counts.write ?? 0
    await expect(open.close()).rejects.toThrow(/last 2 records .* the disk refused \(ENOSPC/)
    expect([bench.disk.counts.write, clock.pending]).toEqual([writes + 1, 0])
    for (const each of waiting) await expect(each).rejects.toMatchObject({ code: 'JOURNAL' })
    await expect(open.append(record(5))).rejects.toMatchObject({ code: 'JOURNAL' })
    expect((await reopened(bench.disk)).records).toEqual(records(1, 2))
  })

  test('that has space again when it is closed on loses nothing', async () => {
    const clock = new VirtualClock()
    const bench = new Bench(new Disk(), { clock })
    const open = await bench.open()
    bench.disk.space = 0
    const waiting = open.append(record(1))
    await pass(clock, 50)
    bench.disk.mend()
    await open.close()
    await waiting
    expect((await reopened(bench.disk)).records).toEqual(records(1, 1))
  })

  test("is told to who closes, with durability 'none', as nobody waits for an append", async () => {
    const bench = new Bench(new Disk(), { durability: 'none' })
    const open = await bench.open()
    bench.disk.space = 0
    expect(open.append(record(1))).toBeUndefined()
    await expect(open.close()).rejects.toMatchObject({ code: 'JOURNAL' })
  })
})

describe('a failed sync', () => {
  test('is never tried again on the same file: a new one goes on from what is known to be good', async () => {
    const bench = new Bench()
    const open = await bench.open()
    await write(open, records(1, 3))
    const acknowledged = bench.disk.content(SEGMENT).length
    bench.disk.fail({ on: 'fdatasync', code: 'EIO' })
    const syncs = bench.disk.counts.fdatasync ?? 0
    await write(open, records(4, 5))
    expect(bench.told).toEqual([expect.stringContaining('EIO'), expect.stringContaining('can be written again')])
    // One that failed, then one for the fifth record: the fourth came with a new file.
    expect(bench.disk.counts.fdatasync).toBe(syncs + 2)
    expect(bench.disk.content(`${FOLDER}/journal-000002.log`).toString()).toContain(
      `"after":{"segment":1,"bytes":${acknowledged},`,
    )
    expect(await read(open)).toEqual(records(1, 5))
    await open.close()
    expect((await reopened(bench.disk)).records).toEqual(records(1, 5))
    expect((await reopened(bench.disk.afterPowerLoss(() => 0.9))).records).toEqual(records(1, 5))
  })

  test('after which what had been acknowledged cannot be read back ends the journal, and says so', async () => {
    const bench = new Bench()
    const open = await bench.open()
    await write(open, records(1, 3))
    bench.disk.fail({ on: 'fdatasync', code: 'EIO' })
    const refused = open.append(record(4))
    bench.disk.content(SEGMENT)[300]! ^= 1
    await expect(refused).rejects.toThrow(/cannot be read back .*The disk has lost them/)
    await expect(open.append(record(4))).rejects.toMatchObject({ code: 'JOURNAL' })
    await expect(open.close()).rejects.toMatchObject({ code: 'JOURNAL' })
  })

  test('of a folder, at the first record, counts as well', async () => {
    const bench = new Bench()
    const open = await bench.open()
    bench.disk.fail({ on: 'syncFolder', path: '/run-1', code: 'EIO' })
    await write(open, records(1, 2))
    expect(bench.told).toHaveLength(2)
    await open.close()
    expect((await reopened(bench.disk.afterPowerLoss(() => 0.9))).records).toEqual(records(1, 2))
  })
})

test('a host that throws when it is told changes nothing', async () => {
  const bench = new Bench()
  const open = await bench.journal.open('run-1', {
    report() {
      throw new Error('not now')
    },
  })
  bench.disk.fail({ on: 'write', code: 'EIO' })
  await write(open, records(1, 2))
  expect(await read(open)).toEqual(records(1, 2))
})

test('a disk that takes one byte at a time is a disk', async () => {
  const bench = new Bench()
  bench.disk.largestWrite = 1
  await fill(bench, records(1, 3))
  expect((await reopened(bench.disk)).records).toEqual(records(1, 3))
})
