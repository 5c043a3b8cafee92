import { type Journal, type JournalProblem, memoryJournal } from 'counterpoint'
import { describe, expect, test } from 'vitest'
import { sharedStreamsOf } from '../../src/journal/lazy-stream.js'
import type { SharedStream } from '../../src/journal/shared-stream.js'
import { FakeStream } from '../support/fake-stream.js'

async function all(stream: SharedStream): Promise<unknown[]> {
  const found: unknown[] = []
  for await (const record of stream.read()) found.push(record)
  return found
}

/** The stream `x` of a journal with this `shared`, and the problems that are reported. */
function streamOf(open: Journal['shared']) {
  const problems: JournalProblem[] = []
  const journal: Journal = { ...memoryJournal(), ...(open && { shared: open }) }
  const stream = sharedStreamsOf(journal, problem => void problems.push(problem))('x', true) as SharedStream
  return { stream, problems }
}

describe('a lazy stream', () => {
  test('is undefined where the journal has no shared streams', () => {
    const { shared: _, ...journal } = memoryJournal()
    expect(sharedStreamsOf(journal, () => {})('x', true)).toBeUndefined()
    expect(sharedStreamsOf(undefined, () => {})('x', true)).toBeUndefined()
  })

  test('is synchronous where that of the journal is, and is opened once, on first use', () => {
    const journal = memoryJournal()
    let opened = 0
    const { stream, problems } = streamOf(name => {
      opened++
      return journal.shared?.(name) as SharedStream
    })
    expect(opened).toBe(0)
    expect([stream.read(), stream.append(1), stream.replace?.([2]), stream.append(3), stream.read()]).toEqual([
      [],
      undefined,
      undefined,
      undefined,
      [2, 3],
    ])
    expect([opened, problems]).toEqual([1, []])
  })

  test('is not opened by close when it has not been used', () => {
    const { stream } = streamOf(() => expect.fail('it has not been used'))
    expect(stream.close()).toBeUndefined()
  })

  test('queues records in order while it is being opened, and is closed once it is open', async () => {
    const inner = new FakeStream({ texts: ['1'], replaces: true })
    let open!: (stream: SharedStream) => void
    const { stream } = streamOf(() => new Promise<SharedStream>(resolve => (open = resolve)))
    const read = all(stream)
    const written = [stream.append(2), stream.append(3)]
    const closed = stream.close()
    open(inner)
    expect(await read).toEqual([1])
    await Promise.all([...written, closed])
    expect([inner.records, inner.closes]).toEqual([[1, 2, 3], 1])
    await stream.replace?.([4])
    expect(await all(stream)).toEqual([4])
  })

  test.each<[string, () => Promise<SharedStream>]>([
    ['rejects', () => Promise.reject(new Error('locked'))],
    [
      'throws',
      () => {
        throw new Error('locked')
      },
    ],
  ])('is kept in memory, and reported once, when opening %s', async (_, open) => {
    const { stream, problems } = streamOf(open)
    expect(await all(stream)).toEqual([])
    await stream.append(1)
    await stream.replace?.([2])
    await stream.append(3)
    expect(await all(stream)).toEqual([2, 3])
    expect(problems).toEqual([
      {
        error: new Error('locked'),
        message: expect.stringMatching(
          /^the shared stream of x cannot be opened: .* when this process ends\. Give each process a journal of its own/,
        ),
      },
    ])
    await stream.close()
  })

  test('throws from replace where the stream has none', () => {
    const { stream } = streamOf(() => ({ read: () => [], append: () => {}, close: () => {} }))
    expect(() => stream.replace?.([])).toThrow('cannot be rewritten')
  })

  test('without a fallback passes the error on, and is opened by the next use', async () => {
    const inner = new FakeStream({ texts: ['1'], replaces: true })
    let tries = 0
    const journal: Journal = {
      ...memoryJournal(),
      shared: () => (tries++ === 0 ? Promise.reject(new Error('another has it')) : inner),
    }
    const stream = sharedStreamsOf(journal, () => expect.fail('the reader gets the error'))('x', false) as SharedStream
    await expect(all(stream)).rejects.toThrow('another has it')
    expect(await all(stream)).toEqual([1])
  })
})
