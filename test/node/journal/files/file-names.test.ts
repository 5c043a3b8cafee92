import { lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileJournal } from 'counterpoint/node'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { folderName, isPlain, segmentName, segmentNumbers } from '../../../../src/node/journal/files/file-names.js'
import { FakeDisk } from '../fake-disk.js'
import { fill, read, record, records, TestJournal } from '../test-journal.js'

const DIFFICULT = [
  ...['../../etc/x', 'a/b', '..\\x', '/etc/passwd', 'C:\\x', '.', '..', '', ' ', '~', '.hidden', '-rf', 'a\0b', 'a\nb'],
  ...['CON', 'con', 'nul.txt', 'aux.', 'com1', 'lpt9.log', 'LOCK', 'blobs', 'trailing.', 'trailing ', 'a:b', 'a*b?'],
  ...[
    'x'.repeat(300),
    'x'.repeat(100),
    '\u00e9',
    'e\u0301',
    '\ud800',
    '\udfff',
    '日本',
    '🙂',
    '\u202erun',
    '__proto__',
  ],
  ...['Run-1', 'RUN-1', 'run-1', 'run-1.', '.deleted-x', '%2e%2e', 'run-1~0123456789abcdef0123456789abcdef'],
]

describe('the folder of a run', () => {
  test('is named by a plain id', () => {
    for (const id of ['run-1', 'run-0191f2c4-58b6-7cc0', 'a', '0', 'nightly_2026.11', 'x'.repeat(100), 'consul'])
      expect([folderName(id), isPlain(id)]).toEqual([id, true])
  })

  test('has a safe name for every id', () => {
    const ids = fc.array(fc.nat({ max: 0xffff })).map(units => String.fromCharCode(...units))
    fc.assert(
      fc.property(fc.oneof(ids, fc.constantFrom(...DIFFICULT)), id => {
        const name = folderName(id)
        expect(name).toMatch(/^[a-z0-9~][a-z0-9._~-]{0,99}$/)
        expect(name).not.toMatch(/\.$|^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/)
      }),
    )
  })

  test('differs for each id, even on case-insensitive file systems', () => {
    const similarIds = DIFFICULT.flatMap(id => [
      id,
      id.toUpperCase(),
      id.toLowerCase(),
      id.normalize('NFC'),
      id.normalize('NFD'),
    ])
    const ids = new Set(similarIds)
    const names = new Set([...ids].map(id => folderName(id).toLowerCase().normalize('NFC')))
    expect(names.size).toBe(ids.size)
  })

  test('of any id can be listed and read', async () => {
    const fixture = new TestJournal()
    for (const id of DIFFICULT) {
      const open = await fixture.open(id)
      await open.append(record(1, 'out', id))
      await open.close()
    }
    expect([...(await fixture.journal.list())].sort()).toEqual([...DIFFICULT].sort())
    for (const id of DIFFICULT) expect((await read(await fixture.open(id)))[0]![0]!.runId).toBe(id)
  })
})

test('segmentNumbers lists segments by number, and ignores other names', () => {
  const names = ['journal-000010.log', 'journal-000002.log', 'LOCK', 'journal-1.log', 'journal-000003.log~', 'blobs']
  expect(segmentNumbers([...names, segmentName(1_234_567)])).toEqual([2, 10, 1_234_567])
})

