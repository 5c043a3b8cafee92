import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ReadyQueue } from '../../src/pools/ready-queue.js'

interface Entry {
  readonly index: number
  readonly urgency: number
  readonly path: number
}

function order(a: Entry, b: Entry): number {
  return a.urgency - b.urgency || b.path - a.path || a.index - b.index
}

function drained(queue: ReadyQueue): readonly number[] {
  const indexes: number[] = []
  while (queue.size > 0) indexes.push(queue.pop())
  return indexes
}

describe('a ready queue', () => {
  test('orders by lowest urgency, then longest path, then lowest index', () => {
    const queue = new ReadyQueue()
    for (const [index, urgency, path] of [
      [4, 3, 9],
      [2, 3, 9],
      [3, 3, 10],
      [1, 2, 1],
      [0, 4, 99],
    ] as const)
      queue.push(index, urgency, path)
    expect(drained(queue)).toEqual([1, 3, 2, 4, 0])
  })

  test('returns -1 while it is empty', () => {
    const queue = new ReadyQueue()
    expect([queue.size, queue.peek(), queue.pop()]).toEqual([0, -1, -1])
    queue.push(7, 1, 1)
    expect([queue.size, queue.pop(), queue.pop()]).toEqual([1, 7, -1])
  })

  test('behaves like a sorted list for any sequence of pushes and pops', () => {
    const push = fc.record({ urgency: fc.integer({ min: -2, max: 4 }), path: fc.nat(4) })
    fc.assert(
      fc.property(
        fc.array(fc.oneof({ weight: 3, arbitrary: push }, { weight: 2, arbitrary: fc.constant('pop' as const) })),
        steps => {
          const queue = new ReadyQueue()
          const reference: Entry[] = []
          steps.forEach((step, index) => {
            if (step === 'pop') {
              expect(queue.pop()).toBe(reference.shift()?.index ?? -1)
            } else {
              queue.push(index, step.urgency, step.path)
              reference.push({ index, ...step })
              reference.sort(order)
            }
            expect(queue.size).toBe(reference.length)
            expect(queue.peek()).toBe(reference[0]?.index ?? -1)
          })
          expect(drained(queue)).toEqual(reference.map(entry => entry.index))
        },
      ),
      { numRuns: 500 },
    )
  })

  test('accepts fractions and values far apart as keys', () => {
    const queue = new ReadyQueue()
    const keys = [0.5, -1e15, 1e15, 0.25, Number.MAX_SAFE_INTEGER]
    keys.forEach((urgency, index) => void queue.push(index, urgency, 0))
    expect(drained(queue)).toEqual([1, 3, 0, 2, 4])
  })

  test('takes about as long per entry for 100,000 entries as for 10,000', () => {
    const usPerEntry = (count: number, times: number): number => {
      const before = process.cpuUsage()
      for (let time = 0; time < times; time++) {
        const queue = new ReadyQueue()
        for (let i = 0; i < count; i++) queue.push(i, (i * 7_919) % 1_000, i % 10)
        drained(queue)
      }
      return process.cpuUsage(before).user / count / times
    }
    const ratios = [0, 1, 2].map(() => usPerEntry(100_000, 1) / usPerEntry(10_000, 10)).sort((a, b) => a - b)
    expect(ratios[1]).toBeLessThan(6)
  })
})
