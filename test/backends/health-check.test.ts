import { VirtualClock } from 'counterpoint/testing'
import { describe, expect, test } from 'vitest'
import { HealthMonitor, type HealthOptions } from '../../src/backends/health-check.js'

/** A backend whose checks are noted with their times, and answered by `answer`. */
function scene(answer: () => unknown = () => true, options: HealthOptions = {}) {
  const clock = new VirtualClock()
  const calls: number[] = []
  const told: (readonly [boolean, string | undefined])[] = []
  const state = { answer, open: 0, most: 0 }
  const backend = {
    async health(): Promise<never> {
      calls.push(clock.monotonic())
      state.most = Math.max(state.most, ++state.open)
      try {
        return (await state.answer()) as never
      } finally {
        state.open--
      }
    },
  }
  const watch = new HealthMonitor(clock, backend, options, (...change) => void told.push(change))
  return { clock, calls, told, state, watch }
}

/** An answer that comes when it is let go. */
function pending(): { readonly answer: Promise<unknown>; readonly give: (value: unknown) => void } {
  let give: (value: unknown) => void = () => {}
  const answer = new Promise(resolve => {
    give = resolve
  })
  return { answer, give }
}

const never = (): Promise<never> => new Promise(() => {})
const raise = (error: unknown) => (): never => {
  throw error
}

/** What the one check of a backend with this `health` finds. */
async function found(health: () => unknown): Promise<string | undefined> {
  const clock = new VirtualClock()
  let trouble: string | undefined
  const watch = new HealthMonitor(clock, { health } as never, {}, (_, reason) => {
    trouble = reason
  })
  const answer = watch.check()
  await clock.advance(10_000)
  expect([await answer, watch.healthy, clock.pending]).toEqual([trouble === undefined, trouble === undefined, 0])
  return trouble
}

describe('a backend is healthy when its health()', () => {
  test.each<readonly [string, () => unknown]>([
    ['answers true', () => true],
    ['answers nothing', () => undefined],
    ['promises true', async () => true],
    ['promises nothing', async () => undefined],
    ['says so', () => ({ healthy: true, message: 'fine' })],
  ])('%s', async (_, health) => {
    expect(await found(health)).toBeUndefined()
  })
})

describe('a backend is unhealthy when its health()', () => {
  const shape = 'health(): expected true or false, { healthy: true or false, message? }, or nothing; got'
  test.each<readonly [string, () => unknown, string]>([
    ['answers false', () => false, 'health() answered false'],
    ['promises false', async () => false, 'health() answered false'],
    ['says so', () => ({ healthy: false }), 'health() answered false'],
    ['says why', () => ({ healthy: false, message: 'no disk' }), 'no disk'],
    ['says why in no words', () => ({ healthy: false, message: 7 }), 'health() answered false'],
    ['throws', raise(new Error('no route')), 'health() failed: no route'],
    ['rejects', async () => raise(new Error('no route'))(), 'health() failed: no route'],
    ['throws what is no error', raise('gone'), 'health() failed: gone'],
    ['throws null', raise(null), 'health() failed: the agent threw null'],
    ['never settles', never, 'health() did not answer within 5000 ms'],
    ['answers with a text', () => 'ok', `${shape} string`],
    ['answers null', () => null, `${shape} null`],
    ['answers half', () => ({ healthy: 'yes' }), `${shape} object`],
    [
      'answers with a getter that throws',
      () => ({
        get healthy() {
          throw new Error('trap')
        },
      }),
      'health() failed: trap',
    ],
    // biome-ignore lint/suspicious/noThenProperty: a thenable that throws is what is tested.
    ['answers with a thenable that throws', () => ({ then: raise(new Error('trap')) }), 'health() failed: trap'],
  ])('%s', async (_, health, trouble) => {
    expect(await found(health)).toBe(trouble)
  })
})

