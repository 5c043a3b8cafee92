import type { JournalRecord } from 'counterpoint'
import { describe, expect, test } from 'vitest'
import { FakeDisk } from '../fake-disk.js'
import { FOLDER, fill, type Opened, records, reopened, SEGMENT, TestJournal, write } from '../test-journal.js'

/** A short record. */
function paused(seq: number, at = seq): JournalRecord {
  return [{ type: 'run.paused', seq, at, runId: 'run-1' }]
}

const ALL = [1, 2, 3, 4, 5].map(seq => paused(seq))

/** Five records in two segments, with commits of one and of two. */
async function smallJournal(): Promise<FakeDisk> {
  const fixture = new TestJournal()
  await fill(fixture, ALL.slice(0, 1))
  const open = await fixture.open()
  await write(open, ALL.slice(1, 2))
  await Promise.all(ALL.slice(2, 4).map(each => open.append(each)))
  await write(open, ALL.slice(4))
  await open.close()
  return fixture.disk
}

const NEWEST = `${FOLDER}/journal-000002.log`

/** The size of each frame of a segment in bytes, the header first. */
function frameSizes(content: Buffer): number[] {
  return content
    .toString()
    .split('\n')
    .slice(0, -1)
    .map(line => Buffer.byteLength(line) + 1)
}

/** Invariant: a damaged journal opens with a prefix of its records and reports it, or opening fails. */
function expectPrefix(opened: Opened, why: string): void {
  if (opened.refusal !== undefined) return
  expect(opened.records, why).toEqual(ALL.slice(0, opened.records.length))
  if (opened.records.length < ALL.length) expect(opened.reports, why).not.toEqual([])
}

describe('a truncated journal', () => {
  test('cut at any byte of its newest segment opens with the complete records, and reports the rest', async () => {
    const disk = await smallJournal()
    const content = disk.content(NEWEST)
    let end = 0
    const ends = frameSizes(content).map(size => (end += size))
    for (let size = 0; size < content.length; size++) {
      const cut = disk.copy()
      cut.put(NEWEST, content.subarray(0, size))
      const { records: found, refusal, reports } = await reopened(cut)
      const whole = ends.filter(each => each <= size).length
      expect(refusal).toBeUndefined()
      expect(found).toEqual(ALL.slice(0, 1 + Math.max(0, whole - 1)))
      expect(reports.length, `cut at ${size}`).toBe(ends.includes(size) ? 0 : 1)
    }
  })

  test('cut at any byte of an older segment fails to open, and the error says where and what to do', async () => {
    const disk = await smallJournal()
    const content = disk.content(SEGMENT)
    for (let size = 0; size < content.length; size++) {
      const cut = disk.copy()
      cut.put(SEGMENT, content.subarray(0, size))
      const { refusal } = await reopened(cut)
      expect(refusal).toContain(`${SEGMENT}, byte `)
      expect(refusal).toContain('Restore')
      expect(cut.content(SEGMENT)).toHaveLength(size)
    }
  })

  test('continues after a torn tail, which stays in the file and is reported once', async () => {
    const disk = await smallJournal()
    const content = disk.content(NEWEST)
    const end = content.length - (frameSizes(content).at(-1) as number)
    disk.put(NEWEST, content.subarray(0, content.length - 3))
    expect((await reopened(disk)).reports).toEqual([
      expect.stringContaining(`${NEWEST}, byte ${end}: the journal ends here`),
    ])
    const fixture = new TestJournal(disk)
    await fill(fixture, [paused(5, 6)])
    expect(fixture.reports).toHaveLength(1)
    expect(disk.content(NEWEST)).toEqual(content.subarray(0, -3))
    const next = { records: [...ALL.slice(0, 4), paused(5, 6)], refusal: undefined, reports: [] }
    expect(await reopened(disk)).toEqual(next)

    disk.put(NEWEST, content)
    const late = expect.stringContaining(
      `${NEWEST}, byte ${content.length - 3}: a writer that had lost its lock wrote here`,
    )
    expect(await reopened(disk)).toEqual({ ...next, reports: [late] })
  })
})

