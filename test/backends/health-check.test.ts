import { VirtualClock } from 'counterpoint/testing'
import { describe, expect, test } from 'vitest'
import { HealthMonitor, type HealthOptions } from '../../src/backends/health-check.js'

/** A backend whose checks are recorded with their times, and answered by `answer`. */
function scene(answer: () => unknown = () => true, options: HealthOptions = {}) {
  const clock = new VirtualClock()
  const calls: number[] = []
  const changes: (readonly [boolean, string | undefined])[] = []
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
  const monitor = new HealthMonitor(clock, backend, options, (...change) => void changes.push(change))
  return { clock, calls, changes, state, monitor }
}

/** An answer that comes when `give` is called. */
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

/** The reason found by one check of a backend with this `health`. */
async function reasonOf(health: () => unknown): Promise<string | undefined> {
  const clock = new VirtualClock()
  let unhealthyReason: string | undefined
  const monitor = new HealthMonitor(clock, { health } as never, {}, (_, reason) => {
    unhealthyReason = reason
  })
  const answer = monitor.check()
  await clock.advance(10_000)
  expect([await answer, monitor.healthy, clock.pending]).toEqual([
    unhealthyReason === undefined,
    unhealthyReason === undefined,
    0,
  ])
  return unhealthyReason
}

describe('a backend is healthy when its health()', () => {
  test.each<readonly [string, () => unknown]>([
    ['returns true', () => true],
    ['returns undefined', () => undefined],
    ['resolves to true', async () => true],
    ['resolves to undefined', async () => undefined],
    ['returns healthy: true', () => ({ healthy: true, message: 'fine' })],
  ])('%s', async (_, health) => {
    expect(await reasonOf(health)).toBeUndefined()
  })
})

describe('a backend is unhealthy when its health()', () => {
  const shape = 'health(): expected true or false, { healthy: true or false, message? }, or nothing; got'
  test.each<readonly [string, () => unknown, string]>([
    ['returns false', () => false, 'health() answered false'],
    ['resolves to false', async () => false, 'health() answered false'],
    ['returns healthy: false', () => ({ healthy: false }), 'health() answered false'],
    ['returns a message', () => ({ healthy: false, message: 'no disk' }), 'no disk'],
    ['returns a message that is not a string', () => ({ healthy: false, message: 7 }), 'health() answered false'],
    ['throws', raise(new Error('no route')), 'health() failed: no route'],
    ['rejects', async () => raise(new Error('no route'))(), 'health() failed: no route'],
    ['throws a string', raise('gone'), 'health() failed: gone'],
    ['throws null', raise(null), 'health() failed: the agent threw null'],
    ['never settles', never, 'health() did not answer within 5000 ms'],
    ['returns a string', () => 'ok', `${shape} string`],
    ['returns null', () => null, `${shape} null`],
    ['returns an invalid healthy', () => ({ healthy: 'yes' }), `${shape} object`],
    [
      'returns a getter that throws',
      () => ({
        get healthy() {
          throw new Error('trap')
        },
      }),
      'health() failed: trap',
    ],
    // biome-ignore lint/suspicious/noThenProperty: the test is about thenables that throw.
    ['returns a thenable that throws', () => ({ then: raise(new Error('trap')) }), 'health() failed: trap'],
  ])('%s', async (_, health, reason) => {
    expect(await reasonOf(health)).toBe(reason)
  })
})

