import { RetryLoop } from 'counterpoint'
import { VirtualClock } from 'counterpoint/testing'
import { describe, expect, test } from 'vitest'

function setUp() {
  const clock = new VirtualClock()
  const reported: string[] = []
  const retries = new RetryLoop(clock, ({ message }) => void reported.push(message))
  return { clock, reported, retries }
}

describe('a retry loop', () => {
  test('waits 100 ms, then twice as long each time, at most 10 s', async () => {
    const { clock, retries } = setUp()
    const tries: number[] = []
    const fail = (): void => {
      tries.push(clock.monotonic())
      retries.failed(new Error('full'), 'it cannot be written', fail)
    }
    fail()
    await clock.advance(40_000)
    expect(tries.map((at, i) => at - (tries[i - 1] ?? at))).toEqual([
      0, 100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000,
    ])
  })

  test('reports the first failure, each with another code, and the success that follows', async () => {
    const { clock, reported, retries } = setUp()
    const noop = (): void => {}
    for (const code of ['ENOSPC', 'ENOSPC', 'EIO']) {
      retries.failed(Object.assign(new Error(code), { code }), 'it cannot be written', noop)
      expect([retries.isWaiting, retries.isFailing]).toEqual([true, true])
      await clock.advance(1_000)
      expect([retries.isWaiting, retries.isFailing]).toEqual([false, true])
    }
    retries.succeeded('it is written again')
    retries.succeeded('it is written again')
    expect(retries.isFailing).toBe(false)
    expect(reported).toEqual([
      'it cannot be written (ENOSPC)',
      'it cannot be written (EIO)',
      'it is written again, after 3 s',
    ])
  })

  test('retryNow ends the wait, and cancel drops the retry', async () => {
    const { clock, retries } = setUp()
    let tries = 0
    retries.failed(new Error('full'), 'it cannot be written', () => tries++)
    retries.retryNow()
    retries.retryNow()
    expect([tries, clock.pending]).toEqual([1, 0])
    retries.failed(new Error('full'), 'it cannot be written', () => tries++)
    retries.cancel()
    await clock.advance(10_000)
    expect([tries, clock.pending]).toEqual([1, 0])
  })

  test('ignores a report listener that throws', () => {
    const retries = new RetryLoop(new VirtualClock(), () => {
      throw new Error('a listener that throws')
    })
    retries.failed(new Error('full'), 'it cannot be written', () => {})
    expect(retries.isWaiting).toBe(true)
    retries.cancel()
  })
})