describe('on a real disk', () => {
  let root: string
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'counterpoint-names-'))
  })
  afterEach(() => rmSync(root, { recursive: true }))

  test.runIf(process.platform !== 'win32')('everything is accessible to its owner only', async () => {
    const folder = join(root, 'deep/in/runs')
    const open = await fileJournal({ folder, maxInlineBytes: 100 }).open('run-1')
    await open.append(record(1, 'x'.repeat(200)))
    const modes = ['', 'run-1', 'run-1/LOCK', 'run-1/journal-000001.log', 'run-1/blobs'].map(
      path => statSync(join(folder, path)).mode & 0o777,
    )
    expect(modes).toEqual([0o700, 0o700, 0o600, 0o600, 0o700])
    const [blob] = readdirSync(join(folder, 'run-1/blobs'))
    expect([blob?.length, statSync(join(folder, 'run-1/blobs', blob!)).mode & 0o777]).toEqual([64, 0o600])
    await open.close()
    expect(readdirSync(join(folder, 'run-1')).sort()).toEqual(['blobs', 'journal-000001.log'])
  })

  test.runIf(process.platform !== 'win32')('no symlink is followed to write, read or delete', async () => {
    const elsewhere = join(root, 'elsewhere')
    const folder = join(root, 'runs')
    for (const path of [elsewhere, folder, join(folder, 'segment'), join(folder, 'blob'), join(folder, 'lock')])
      mkdirSync(path)
    writeFileSync(join(elsewhere, 'precious'), 'precious')
    symlinkSync(elsewhere, join(folder, 'run'))
    symlinkSync(join(elsewhere, 'precious'), join(folder, 'segment/journal-000001.log'))
    symlinkSync(elsewhere, join(folder, 'blob/blobs'))
    symlinkSync(join(elsewhere, 'precious'), join(folder, 'lock/LOCK'))
    const journal = fileJournal({ folder, maxInlineBytes: 10 })
    for (const id of ['run', 'segment', 'lock'])
      await expect(journal.open(id)).rejects.toMatchObject({
        code: 'JOURNAL',
        message: expect.stringMatching(/has that name/),
      })
    const open = await journal.open('blob', { report: () => {} })
    const refused = Promise.resolve(open.append(record(1, 'x'.repeat(100), 'blob')))
    refused.catch(() => {})
    await expect(open.close()).rejects.toMatchObject({ code: 'JOURNAL' })
    await expect(refused).rejects.toMatchObject({ code: 'JOURNAL' })
    for (const id of ['run', 'segment', 'lock', 'blob']) await Promise.resolve(journal.delete(id)).catch(() => {})
    expect(readdirSync(elsewhere)).toEqual(['precious'])
    expect(lstatSync(join(elsewhere, 'precious')).size).toBe(8)
    expect([...(await journal.list())]).not.toContain('run')
  })

  test('the root folder may be a symlink', async () => {
    symlinkSync(root, join(root, 'link'))
    const open = await fileJournal({ folder: join(root, 'link/runs') }).open('run-1')
    await open.append(record(1))
    await open.close()
    expect([...(await fileJournal({ folder: join(root, 'runs') }).list())]).toEqual(['run-1'])
  })
})

describe('list()', () => {
  test('is empty without a folder, and omits copies, files and empty runs', async () => {
    expect([...(await new TestJournal().journal.list())]).toEqual([])
    const fixture = new TestJournal()
    await fill(fixture, records(1, 2))
    await (await fixture.open('never-began')).close()
    for (const path of fixture.disk.paths())
      fixture.disk.put(path.replace('run-1', 'copy of run-1'), fixture.disk.content(path))
    fixture.disk.put('/runs/notes.txt', 'x')
    fixture.disk.put('/runs/cut/journal-000001.log', '')
    expect([...(await fixture.journal.list())]).toEqual(['run-1'])
  })

  test('includes damaged runs', async () => {
    const disk = new FakeDisk()
    disk.put('/runs/run-1/journal-000001.log', 'x'.repeat(100))
    expect([...(await new TestJournal(disk).journal.list())]).toEqual(['run-1'])
  })
})

describe('delete()', () => {
  test('deletes all files of the run, and the rest of interrupted deletions', async () => {
    const fixture = new TestJournal(new FakeDisk(), { maxInlineBytes: 100 })
    await fill(fixture, [record(1, 'x'.repeat(200))])
    fixture.disk.put('/runs/.deleted-1/blobs/a', 'x')
    fixture.disk.fail({ on: 'unlink', path: 'journal-000001.log', code: 'EIO' })
    await expect(fixture.journal.delete('run-1')).rejects.toMatchObject({ code: 'JOURNAL' })
    expect([...(await fixture.journal.list())]).toEqual([])
    await fixture.journal.delete('run-1')
    expect(fixture.disk.paths()).toEqual([])
  })
})
