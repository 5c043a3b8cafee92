import { type Clock, systemClock } from 'counterpoint'
import { clockConformance, VirtualClock } from 'counterpoint/testing'
import { describe, expect, test } from 'vitest'
import { failuresOf, suite } from './cases.js'

suite(
  'systemClock',
  clockConformance(() => systemClock),
)
suite(
  'VirtualClock',
  clockConformance(() => new VirtualClock(), { pass: (ms, clock) => clock.advance(ms) }),
)

describe('clockConformance', () => {
  /** The failures of a virtual clock with one method replaced. */
  const found = (change: (clock: VirtualClock) => Partial<Clock>): Promise<Record<string, string>> => {
    const make = (): VirtualClock => {
      const clock = new VirtualClock()
      return Object.assign(clock, change(Object.assign(new VirtualClock(), { schedule: clock.schedule.bind(clock) })))
    }
    return failuresOf(clockConformance(make, { pass: (ms, clock) => clock.advance(ms) }))
  }

  test('detects a delay that overflows at 2^31 ms, as in setTimeout', async () => {
    const cut = await found(({ schedule }) => ({ schedule: (call, ms) => schedule(call, ms > 2 ** 31 - 1 ? 1 : ms) }))
    expect(Object.keys(cut)).toEqual(['does not call back early for a delay above 2^31 ms'])
  })

  test('detects a clock in seconds, and one that stands still', async () => {
    const seconds = await found(() => ({ now: () => 1_750_000_000 }))
    expect(Object.keys(seconds)).toEqual(['returns the time in milliseconds since 1970'])
    expect(await found(() => ({ monotonic: () => 5 }))).toHaveProperty('has a monotonic time that grows')
  })

  test('detects a clock that is early, and one that calls back synchronously', async () => {
    const early = await found(({ schedule }) => ({ schedule: (call, ms) => schedule(call, ms / 2) }))
    expect(early).toEqual({ 'calls back once, and not early': 'expected it after at least 20 ms, it came after 10 ms' })
    const synchronous = await found(({ schedule }) => ({
      schedule: (call, ms) => {
        if (ms > 0) return schedule(call, ms)
        call()
        return () => {}
      },
    }))
    expect(synchronous).toHaveProperty('calls back asynchronously for a delay of 0 or less')
  })

  test('detects a clock that calls back twice, or after cancellation', async () => {
    const twice = await found(({ schedule }) => ({
      schedule: (call, ms) => {
        schedule(call, ms)
        return schedule(call, ms)
      },
    }))
    expect(twice).toHaveProperty(
      'calls back once, and not early',
      'expected one call within 60 ms for a delay of 20 ms, got 2',
    )
    expect(twice).toHaveProperty('does not call back after cancellation')
  })
})
