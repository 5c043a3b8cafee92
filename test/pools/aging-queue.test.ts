import { forecast, Orchestrator, type TaskSpec } from 'counterpoint'
import { MockBackend, succeed, VirtualClock } from 'counterpoint/testing'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { AgingQueue } from '../../src/pools/aging-queue.js'
import { SeededRandom } from '../support/seeded-random.js'

const MINUTE = 60_000

/** The order in which these tasks (priority, ready at, path) start, with this `agingMs`. */
function orderOf(tasks: readonly (readonly [number, number, number])[], agingMs = MINUTE): number[] {
  const queue = new AgingQueue(() => agingMs)
  for (const [index, [priority, readyAt, path]] of tasks.entries()) queue.push(index, priority, readyAt, path)
  const order: number[] = []
  while (queue.size > 0) order.push(queue.pop())
  return order
}

describe('the default order', () => {
  test.each([
    [
      'a more urgent task first, on either side of a full minute',
      [
        [3, 59_999, 9],
        [2, 60_000, 1],
      ],
      [1, 0],
    ],
    [
      '... also by a millisecond of the wall clock',
      [
        [3, 1_767_225_599_999, 9],
        [2, 1_767_225_600_000, 1],
      ],
      [1, 0],
    ],
    [
      'a task that has waited a minute longer, per step of priority',
      [
        [3, 60_000, 9],
        [4, 0, 1],
      ],
      [1, 0],
    ],
    [
      '... and not one that has waited less',
      [
        [3, 59_999, 1],
        [4, 0, 9],
      ],
      [0, 1],
    ],
    [
      '... two minutes for two steps',
      [
        [3, 119_999, 1],
        [5, 0, 9],
      ],
      [0, 1],
    ],
    [
      'the longest path, of equal priorities',
      [
        [3, 0, 1],
        [3, 59_999, 9],
        [3, 30_000, 5],
      ],
      [1, 2, 0],
    ],
    [
      '... unless another one has waited a minute longer',
      [
        [3, 0, 1],
        [3, 60_000, 9],
      ],
      [0, 1],
    ],
    [
      '... then the first in the plan',
      [
        [3, 5, 1],
        [3, 0, 1],
        [3, 9, 1],
      ],
      [0, 1, 2],
    ],
  ] as [string, [number, number, number][], number[]][])('starts %s', (_, tasks, order) => {
    expect(orderOf(tasks)).toEqual(order)
  })

  test('follows a path that grows, and starts each task once', () => {
    const queue = new AgingQueue(() => MINUTE)
    for (const index of [0, 1, 2]) queue.push(index, 3, index, 1)
    queue.push(2, 3, 2, 8)
    expect([queue.size, queue.pop(), queue.pop(), queue.pop(), queue.pop()]).toEqual([3, 2, 0, 1, -1])
    queue.push(2, 3, 50, 1)
    expect([queue.pop(), queue.size]).toEqual([2, 0])
  })

  test('lets no task wait for ever: what becomes ready too long after it never starts before it', () => {
    const task = fc.record({
      priority: fc.integer({ min: 1, max: 6 }),
      afterMs: fc.integer({ min: 0, max: 40 }),
      path: fc.integer({ min: 0, max: 50 }),
      pops: fc.integer({ min: 0, max: 2 }),
    })
    fc.assert(
      fc.property(
        fc.array(task, { minLength: 1, maxLength: 200 }),
        fc.integer({ min: 1, max: 60 }),
        (tasks, agingMs) => {
          const queue = new AgingQueue(() => agingMs)
          const waiting = new Map<number, { priority: number; readyAt: number }>()
          let now = 0
          const pop = (): void => {
            const index = queue.pop()
            const started = waiting.get(index)
            expect([index === -1, started === undefined]).toEqual([waiting.size === 0, waiting.size === 0])
            if (!started) return
            waiting.delete(index)
            for (const { priority, readyAt } of waiting.values())
              expect(started.readyAt - readyAt).toBeLessThan(Math.max(1, priority - started.priority + 1) * agingMs + 1)
          }
          for (const [index, { priority, afterMs, path, pops }] of tasks.entries()) {
            now += afterMs
            waiting.set(index, { priority, readyAt: now })
            queue.push(index, priority, now, path)
            for (let i = 0; i < pops; i++) pop()
          }
          while (waiting.size > 0) pop()
          expect(queue.size).toBe(0)
        },
      ),
    )
  })

  test('keeps nothing of tasks that were taken behind an old one that waits', () => {
    const queue = new AgingQueue(() => 1e12)
    queue.push(0, 3, 0, 0)
    for (let index = 1; index < 100_000; index++) {
      queue.push(index, 3, index, 9)
      expect(queue.pop()).toBe(index)
    }
    expect([queue.size, queue.pop(), queue.size]).toEqual([1, 0, 0])
  })
})

