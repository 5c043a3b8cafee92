import { expect, test } from 'vitest'
import { SerialQueue } from '../../../src/node/journal/serial-queue.js'

async function* lists(closed: () => void = () => {}): AsyncGenerator<readonly number[], void, undefined> {
  try {
    yield [1, 2]
    yield []
    yield [3]
  } finally {
    closed()
  }
}

test('what comes in lists is given one by one', async () => {
  const found: number[] = []
  for await (const each of new SerialQueue(lists())) found.push(each)
  expect(found).toEqual([1, 2, 3])
})

test('who asks for several at once gets them in order, and then the end', async () => {
  const all = new SerialQueue(lists())
  const steps = await Promise.all([all.next(), all.next(), all.next(), all.next(), all.next()])
  expect(steps.map(({ value }) => value)).toEqual([1, 2, 3, undefined, undefined])
})

test('who breaks off lets go of what stands behind', async () => {
  let isClosed = false
  for await (const _ of new SerialQueue(lists(() => (isClosed = true)))) break
  expect(isClosed).toBe(true)
})