describe('a journal with one bit flipped', () => {
  test('opens with a prefix and reports it, or fails to open', async () => {
    const disk = await smallJournal()
    const outcomes = { refused: 0, cut: 0 }
    for (const path of [SEGMENT, NEWEST]) {
      const content = disk.content(path)
      for (let bit = 0; bit < content.length * 8; bit++) {
        const flipped = disk.copy()
        const bytes = Buffer.from(content)
        bytes[bit >> 3]! ^= 1 << (bit & 7)
        flipped.put(path, bytes)
        const opened = await reopened(flipped)
        expectPrefix(opened, `bit ${bit} of ${path}`)
        if (opened.refusal) outcomes.refused++
        else if (opened.records.length < ALL.length) outcomes.cut++
        else expect.fail(`bit ${bit} of ${path} was not detected`)
      }
    }
    expect(outcomes.refused).toBeGreaterThan(outcomes.cut)
  })

  test('loses at most the newest commit', async () => {
    const disk = await smallJournal()
    const content = disk.content(NEWEST)
    let start = 0
    for (const [i, size] of frameSizes(content).entries()) {
      for (const at of [0, 9, 20, size - 1]) {
        const flipped = disk.copy()
        const bytes = Buffer.from(content)
        bytes[start + at]! ^= 1
        flipped.put(NEWEST, bytes)
        const { refusal, records: found } = await reopened(flipped)
        // The header and four records, the last of which is a commit of its own.
        if (i < 4) expect(refusal).toContain(`${NEWEST}, byte ${start}`)
        else expect(found).toEqual(ALL.slice(0, 4))
      }
      start += size
    }
  })

  test('can be cut before the damage with onDamage: cut, and its files are unchanged', async () => {
    const disk = await smallJournal()
    const content = Buffer.from(disk.content(SEGMENT))
    content[content.length - 5]! ^= 4
    disk.put(SEGMENT, content)
    expect((await reopened(disk)).refusal).toContain("onDamage: 'cut', which keeps the 0 records")
    const files = [SEGMENT, NEWEST].map(path => Buffer.from(disk.content(path)))
    const fixture = new TestJournal(disk, { onDamage: 'cut' })
    await fill(fixture, records(1, 3))
    expect(fixture.reports[0]).toMatch(/expected a record that was durable.*The journal is cut here/)
    expect([SEGMENT, NEWEST].map(path => disk.content(path))).toEqual(files)
    expect(await reopened(disk)).toEqual({ records: records(1, 3), refusal: undefined, reports: [] })
  })
})

describe('in place of a segment', () => {
  test.each([
    ['a folder', (disk: FakeDisk) => disk.put(`${SEGMENT}/x`, '')],
    ['a symlink', (disk: FakeDisk) => disk.putLink(SEGMENT)],
  ])('%s is rejected', async (_, place) => {
    const disk = new FakeDisk()
    place(disk)
    expect((await reopened(disk)).refusal).toContain(`${SEGMENT}: expected a file`)
  })

  test.each([
    ['an empty file', ''],
    ['a file of zeros', '\0'.repeat(100)],
    ['a file of something else', 'hello, world\n'.repeat(10)],
  ])('%s counts as an empty journal, and is reported', async (_, content) => {
    const disk = new FakeDisk()
    disk.put(SEGMENT, content)
    const fixture = new TestJournal(disk)
    await fill(fixture, records(1, 2))
    expect(fixture.reports).toHaveLength(1)
    expect(await reopened(disk)).toEqual({ records: records(1, 2), refusal: undefined, reports: [] })
    expect(disk.content(SEGMENT).toString()).toBe(content)
  })

  test('a missing file is rejected when a later one continues it', async () => {
    const disk = await smallJournal()
    disk.remove(SEGMENT)
    expect((await reopened(disk)).refusal).toContain(`${SEGMENT}, byte 0: expected the segment that a later one`)
  })
})
