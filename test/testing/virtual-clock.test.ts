import { VirtualClock } from 'counterpoint/testing'
import { expect, test } from 'vitest'

const HOUR_MS = 3_600_000

test('time passes only when advanced', async () => {
  const clock = new VirtualClock({ startAt: 1_000 })
  const calls: number[] = []
  clock.schedule(() => calls.push(clock.now()), HOUR_MS)
  await clock.advance(HOUR_MS - 1)
  expect([calls, clock.now(), clock.monotonic(), clock.pending]).toEqual([[], HOUR_MS + 999, HOUR_MS - 1, 1])
  await clock.advance(1)
  expect([calls, clock.pending]).toEqual([[HOUR_MS + 1_000], 0])
})

test('callbacks run in the order of their due times, then of their scheduling', async () => {
  const clock = new VirtualClock()
  const calls: string[] = []
  for (const [name, ms] of Object.entries({ c: 30, a: 10, d: 30, b: 20, e: 30 }))
    clock.schedule(() => calls.push(name), ms)
  await clock.runUntilIdle()
  expect(calls.join('')).toBe('abcde')
  expect(clock.monotonic()).toBe(30)
})

test('a thousand callbacks run in the order of their due times', async () => {
  const clock = new VirtualClock()
  const times = Array.from({ length: 1_000 }, (_, i) => ((i * 7_919) % 1_009) + 1)
  const calls: number[] = []
  const cancels = times.map(ms => clock.schedule(() => calls.push(ms), ms))
  for (let i = 0; i < 1_000; i += 3) cancels[i]!()
  await clock.runUntilIdle()
  const active = times.filter((_, i) => i % 3 !== 0)
  expect(calls).toEqual(active.sort((a, b) => a - b))
})

test('promise callbacks run before more time passes', async () => {
  const clock = new VirtualClock()
  const calls: string[] = []
  const wait = (ms: number): Promise<void> => new Promise(resolve => clock.schedule(resolve, ms))
  const chain = async (): Promise<void> => {
    await wait(10)
    for (let i = 0; i < 100; i++) await Promise.resolve()
    calls.push(`chain at ${clock.monotonic()}`)
    await wait(5)
    calls.push(`chain at ${clock.monotonic()}`)
  }
  void chain()
  clock.schedule(() => calls.push('timer at 11'), 11)
  clock.schedule(() => calls.push('timer at 16'), 16)
  await clock.advance(20)
  expect(calls).toEqual(['chain at 10', 'timer at 11', 'chain at 15', 'timer at 16'])
})

test('a callback with a delay of 0 runs in the next turn of the event loop', async () => {
  const clock = new VirtualClock()
  const calls: string[] = []
  clock.schedule(() => clock.schedule(() => calls.push('second'), 0), 0)
  clock.schedule(() => calls.push('cancelled'), 0)()
  expect([calls.length, clock.pending]).toEqual([0, 0])
  await clock.advance(0)
  expect([calls, clock.monotonic()]).toEqual([['second'], 0])
})

test('jump moves the wall clock and lets no time pass', async () => {
  const clock = new VirtualClock({ startAt: 10 * HOUR_MS })
  const calls: number[] = []
  clock.schedule(() => calls.push(clock.monotonic()), 50)
  clock.jump(-HOUR_MS)
  expect([clock.now(), clock.monotonic()]).toEqual([9 * HOUR_MS, 0])
  clock.jump(10 * HOUR_MS)
  await clock.advance(50)
  expect([calls, clock.now()]).toEqual([[50], 19 * HOUR_MS + 50])
})

test('runUntilIdle returns at once when nothing is scheduled, and rejects when something reschedules itself forever', async () => {
  const clock = new VirtualClock()
  await clock.runUntilIdle()
  expect(clock.monotonic()).toBe(0)
  const again = (): void => void clock.schedule(again, 1_000)
  again()
  await expect(clock.runUntilIdle({ limitMs: 10_000 })).rejects.toThrow('still busy after 10000 ms')
  expect(clock.monotonic()).toBe(10_000)
})

