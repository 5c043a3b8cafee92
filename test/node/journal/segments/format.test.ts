import { crc32 } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { FakeDisk } from '../fake-disk.js'
import { FOLDER, fill, records, reopened, SEGMENT, TestJournal } from '../test-journal.js'

/** The content of a file with these bodies, framed as in every version. */
function framed(...bodies: (string | object)[]): string {
  let crc = 0
  const hex = (value: number): string => value.toString(16).padStart(8, '0')
  return bodies
    .map(body => (typeof body === 'string' ? body : JSON.stringify(body)))
    .map(body => {
      crc = crc32(body, crc)
      return `${hex(Buffer.byteLength(body))} ${hex(crc)} ${body}\n`
    })
    .join('')
}

const HEADER = { format: 'counterpoint-journal', version: 1, minReader: 1, runId: 'run-1', segment: 1 }
const body = (seq: number, more: object = {}): object => ({ r: records(seq, seq)[0], ...more })

async function opened(content: string): ReturnType<typeof reopened> {
  const disk = new FakeDisk()
  disk.put(SEGMENT, content)
  return reopened(disk)
}

describe('the format', () => {
  test('is JSON Lines with length and checksum, one record a line, with a mark at each commit', async () => {
    const fixture = new TestJournal()
    await fill(fixture, records(1, 4), 2)
    const lines = fixture.disk.content(SEGMENT).toString().trimEnd().split('\n')
    const bodies = lines.map(line => JSON.parse(line.slice(18)))
    expect(bodies[0]).toEqual({
      ...HEADER,
      createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      writer: { host: expect.any(String), pid: process.pid },
    })
    const [one, two, three, four] = records(1, 4)
    expect(bodies.slice(1)).toEqual([{ r: one }, { r: two }, { c: 2, r: three }, { r: four }])
    expect(framed(...lines.map(line => line.slice(18)))).toBe(fixture.disk.content(SEGMENT).toString())
  })

  test('may contain unknown members', async () => {
    const content = framed({ ...HEADER, version: 2, colour: 'red' }, body(1, { z: 1 }), body(2, { c: 2, z: [] }))
    expect(await opened(content)).toEqual({ records: records(1, 2), refusal: undefined, reports: [] })
  })

  test('may contain records of unknown kinds, unless they are critical', async () => {
    const unknown = { s: 'a snapshot' }
    expect((await opened(framed(HEADER, body(1), unknown, body(2)))).records).toEqual(records(1, 2))
    const { refusal } = await opened(framed(HEADER, body(1), { ...unknown, critical: true }, body(2)))
    expect(refusal).toMatch(/a critical one of an unknown kind.*or a newer one/)
  })

  test('that is too new is rejected, with where and what to do', async () => {
    const { refusal } = await opened(framed({ ...HEADER, version: 3, minReader: 2 }, body(1)))
    expect(refusal).toBe(
      `${SEGMENT}: expected a journal of format 1, got one of format 3, for readers from 2 on. Open it with the version of counterpoint that wrote it, or a newer one`,
    )
  })

  test.each([
    ['of something else', { format: 'other' }, 'is not a journal of counterpoint'],
    ['without a run', { ...HEADER, runId: 7 }, 'has an invalid header'],
    ['with a strange predecessor', { ...HEADER, after: { segment: 0 } }, 'has an invalid header'],
    [
      'of another run',
      { ...HEADER, runId: 'run-2' },
      'found journal-000001.log of run "run-2", which does not belong here',
    ],
    ['of another segment', { ...HEADER, segment: 7 }, 'found journal-000007.log of run "run-1"'],
    ['that is not an object', '7', 'is not a journal of counterpoint'],
  ])('rejects a header %s', async (_, header, words) => {
    expect((await opened(framed(header, body(1)))).refusal).toContain(words)
  })

  test('allows frames of every size around that of a chunk', async () => {
    const fixture = new TestJournal(new FakeDisk(), { maxInlineBytes: 1e9, durability: 'os' })
    const open = await fixture.open()
    const sizes = [1_048_000, 1_048_576, 3_000_000, 10, 1_048_350, 1_048_351, 500_000]
    const all = sizes.map((size, i) => [{ ...records(i + 1, i + 1)[0]![0]!, padding: 'x'.repeat(size) }])
    for (const each of all) await open.append(each)
    await open.close()
    expect((await reopened(fixture.disk)).records).toEqual(all)
    expect(fixture.disk.paths()).toEqual([`${FOLDER}/journal-000001.log`])
  })
})
