import { type Journal, type JournalProblem, memoryJournal } from 'counterpoint'
import { describe, expect, test } from 'vitest'
import { sharedStreamsOf } from '../../src/journal/passing-stream.js'
import type { SharedStream } from '../../src/journal/shared-stream.js'
import { FakeStream } from '../support/fake-stream.js'

async function all(stream: SharedStream): Promise<unknown[]> {
  const found: unknown[] = []
  for await (const record of stream.read()) found.push(record)
  return found
}

/** The stream `x` of a journal that opens it so, and what it tells. */
function streamOf(open: Journal['shared']) {
  const told: JournalProblem[] = []
  const journal: Journal = { ...memoryJournal(), ...(open && { shared: open }) }
  const stream = sharedStreamsOf(journal, problem => void told.push(problem))('x', true) as SharedStream
  return { stream, told }
}

describe('the shared stream of an orchestrator', () => {
  test('is none where the journal has none', () => {
    const { shared: _, ...journal } = memoryJournal()
    expect(sharedStreamsOf(journal, () => {})('x', true)).toBeUndefined()
    expect(sharedStreamsOf(undefined, () => {})('x', true)).toBeUndefined()
  })

  test('is as synchronous as that of the journal, and opened once, when it is first used', () => {
    const journal = memoryJournal()
    let opened = 0
    const { stream, told } = streamOf(name => {
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
    expect([opened, told]).toEqual([1, []])
  })

  test('that is never used is not opened, and has nothing to close', () => {
    const { stream } = streamOf(() => expect.fail('nobody asked for it'))
    expect(stream.close()).toBeUndefined()
  })

  test('that is opened later takes what comes meanwhile, in order, and is closed once it is open', async () => {
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
  ])('that cannot be opened, as that %s, is told once and ends with the process', async (_, open) => {
    const { stream, told } = streamOf(open)
    expect(await all(stream)).toEqual([])
    await stream.append(1)
    await stream.replace?.([2])
    await stream.append(3)
    expect(await all(stream)).toEqual([2, 3])
    expect(told).toEqual([
      { error: new Error('locked'), message: expect.stringMatching(/^what is kept of x .*ends with this process$/) },
    ])
    await stream.close()
  })

  test('whose stream cannot be written anew says so', () => {
    const { stream } = streamOf(() => ({ read: () => [], append: () => {}, close: () => {} }))
    expect(() => stream.replace?.([])).toThrow('cannot be written anew')
  })

  test('that must not be done without is refused, and may be opened the next time', async () => {
    const inner = new FakeStream({ texts: ['1'], replaces: true })
    let tries = 0
    const journal: Journal = {
      ...memoryJournal(),
      shared: () => (tries++ === 0 ? Promise.reject(new Error('another has it')) : inner),
    }
    const stream = sharedStreamsOf(journal, () => expect.fail('it is told by who reads it'))('x', false) as SharedStream
    await expect(all(stream)).rejects.toThrow('another has it')
    expect(await all(stream)).toEqual([1])
  })
})