test('runUntilIdle accepts a limit of Infinity', async () => {
  const clock = new VirtualClock()
  clock.schedule(() => {}, 200 * 365 * 24 * HOUR_MS)
  await clock.runUntilIdle({ limitMs: Number.POSITIVE_INFINITY })
  expect(clock.pending).toBe(0)
})

test('an error in a callback rejects the advance, and later callbacks still run', async () => {
  const clock = new VirtualClock()
  const calls: string[] = []
  clock.schedule(() => {
    throw new Error('from the callback')
  }, 10)
  clock.schedule(() => calls.push('the next'), 20)
  await expect(clock.advance(100)).rejects.toThrow('from the callback')
  await clock.runUntilIdle()
  expect(calls).toEqual(['the next'])
})

test.each([-1, Number.NaN, Number.POSITIVE_INFINITY])('rejects advancing by %d ms', async ms => {
  await expect(new VirtualClock().advance(ms)).rejects.toThrow(`got ${ms}`)
})

test('rejects unknown and invalid options', () => {
  expect(() => new VirtualClock({ startsAt: 5 } as never)).toThrow(/startsAt: unknown key \(did you mean "startAt"\?\)/)
  expect(() => new VirtualClock({ startAt: Number.NaN })).toThrow(/startAt: expected a finite number/)
})

test('time passes with every delay above 0, however small: what is due is reached', async () => {
  const clock = new VirtualClock()
  await clock.advance(1e12 + 0.1)
  let left = 3
  const again = (): void => {
    if (--left > 0) clock.schedule(again, Number.MIN_VALUE)
  }
  const before = clock.monotonic()
  clock.schedule(again, 1e-13)
  await clock.runUntilIdle()
  expect(left).toBe(0)
  expect(clock.monotonic()).toBeGreaterThan(before)
  expect(clock.monotonic()).toBeLessThan(before + 0.01)
})

test.each([-1, Number.NEGATIVE_INFINITY, Number.NaN, 0])(
  'a delay of %d is none: the callback runs in the next turn',
  async delayMs => {
    const clock = new VirtualClock()
    let calls = 0
    clock.schedule(() => void calls++, delayMs)
    await clock.runUntilIdle()
    expect([calls, clock.monotonic(), clock.pending]).toEqual([1, 0, 0])
  },
)

test('a delay of Infinity never ends, keeps nothing busy and can be cancelled', async () => {
  const clock = new VirtualClock()
  let calls = 0
  const cancel = clock.schedule(() => void calls++, Number.POSITIVE_INFINITY)
  await clock.advance(1e15)
  await clock.runUntilIdle({ limitMs: Number.POSITIVE_INFINITY })
  cancel()
  expect([calls, clock.monotonic(), clock.pending]).toEqual([0, 1e15, 0])
})

test.each([Number.NaN, Number.POSITIVE_INFINITY])('rejects a jump by %d ms', byMs => {
  expect(() => new VirtualClock().jump(byMs)).toThrow(`got ${byMs}`)
})

test.each([
  ['in no time', 0, /delay 0 schedules the next/],
  ['by a fraction', 1e-9, /each timer sets the next, now by/],
  ['by a millisecond', 1, /each timer sets the next, now by 1 ms/],
  ['after a promise', 1, /each timer sets the next/],
])('what reschedules itself forever %s is an error, and no hang', async (title, delayMs, message) => {
  const clock = new VirtualClock()
  const again = (): void =>
    void clock.schedule(title.includes('promise') ? () => void Promise.resolve().then(again) : again, delayMs)
  again()
  const busy = title.includes('millisecond') ? clock.advance(86_400_000) : clock.runUntilIdle()
  await expect(busy).rejects.toThrow(message)
})

test('many callbacks that do not follow from each other are not taken for one without end', async () => {
  const clock = new VirtualClock()
  let calls = 0
  for (let i = 0; i < 50; i++) {
    let left = 2_000
    const again = (): void => {
      calls++
      if (--left > 0) clock.schedule(again, 7)
    }
    clock.schedule(again, i)
  }
  await clock.runUntilIdle()
  expect(calls).toBe(100_000)
})
