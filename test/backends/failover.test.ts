import { type AgentBackend, CounterpointError } from 'counterpoint'
import { describe, expect, test } from 'vitest'
import { type BackendPreference, FailoverList, type PoolBackend } from '../../src/backends/failover.js'
import type { AttemptOutcome } from '../../src/core/failure/attempt-outcome.js'

const OK: AttemptOutcome = { ok: true }
const DOWN: AttemptOutcome = {
  ok: false,
  failure: { kind: 'overloaded', message: 'down' },
  verdict: { action: 'retry', delayMs: 0 },
}

const run = (): string => 'done'

/** A ladder whose breakers open at the first failure, and what it told. */
function scene(...names: readonly string[]) {
  const told: string[] = []
  const ladder = new FailoverList({
    pool: 'p',
    backends: names.map(name => ({ name, run })),
    breaker: { failures: 1 },
    changed: rung => void told.push(`${rung.name}: ${rung.unhealthyReason ?? 'well'}`),
  })
  const rung = (name: string): PoolBackend => ladder.rungs.find(one => one.name === name) as PoolBackend
  const start = (now: number, wanted?: BackendPreference) => {
    const picked = ladder.pick(now, wanted)
    const ticket = picked?.breaker.attemptStarted(now)
    return {
      name: picked?.name,
      end: (outcome: AttemptOutcome) => picked?.breaker.attemptEnded(now, ticket as number, outcome),
    }
  }
  return { ladder, rung, start, told }
}

/** Which backend is picked when those in `ill` are ill. */
function picked(ill: readonly string[], wanted?: BackendPreference): string | undefined {
  const { ladder, rung } = scene('a', 'b', 'c')
  for (const name of ill) rung(name).setHealth(false)
  return ladder.pick(0, wanted)?.name
}

describe('the ladder picks', () => {
  test.each<readonly [readonly string[], BackendPreference | undefined, string | undefined]>([
    [[], undefined, 'a'],
    [[], {}, 'a'],
    [['a'], undefined, 'b'],
    [['a', 'b'], undefined, 'c'],
    [['b'], undefined, 'a'],
    [['a', 'b', 'c'], undefined, undefined],
    [[], { after: 'a' }, 'b'],
    [[], { after: 'b' }, 'c'],
    [[], { after: 'c' }, 'a'],
    [['b'], { after: 'a' }, 'c'],
    [['b', 'c'], { after: 'a' }, 'a'],
    [['c', 'a'], { after: 'b' }, 'b'],
    [['a', 'b', 'c'], { after: 'b' }, undefined],
    [[], { after: 'renamed' }, 'a'],
    [[], { cheapest: true }, 'c'],
    [['c'], { cheapest: true }, 'b'],
    [['a', 'b', 'c'], { cheapest: true }, undefined],
    [[], { cheapest: true, after: 'c' }, 'b'],
    [[], { cheapest: true, after: 'a' }, 'c'],
    [['b', 'c'], { cheapest: true, after: 'a' }, 'a'],
  ])('with %j ill, when asked for %j: %s', (ill, wanted, name) => {
    expect(picked(ill, wanted)).toBe(name)
  })

  test('the only backend there is when it has failed itself', () => {
    const { ladder } = scene('a')
    expect(ladder.pick(0, { after: 'a' })?.name).toBe('a')
    expect(ladder.pick(0, { cheapest: true })?.name).toBe('a')
  })

  test('and takes nothing by it: only an attempt that starts is a probe', () => {
    const { ladder, start } = scene('a')
    start(0).end(DOWN)
    expect([ladder.pick(10_000)?.name, ladder.pick(10_000)?.name]).toEqual(['a', 'a'])
    start(10_000)
    expect(ladder.pick(10_000)).toBeUndefined()
  })
})