describe('a watch', () => {
  test('checks at the start and then from one answer to the next, every 5 s unless told otherwise', async () => {
    for (const [options, everyMs] of [
      [{}, 5_000],
      [{ everyMs: 700 }, 700],
    ] as const) {
      const { clock, calls, watch } = scene(() => true, options)
      watch.start()
      expect(calls).toEqual([0])
      await clock.advance(3 * everyMs)
      expect(calls).toEqual([0, everyMs, 2 * everyMs, 3 * everyMs])
      watch.stop()
    }
  })

  test('tells when the backend becomes ill or well again, and nothing in between', async () => {
    const { clock, told, state, watch } = scene()
    watch.start()
    await clock.advance(10_000)
    expect(told).toEqual([])
    state.answer = () => ({ healthy: false, message: 'full' })
    await clock.advance(20_000)
    expect([told, watch.healthy]).toEqual([[[false, 'full']], false])
    state.answer = () => true
    await clock.advance(20_000)
    expect([told.at(-1), told.length, watch.healthy]).toEqual([[true, undefined], 2, true])
    watch.stop()
  })

  test('never has two checks at once, however slow they are and whoever asks', async () => {
    const { clock, calls, state, watch } = scene(undefined, { everyMs: 100, timeoutMs: 1_000 })
    state.answer = () => new Promise(resolve => clock.schedule(() => resolve(true), 350))
    watch.start()
    for (let i = 0; i < 20; i++) {
      void watch.check()
      await clock.advance(90)
    }
    expect(state.most).toBe(1)
    expect(calls.length).toBeGreaterThan(3)
    watch.stop()
  })

  test('goes on checking a backend that does not answer, and hears nothing that comes too late', async () => {
    const { clock, calls, told, state, watch } = scene(undefined, { everyMs: 1_000, timeoutMs: 200 })
    const late = pending()
    state.answer = () => late.answer
    watch.start()
    await clock.advance(200)
    expect(told).toEqual([[false, 'health() did not answer within 200 ms']])
    late.give(true)
    await clock.advance(999)
    expect([watch.healthy, calls]).toEqual([false, [0]])
    await clock.advance(1)
    expect([watch.healthy, calls]).toEqual([true, [0, 1_200]])
    watch.stop()
  })

  test('has no timer after it has been stopped, and checks no more', async () => {
    const { clock, calls, watch } = scene()
    watch.start()
    await clock.advance(7_000)
    expect(clock.pending).toBe(1)
    watch.stop()
    watch.stop()
    expect(clock.pending).toBe(0)
    await clock.advance(60_000)
    expect(calls).toEqual([0, 5_000])
  })

  test('gives up a check when it is stopped: whoever waits is told what was found before, and its answer changes nothing', async () => {
    const { clock, told, state, watch } = scene(() => false)
    watch.start()
    await clock.advance(5_000)
    const late = pending()
    state.answer = () => late.answer
    await clock.advance(5_000)
    const waiting = watch.check()
    watch.stop()
    expect([await waiting, clock.pending]).toEqual([false, 0])
    late.give(true)
    await clock.advance(60_000)
    expect([watch.healthy, told.length]).toEqual([false, 1])
  })

  test('checks no more often for being stopped and started again and again', async () => {
    const { clock, calls, watch } = scene()
    for (let i = 0; i < 100; i++) {
      watch.start()
      watch.start()
      await clock.advance(150)
      watch.stop()
      await clock.advance(50)
    }
    expect(calls).toEqual([0, 5_000, 10_000, 15_000])
  })

  test('has nothing to do for a backend without health()', async () => {
    const clock = new VirtualClock()
    const watch = new HealthMonitor(clock, {}, {}, () => expect.unreachable())
    watch.start()
    expect([await watch.check(), clock.pending]).toEqual([true, 0])
  })
})

describe('check', () => {
  test('is one check for all who ask while it is under way, then a new one', async () => {
    const { clock, calls, state, watch } = scene()
    const first = pending()
    state.answer = () => first.answer
    const asked = [watch.check(), watch.check(), watch.check()]
    await clock.advance(10)
    first.give(false)
    expect(await Promise.all(asked)).toEqual([false, false, false])
    expect(calls).toEqual([0])
    state.answer = () => true
    expect(await watch.check()).toBe(true)
    expect(calls).toEqual([0, 10])
  })

  test('shares the check that the interval has begun, and puts the next one off', async () => {
    const { clock, calls, watch } = scene()
    watch.start()
    void watch.check()
    await clock.advance(3_000)
    await watch.check()
    await clock.advance(5_000)
    expect(calls).toEqual([0, 3_000, 8_000])
    watch.stop()
  })

  test('that is under way at the start is the first of the watch', async () => {
    const { clock, calls, state, watch } = scene()
    const first = pending()
    state.answer = () => first.answer
    const asked = watch.check()
    watch.start()
    await clock.advance(100)
    first.give(undefined)
    expect(await asked).toBe(true)
    await clock.advance(5_000)
    expect(calls).toEqual([0, 5_100])
    watch.stop()
  })

  test('takes an answer again that is younger than freshMs, be it good or bad', async () => {
    for (const healthy of [true, false]) {
      const { clock, calls, watch } = scene(() => healthy, { freshMs: 1_000 })
      expect(await watch.check()).toBe(healthy)
      await clock.advance(999)
      expect(await watch.check()).toBe(healthy)
      expect(calls).toEqual([0])
      await clock.advance(1)
      await watch.check()
      expect(calls).toEqual([0, 1_000])
    }
  })

  test('has told of a change before it is answered', async () => {
    const { told, watch } = scene(() => false)
    await watch.check().then(() => expect(told.length).toBe(1))
  })

  test('leaves no timer behind, without a start', async () => {
    const { clock, watch } = scene()
    await watch.check()
    expect(clock.pending).toBe(0)
  })
})

test('an answer that rejects after its time is not heard of, neither by the watch nor as an unhandled rejection', async () => {
  const { clock, told, state, watch } = scene(undefined, { timeoutMs: 100 })
  state.answer = () => new Promise((_, reject) => clock.schedule(() => reject(new Error('late')), 300))
  const unhandled: unknown[] = []
  const hear = (error: unknown): void => void unhandled.push(error)
  process.on('unhandledRejection', hear)
  const answer = watch.check()
  await clock.advance(1_000)
  process.off('unhandledRejection', hear)
  expect([await answer, told, unhandled]).toEqual([false, [[false, 'health() did not answer within 100 ms']], []])
})
