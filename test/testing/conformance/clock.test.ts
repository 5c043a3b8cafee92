import { type Clock, systemClock } from 'counterpoint'
import { clockConformance, VirtualClock } from 'counterpoint/testing'
import { describe, expect, test } from 'vitest'
import { broken, suite } from './cases.js'

suite(
  'systemClock',
  clockConformance(() => systemClock),
)
suite(
  'VirtualClock',
  clockConformance(() => new VirtualClock(), { pass: (ms, clock) => clock.advance(ms) }),
)

describe('the conformance suite of clocks', () => {
  /** A virtual clock with one thing changed. */
  const found = (bend: (clock: VirtualClock) => Partial<Clock>): Promise<Record<string, string>> => {
    const make = (): VirtualClock => {
      const clock = new VirtualClock()
      return Object.assign(clock, bend(Object.assign(new VirtualClock(), { schedule: clock.schedule.bind(clock) })))
    }
    return broken(clockConformance(make, { pass: (ms, clock) => clock.advance(ms) }))
  }

  test('finds a delay that is cut at 2^31 ms, as by a bare setTimeout', async () => {
    const cut = await found(({ schedule }) => ({ schedule: (call, ms) => schedule(call, ms > 2 ** 31 - 1 ? 1 : ms) }))
    expect(Object.keys(cut)).toEqual(['does not call back early after more than 2^31 ms'])
  })

  test('finds a clock of seconds, and one that stands still', async () => {
    const seconds = await found(() => ({ now: () => 1_750_000_000 }))
    expect(Object.keys(seconds)).toEqual(['tells the time in milliseconds since 1970'])
    expect(await found(() => ({ monotonic: () => 5 }))).toHaveProperty(
      'has monotonic time that passes and never goes back',
    )
  })

  test('finds a clock that is early, and one that calls back at once', async () => {
    const early = await found(({ schedule }) => ({ schedule: (call, ms) => schedule(call, ms / 2) }))
    expect(early).toEqual({ 'calls back once, and not early': 'expected it after 20 ms, it came after 10 ms' })
    const atOnce = await found(({ schedule }) => ({
      schedule: (call, ms) => {
        if (ms > 0) return schedule(call, ms)
        call()
        return () => {}
      },
    }))
    expect(atOnce).toHaveProperty('calls back in a later turn for a delay of 0 or less')
  })

  test('finds a clock that calls back twice, or what was called off', async () => {
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
    expect(twice).toHaveProperty('does not call back what was called off')
  })
})