describe('while the preferred backend is ill', () => {
  test('the next one gets everything; then one attempt probes the preferred one, and it comes back with the answer', () => {
    const { start, told } = scene('a', 'b')
    start(0).end(DOWN)
    expect([start(1).name, start(9_999).name]).toEqual(['b', 'b'])
    const probe = start(10_000)
    expect([probe.name, start(10_000).name, start(20_000).name]).toEqual(['a', 'b', 'b'])
    probe.end(OK)
    expect([start(20_000).name, start(20_000).name]).toEqual(['a', 'a'])
    expect(told).toEqual(['a: 1 failure in a row, the last: overloaded: down', 'a: well'])
  })

  test('nothing is told again when its probes fail', () => {
    const { start, told } = scene('a', 'b')
    start(0).end(DOWN)
    start(10_000).end(DOWN)
    start(30_000).end(DOWN)
    expect([start(30_000).name, told.length]).toEqual(['b', 1])
  })

  test('the ladder opens when its first breaker lets a probe through', () => {
    const { ladder, rung, start } = scene('a', 'b')
    expect(ladder.opensAt(3)).toBe(3)
    start(0).end(DOWN)
    expect(ladder.opensAt(3)).toBe(3)
    start(5).end(DOWN)
    expect([ladder.pick(5), ladder.opensAt(5)]).toEqual([undefined, 10_000])
    expect([rung('a').opensAt(5), rung('b').opensAt(5)]).toEqual([10_000, 10_005])
  })
})

describe('a backend whose health check fails', () => {
  test('is not picked until a check finds nothing, however long that takes', () => {
    const { ladder, rung, told } = scene('a', 'b')
    rung('a').setHealth(false, 'health() answered false')
    expect([ladder.pick(0)?.name, ladder.pick(1e12)?.name]).toEqual(['b', 'b'])
    rung('b').setHealth(false)
    expect([ladder.pick(0), ladder.opensAt(0)]).toEqual([undefined, Number.POSITIVE_INFINITY])
    rung('a').setHealth(true)
    expect([ladder.pick(0)?.name, ladder.opensAt(0)]).toEqual(['a', 0])
    expect(told).toEqual(['a: health() answered false', 'b: the health check failed', 'a: well'])
  })

  test('is told once, however many checks find the same', () => {
    const { rung, told } = scene('a')
    rung('a').setHealth(true)
    rung('a').setHealth(false)
    rung('a').setHealth(false)
    rung('a').setHealth(true)
    rung('a').setHealth(true)
    expect(told).toEqual(['a: the health check failed', 'a: well'])
  })

  test('is well only when its breaker has closed too, and has the other trouble till then', () => {
    const { ladder, rung, start, told } = scene('a')
    start(0).end(DOWN)
    rung('a').setHealth(false)
    expect(rung('a').unhealthyReason).toBe('the health check failed')
    rung('a').setHealth(true)
    expect([rung('a').unhealthyReason, ladder.opensAt(0)]).toEqual([
      '1 failure in a row, the last: overloaded: down',
      10_000,
    ])
    start(10_000).end(OK)
    expect([rung('a').unhealthyReason, told.length, told.at(-1)]).toEqual([undefined, 2, 'a: well'])
  })

  test('is not probed while its breaker is half-open', () => {
    const { ladder, rung, start } = scene('a')
    start(0).end(DOWN)
    rung('a').setHealth(false)
    expect([ladder.pick(10_000), ladder.opensAt(10_000)]).toEqual([undefined, Number.POSITIVE_INFINITY])
  })
})

describe('the backends of a ladder', () => {
  const names = (...backends: readonly AgentBackend[]): readonly string[] =>
    new FailoverList({ pool: 'p', backends }).rungs.map(({ name }) => name)

  test('are called what they say; the first without a name like the pool, the others by their places', () => {
    expect(names({ run })).toEqual(['p'])
    expect(names({ run }, { run }, { run })).toEqual(['p', 'p#2', 'p#3'])
    expect(names({ name: 'large', run }, { run })).toEqual(['large', 'p#2'])
  })

  test.each<readonly [readonly AgentBackend[], string, RegExp]>([
    [
      [
        { name: 'x', run },
        { name: 'y', run },
        { name: 'x', run },
      ],
      'pools.p.backends[2].name',
      /"x".*backends\[0\] has too/,
    ],
    [[{ run }, { name: 'p', run }], 'pools.p.backends[1].name', /"p".*backends\[0\] has too/],
    [[], 'pools.p.backends', /at least one/],
  ])('must be there and have names of their own (%#)', (backends, path, message) => {
    let thrown: unknown
    try {
      names(...backends)
    } catch (error) {
      thrown = error
    }
    expect(thrown).toBeInstanceOf(CounterpointError)
    const { code, details } = thrown as CounterpointError<'INVALID_INPUT'>
    expect([code, details.issues[0]?.path]).toEqual(['INVALID_INPUT', path])
    expect(details.issues[0]?.message).toMatch(message)
  })
})
