import { VirtualClock } from 'counterpoint/testing'
import { expect, test } from 'vitest'

const HOUR_MS = 3_600_000

test('time stands still until it is told to go on', async () => {
  const clock = new VirtualClock({ startAt: 1_000 })
  const heard: number[] = []
  clock.schedule(() => heard.push(clock.now()), HOUR_MS)
  await clock.advance(HOUR_MS - 1)
  expect([heard, clock.now(), clock.monotonic(), clock.pending]).toEqual([[], HOUR_MS + 999, HOUR_MS - 1, 1])
  await clock.advance(1)
  expect([heard, clock.pending]).toEqual([[HOUR_MS + 1_000], 0])
})

test('callbacks run in the order of their times, those of one time in the order in which they were scheduled', async () => {
  const clock = new VirtualClock()
  const heard: string[] = []
  for (const [name, ms] of Object.entries({ c: 30, a: 10, d: 30, b: 20, e: 30 }))
    clock.schedule(() => heard.push(name), ms)
  await clock.runUntilIdle()
  expect(heard.join('')).toBe('abcde')
  expect(clock.monotonic()).toBe(30)
})

test('a thousand callbacks in any order run in the order of their times', async () => {
  const clock = new VirtualClock()
  const times = Array.from({ length: 1_000 }, (_, i) => ((i * 7_919) % 1_009) + 1)
  const heard: number[] = []
  const callOffs = times.map(ms => clock.schedule(() => heard.push(ms), ms))
  for (let i = 0; i < 1_000; i += 3) callOffs[i]!()
  await clock.runUntilIdle()
  const kept = times.filter((_, i) => i % 3 !== 0)
  expect(heard).toEqual(kept.sort((a, b) => a - b))
})

test('what promises lead to happens before more time passes', async () => {
  const clock = new VirtualClock()
  const heard: string[] = []
  const wait = (ms: number): Promise<void> => new Promise(resolve => clock.schedule(resolve, ms))
  const chain = async (): Promise<void> => {
    await wait(10)
    for (let i = 0; i < 100; i++) await Promise.resolve()
    heard.push(`chain at ${clock.monotonic()}`)
    await wait(5)
    heard.push(`chain at ${clock.monotonic()}`)
  }
  void chain()
  clock.schedule(() => heard.push('timer at 11'), 11)
  clock.schedule(() => heard.push('timer at 16'), 16)
  await clock.advance(20)
  expect(heard).toEqual(['chain at 10', 'timer at 11', 'chain at 15', 'timer at 16'])
})

test('a delay of 0 needs no time, only a turn of the event loop', async () => {
  const clock = new VirtualClock()
  const heard: string[] = []
  clock.schedule(() => clock.schedule(() => heard.push('second'), 0), 0)
  clock.schedule(() => heard.push('called off'), 0)()
  expect([heard.length, clock.pending]).toEqual([0, 0])
  await clock.advance(0)
  expect([heard, clock.monotonic()]).toEqual([['second'], 0])
})

test('the wall clock may jump without any time passing', async () => {
  const clock = new VirtualClock({ startAt: 10 * HOUR_MS })
  const heard: number[] = []
  clock.schedule(() => heard.push(clock.monotonic()), 50)
  clock.jump(-HOUR_MS)
  expect([clock.now(), clock.monotonic()]).toEqual([9 * HOUR_MS, 0])
  clock.jump(10 * HOUR_MS)
  await clock.advance(50)
  expect([heard, clock.now()]).toEqual([[50], 19 * HOUR_MS + 50])
})

test('running until idle ends at once when nothing waits, and complains about what schedules itself for ever', async () => {
  const clock = new VirtualClock()
  await clock.runUntilIdle()
  expect(clock.monotonic()).toBe(0)
  const again = (): void => void clock.schedule(again, 1_000)
  again()
  await expect(clock.runUntilIdle({ limitMs: 10_000 })).rejects.toThrow('still busy after 10000 ms')
  expect(clock.monotonic()).toBe(10_000)
})

test('an error in a callback comes out where time was let pass, and nothing is lost', async () => {
  const clock = new VirtualClock()
  const heard: string[] = []
  clock.schedule(() => {
    throw new Error('from the callback')
  }, 10)
  clock.schedule(() => heard.push('the next'), 20)
  await expect(clock.advance(100)).rejects.toThrow('from the callback')
  await clock.runUntilIdle()
  expect(heard).toEqual(['the next'])
})

test.each([-1, Number.NaN, Number.POSITIVE_INFINITY])('%d milliseconds cannot pass', async ms => {
  await expect(new VirtualClock().advance(ms)).rejects.toThrow(`got ${ms}`)
})