/** A trace of tasks that take minutes, with a long tail, in one of four shapes. */
function trace(seed: number): { tasks: TaskSpec[]; slots: number } {
  const source = new SeededRandom(seed)
  const random = (): number => source.next()
  const pick = (n: number): number => Math.floor(random() * n)
  const count = [50, 150, 400][pick(3)]!
  const width = 3 + pick(30)
  const isFlat = seed % 3 === 0
  const tasks = Array.from({ length: count }, (_, index): TaskSpec => {
    const after = new Set<string>()
    if (seed % 4 === 0 && index > 0) for (let i = pick(3); i > 0; i--) after.add(`t${pick(index)}`)
    if (seed % 4 === 1 && index >= width) after.add(`t${index - width}`)
    if (seed % 4 === 2 && index >= width)
      for (let i = 1 + pick(3); i > 0; i--) after.add(`t${(Math.floor(index / width) - 1) * width + pick(width)}`)
    if (seed % 4 === 3 && index > 0 && index % 12 !== 0) after.add(`t${index - (index % 12)}`)
    const durationMs = Math.round(Math.min(100, (1 - random()) ** (-1 / 1.3)) * 2 * MINUTE)
    return {
      id: `t${index}`,
      description: '',
      pool: 'p',
      durationMs,
      ...(!isFlat && { priority: 1 + pick(5) }),
      after: [...after],
    }
  })
  return { tasks, slots: [2, 4, 8, 16][pick(4)]! }
}

describe('the default aging, on traces of tasks that take minutes', () => {
  test('costs at most a hundredth of the makespan, compared with none', () => {
    let [withAging, without] = [0, 0]
    for (let seed = 1; seed <= 60; seed++) {
      const { tasks, slots } = trace(seed)
      withAging += forecast(tasks, { pools: { p: { concurrency: slots } } }).parallelMs
      const none = forecast(tasks, { pools: { p: { concurrency: slots, agingMs: 1e15 } } }).parallelMs
      without += none
      // Without priorities, on each of them.
      if (seed % 3 === 0)
        expect([seed, forecast(tasks, { pools: { p: { concurrency: slots } } }).parallelMs / none < 1.01]).toEqual([
          seed,
          true,
        ])
    }
    expect(withAging / without).toBeLessThan(1.01)
  })

  test('is played by a run as by the forecast', async () => {
    const { tasks, slots } = trace(2)
    const clock = new VirtualClock()
    const backend = new MockBackend({ clock })
    for (const { id, durationMs = 0 } of tasks) backend.answer(id, succeed(id, { afterMs: durationMs }))
    const defaults = { timeoutMs: 1e12 }
    const run = new Orchestrator({ clock, pools: { p: { backend, concurrency: slots, defaults } } }).run({ tasks })
    await clock.runUntilIdle({ limitMs: 1e12 })
    const { startedAt, settledAt } = await run.result
    expect(settledAt - startedAt).toBe(forecast(tasks, { pools: { p: { concurrency: slots } } }).parallelMs)
  })

  test('still lets a task of low priority start beside an endless stream of urgent ones', async () => {
    const clock = new VirtualClock()
    const backend = new MockBackend({ clock }).answer('*', succeed('done', { afterMs: 10 * MINUTE }))
    const run = new Orchestrator({ clock, pools: { p: { backend, concurrency: 1 } } }).run({
      tasks: [{ id: 'low', priority: 3 }, ...Array.from({ length: 5 }, (_, i) => ({ id: `u${i}`, priority: 1 }))],
    })
    for (let i = 0; i < 400; i++) {
      await clock.advance(10 * MINUTE)
      await run.add({ tasks: [{ id: `more${i}`, priority: 1 }] }).catch(() => {})
    }
    const at = backend.calls.findIndex(({ taskId }) => taskId === 'low')
    // Two steps of a hundred attempts each.
    expect([at > 190, at < 215]).toEqual([true, true])
  })
})
