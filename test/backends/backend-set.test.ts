import { VirtualClock } from 'counterpoint/testing'
import { expect, test } from 'vitest'
import { BackendSet } from '../../src/backends/backend-set.js'

const run = (): string => 'done'

function backendSet(health?: () => boolean): BackendSet {
  return new BackendSet({
    pool: 'p',
    backends: ['a', 'b'].map(name => ({ name, run, ...(health && { health }) })),
    breaker: { failures: 1 },
    clock: new VirtualClock(),
    onHealthChange: () => {},
    onChecked: () => {},
  })
}

test('opensAt is now, or the time at which the first breaker admits a probe', () => {
  const set = backendSet()
  expect(set.opensAt(3)).toBe(3)
  set.pick(0)?.breaker.open(0, 'down')
  expect([set.pick(5)?.name, set.opensAt(5)]).toEqual(['b', 5])
  set.pick(5)?.breaker.open(5, 'down')
  expect([set.pick(5), set.opensAt(5)]).toEqual([undefined, 10_000])
})

test('opensAt is after the next check when all health checks have failed', async () => {
  const set = backendSet(() => false)
  set.start()
  await new Promise(resolve => setImmediate(resolve))
  set.stop()
  expect([set.pick(7), set.opensAt(7)]).toEqual([undefined, 5_007])
})

test('alternatives are the other backends that may be used', () => {
  const set = backendSet()
  const a = set.pick(0)!
  expect(set.alternatives(0, a)).toBe(1)
  set.pick(0, { after: 'a' })?.breaker.open(0, 'down')
  expect(set.alternatives(0, a)).toBe(0)
})