describe('between start and stop', () => {
  test('it checks at once and then every 5 s by default, measured from the last answer', async () => {
    for (const [options, everyMs] of [
      [{}, 5_000],
      [{ everyMs: 700 }, 700],
    ] as const) {
      const { clock, calls, monitor } = scene(() => true, options)
      monitor.start()
      expect(calls).toEqual([0])
      await clock.advance(3 * everyMs)
      expect(calls).toEqual([0, everyMs, 2 * everyMs, 3 * everyMs])
      monitor.stop()
    }
  })

  test('it reports when the backend becomes unhealthy or healthy again, and nothing else', async () => {
    const { clock, changes, state, monitor } = scene()
    monitor.start()
    await clock.advance(10_000)
    expect(changes).toEqual([])
    state.answer = () => ({ healthy: false, message: 'full' })
    await clock.advance(20_000)
    expect([changes, monitor.healthy]).toEqual([[[false, 'full']], false])
    state.answer = () => true
    await clock.advance(20_000)
    expect([changes.at(-1), changes.length, monitor.healthy]).toEqual([[true, undefined], 2, true])
    monitor.stop()
  })

  test('it never runs two checks at once', async () => {
    const { clock, calls, state, monitor } = scene(undefined, { everyMs: 100, timeoutMs: 1_000 })
    state.answer = () => new Promise(resolve => clock.schedule(() => resolve(true), 350))
    monitor.start()
    for (let i = 0; i < 20; i++) {
      void monitor.check()
      await clock.advance(90)
    }
    expect(state.most).toBe(1)
    expect(calls.length).toBeGreaterThan(3)
    monitor.stop()
  })

  test('it keeps checking a backend that does not answer, and ignores late answers', async () => {
    const { clock, calls, changes, state, monitor } = scene(undefined, { everyMs: 1_000, timeoutMs: 200 })
    const late = pending()
    state.answer = () => late.answer
    monitor.start()
    await clock.advance(200)
    expect(changes).toEqual([[false, 'health() did not answer within 200 ms']])
    late.give(true)
    await clock.advance(999)
    expect([monitor.healthy, calls]).toEqual([false, [0]])
    await clock.advance(1)
    expect([monitor.healthy, calls]).toEqual([true, [0, 1_200]])
    monitor.stop()
  })

  test('no timer is left after stop, and no check follows', async () => {
    const { clock, calls, monitor } = scene()
    monitor.start()
    await clock.advance(7_000)
    expect(clock.pending).toBe(1)
    monitor.stop()
    monitor.stop()
    expect(clock.pending).toBe(0)
    await clock.advance(60_000)
    expect(calls).toEqual([0, 5_000])
  })

  test('stop abandons a pending check: its callers get the previous result, its answer is ignored', async () => {
    const { clock, changes, state, monitor } = scene(() => false)
    monitor.start()
    await clock.advance(5_000)
    const late = pending()
    state.answer = () => late.answer
    await clock.advance(5_000)
    const waiting = monitor.check()
    monitor.stop()
    expect([await waiting, clock.pending]).toEqual([false, 0])
    late.give(true)
    await clock.advance(60_000)
    expect([monitor.healthy, changes.length]).toEqual([false, 1])
  })

  test('it does not check more often when it is stopped and started repeatedly', async () => {
    const { clock, calls, monitor } = scene()
    for (let i = 0; i < 100; i++) {
      monitor.start()
      monitor.start()
      await clock.advance(150)
      monitor.stop()
      await clock.advance(50)
    }
    expect(calls).toEqual([0, 5_000, 10_000, 15_000])
  })

  test('it does nothing for a backend without health()', async () => {
    const clock = new VirtualClock()
    const monitor = new HealthMonitor(clock, {}, {}, () => expect.unreachable())
    monitor.start()
    expect([await monitor.check(), clock.pending]).toEqual([true, 0])
  })
})

describe('check', () => {
  test('shares a pending check, then starts a new one', async () => {
    const { clock, calls, state, monitor } = scene()
    const first = pending()
    state.answer = () => first.answer
    const answers = [monitor.check(), monitor.check(), monitor.check()]
    await clock.advance(10)
    first.give(false)
    expect(await Promise.all(answers)).toEqual([false, false, false])
    expect(calls).toEqual([0])
    state.answer = () => true
    expect(await monitor.check()).toBe(true)
    expect(calls).toEqual([0, 10])
  })

  test('shares a periodic check, and postpones the next one', async () => {
    const { clock, calls, monitor } = scene()
    monitor.start()
    void monitor.check()
    await clock.advance(3_000)
    await monitor.check()
    await clock.advance(5_000)
    expect(calls).toEqual([0, 3_000, 8_000])
    monitor.stop()
  })

  test('that is pending at start is the first periodic check', async () => {
    const { clock, calls, state, monitor } = scene()
    const first = pending()
    state.answer = () => first.answer
    const answers = monitor.check()
    monitor.start()
    await clock.advance(100)
    first.give(undefined)
    expect(await answers).toBe(true)
    await clock.advance(5_000)
    expect(calls).toEqual([0, 5_100])
    monitor.stop()
  })

  test('uses an answer again while it is younger than freshMs, healthy or not', async () => {
    for (const healthy of [true, false]) {
      const { clock, calls, monitor } = scene(() => healthy, { freshMs: 1_000 })
      expect(await monitor.check()).toBe(healthy)
      await clock.advance(999)
      expect(await monitor.check()).toBe(healthy)
      expect(calls).toEqual([0])
      await clock.advance(1)
      await monitor.check()
      expect(calls).toEqual([0, 1_000])
    }
  })

  test('reports a change before it resolves', async () => {
    const { changes, monitor } = scene(() => false)
    await monitor.check().then(() => expect(changes.length).toBe(1))
  })

  test('leaves no timer behind without a start', async () => {
    const { clock, monitor } = scene()
    await monitor.check()
    expect(clock.pending).toBe(0)
  })
})

test('an answer that rejects after the timeout is ignored, and causes no unhandled rejection', async () => {
  const { clock, changes, state, monitor } = scene(undefined, { timeoutMs: 100 })
  state.answer = () => new Promise((_, reject) => clock.schedule(() => reject(new Error('late')), 300))
  const unhandled: unknown[] = []
  const onRejection = (error: unknown): void => void unhandled.push(error)
  process.on('unhandledRejection', onRejection)
  const answer = monitor.check()
  await clock.advance(1_000)
  process.off('unhandledRejection', onRejection)
  expect([await answer, changes, unhandled]).toEqual([false, [[false, 'health() did not answer within 100 ms']], []])
})
