import { createHash } from 'node:crypto'
import type { JournalRecord, Json } from 'counterpoint'
import { canonicalJson } from 'counterpoint'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { FakeDisk } from './fake-disk.js'
import { FOLDER, fill, read, record, reopened, TestJournal } from './test-journal.js'

const BLOBS = `${FOLDER}/blobs`
const large = (char: string): string => char.repeat(20_000)
const sha256 = (json: Json): string => createHash('sha256').update(JSON.stringify(json)).digest('hex')
const blobsOf = (disk: FakeDisk): string[] => disk.paths().filter(path => path.startsWith(BLOBS))

describe('a payload of more than 16 KiB', () => {
  test('is stored in a file named by its hash, before its record, and read back unchanged', async () => {
    const fixture = new TestJournal()
    const output = { text: large('é'), list: [1, null, { a: '' }] }
    const open = await fixture.open()
    await open.append(record(1, output))
    await open.append(record(2, large('x').slice(0, 16_000)))
    expect(blobsOf(fixture.disk)).toEqual([`${BLOBS}/${sha256(output)}`])
    expect(fixture.disk.content(`${FOLDER}/journal-000001.log`).length).toBeLessThan(17_500)
    expect(await read(open)).toEqual([record(1, output), record(2, large('x').slice(0, 16_000))])
    await open.close()
    expect((await reopened(fixture.disk)).records).toEqual([record(1, output), record(2, large('x').slice(0, 16_000))])
  })

  test('may be any member of any event, and equal payloads share a file', async () => {
    const base = { at: 0, runId: 'run-1', taskId: 'a', index: 0 }
    const failure = { kind: 'agent', message: large('f') } as const
    const all: JournalRecord = [
      { ...base, seq: 1, type: 'task.added', spec: { id: 'a', description: large('d'), input: [large('i')] } },
      { ...base, seq: 2, type: 'attempt.started', attempt: 1, pool: 'p', backend: 'b', key: 'k', input: large('i') },
      { ...base, seq: 3, type: 'task.succeeded', attempt: 1, output: large('i') },
      { ...base, seq: 4, type: 'task.dead', failure },
      { ...base, seq: 5, type: 'task.cancelled', reason: large('r') },
    ]
    const fixture = new TestJournal()
    await fill(fixture, [all])
    expect(blobsOf(fixture.disk)).toHaveLength(4)
    const [found] = (await reopened(fixture.disk)).records
    expect(found).toEqual(all)
    expect(found!.map(event => Object.keys(event))).toEqual(all.map(event => Object.keys(event)))
  })

  test('that is missing or damaged makes reading fail, with its path', async () => {
    const fixture = new TestJournal()
    await fill(fixture, [record(1, large('x'))])
    const path = `${BLOBS}/${sha256(large('x'))}`
    const damaged = fixture.disk.copy()
    damaged.content(path)[5]! ^= 1
    expect((await reopened(damaged)).refusal).toContain(
      `${path}: a record of the journal refers to this payload, but it is damaged`,
    )
    fixture.disk.remove(path)
    expect((await reopened(fixture.disk)).refusal).toContain(
      `${path}: a record of the journal refers to this payload, but it is missing`,
    )
  })

  test('that is incomplete after a crash is written again by the next opener', async () => {
    const fixture = new TestJournal()
    fixture.disk.put(`${BLOBS}/${sha256(large('x'))}`, '"xx')
    await fill(fixture, [record(1, large('x'))])
    expect((await reopened(fixture.disk)).records).toEqual([record(1, large('x'))])
  })

  test('that cannot be written delays its record, and leaves no partial file', async () => {
    const fixture = new TestJournal()
    const open = await fixture.open()
    fixture.disk.fail({ on: 'write', code: 'ENOSPC', times: 3, leaves: 1_000 })
    await open.append(record(1, large('x')))
    expect(fixture.reports).toHaveLength(2)
    expect(blobsOf(fixture.disk)).toHaveLength(1)
    expect(await read(open)).toEqual([record(1, large('x'))])
  })

  test('may have ten megabytes, and the limit is configurable', async () => {
    const text = 'x'.repeat(10_000_000)
    const fixture = new TestJournal(new FakeDisk(), { maxInlineBytes: 0 })
    await fill(fixture, [record(1, text), record(2, null), record(3, 7)])
    expect((await reopened(fixture.disk)).records).toEqual([record(1, text), record(2, null), record(3, 7)])
  })
})

/** JSON without the key `__proto__`, which is rejected everywhere and which fast-check generates often. */
const canonicalValue = fc
  .jsonValue({ noUnicodeString: false })
  .filter(value => !JSON.stringify(value).includes('__proto__'))

test('every canonical output is read back unchanged, in any grouping, inline or not, across any number of openings', async () => {
  const groups = fc.array(fc.array(fc.array(canonicalValue, { maxLength: 4 }), { maxLength: 4 }), {
    maxLength: 4,
  })
  await fc.assert(
    fc.asyncProperty(groups, fc.nat({ max: 60 }), async (openings, maxInlineBytes) => {
      const fixture = new TestJournal(new FakeDisk(), { maxInlineBytes })
      const all: JournalRecord[] = []
      for (const commits of openings) {
        const open = await fixture.open()
        for (const outputs of commits) {
          const group = outputs.map((output, i) => record(all.length + i + 1, canonicalJson(output)))
          all.push(...group)
          await Promise.all(group.map(each => open.append(each)))
        }
        await open.close()
      }
      expect(await reopened(fixture.disk)).toEqual({ records: all, refusal: undefined, reports: [] })
    }),
    { numRuns: 40 },
  )
})
