import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Admission } from '../../src/pools/admission.js'
import { specs } from '../support/scheduler-fixture.js'
import { setUp } from '../support/set-up.js'

const full = expect.objectContaining({ code: 'QUEUE_FULL' })

/** An admission with these limits that records what it admits. */
function admissionWith(limits: Record<string, number>) {
  const admission = new Admission()
  for (const [pool, limit] of Object.entries(limits)) admission.setLimit(pool, limit)
  const admitted: string[] = []
  const request = (name: string, demand: Record<string, number>, whenFull: 'wait' | 'reject' = 'wait'): (() => void) =>
    admission.request(new Map(Object.entries(demand)), whenFull, () => void admitted.push(name))
  return { admission, admitted, request }
}

describe('a pool with a queueLimit', () => {
  test('admits what fits immediately', () => {
    const { admitted, request } = admissionWith({ p: 3 })
    request('a', { p: 2 })
    request('b', { p: 1 })
    expect(admitted).toEqual(['a', 'b'])
  })

  test('makes a request wait until there is room for all of it', () => {
    const { admission, admitted, request } = admissionWith({ p: 3 })
    request('a', { p: 2 })
    request('b', { p: 3 })
    admission.leave('p')
    expect(admitted).toEqual(['a'])
    admission.leave('p')
    expect(admitted).toEqual(['a', 'b'])
  })

  test("rejects a request that does not fit with `whenFull: 'reject'`, and admits none of it", () => {
    const { admission, admitted, request } = admissionWith({ p: 3 })
    request('a', { p: 2 })
    expect(() => request('b', { p: 2 }, 'reject')).toThrow(full)
    request('c', { p: 1 }, 'reject')
    expect(admitted).toEqual(['a', 'c'])
    expect(() => request('d', { p: 1 }, 'reject')).toThrow(/at most 3 .* 1 more/)
    admission.leave('p')
    request('e', { p: 1 }, 'reject')
  })

  test('rejects what can never fit, even when it is empty', () => {
    const { request } = admissionWith({ p: 3 })
    for (const whenFull of ['wait', 'reject'] as const) expect(() => request('a', { p: 4 }, whenFull)).toThrow(full)
  })

  test('admits waiting requests in order: a small one does not overtake', () => {
    const { admission, admitted, request } = admissionWith({ p: 3 })
    request('a', { p: 3 })
    request('large', { p: 3 })
    request('small', { p: 1 })
    expect(() => request('hasty', { p: 1 }, 'reject')).toThrow(full)
    admission.leave('p')
    admission.leave('p')
    expect(admitted).toEqual(['a'])
    admission.leave('p')
    expect(admitted).toEqual(['a', 'large'])
    admission.leave('p')
    expect(admitted).toEqual(['a', 'large', 'small'])
  })

  test('admits the next request when a waiting one is cancelled', () => {
    const { admission, admitted, request } = admissionWith({ p: 3 })
    request('a', { p: 2 })
    const cancel = request('large', { p: 3 })
    request('small', { p: 1 })
    cancel()
    expect(admitted).toEqual(['a', 'small'])
    cancel()
    admission.leave('p')
    expect(admitted).toEqual(['a', 'small'])
  })

  test('admits a plan of several pools completely or not at all', () => {
    const { admission, admitted, request } = admissionWith({ p: 2, q: 2 })
    request('a', { p: 1, q: 2 })
    request('b', { p: 1, q: 1 })
    expect(admitted).toEqual(['a'])
    admission.leave('p')
    expect(admitted).toEqual(['a'])
    admission.leave('q')
    expect(admitted).toEqual(['a', 'b'])
  })

  test('does not count pools without a limit', () => {
    const { admission, admitted, request } = admissionWith({ p: 1 })
    request('a', { q: 1_000_000 })
    admission.leave('q')
    request('b', { p: 1, q: 5 }, 'reject')
    request('waits', { p: 1 })
    request('c', { q: 1 }, 'reject')
    expect([admitted, admission.counts('p'), admission.counts('q')]).toEqual([['a', 'b', 'c'], true, false])
  })

  test('never admits more than its limit, and everything in the end', () => {
    const step = fc.oneof(fc.record({ p: fc.nat(3), q: fc.nat(3) }), fc.constant('leave' as const))
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), steps => {
        const inside = { p: 0, q: 0 }
        const requested: number[] = []
        const admitted: number[] = []
        const admission = new Admission()
        admission.setLimit('p', 4)
        admission.setLimit('q', 3)
        const leave = (): void => {
          const pool = inside.p > 0 ? 'p' : 'q'
          if (inside[pool] === 0) return
          inside[pool]--
          admission.leave(pool)
        }
        for (const [i, demand] of steps.entries()) {
          if (demand === 'leave') {
            leave()
            continue
          }
          requested.push(i)
          admission.request(new Map(Object.entries(demand)), 'wait', () => {
            inside.p += demand.p
            inside.q += demand.q
            admitted.push(i)
            expect(inside.p <= 4 && inside.q <= 3).toBe(true)
          })
        }
        for (let i = 0; i < 400; i++) leave()
        // Only a request for nothing may overtake waiting ones.
        const small = (i: number): boolean => JSON.stringify(steps[i]) !== '{"p":0,"q":0}'
        expect(admitted.filter(small)).toEqual(requested.filter(small))
      }),
    )
  })
})

describe('an orchestrator with a queueLimit', () => {
  test('counts admitted tasks that have not started', async () => {
    const { backend, orchestrator } = setUp({ concurrency: 1, queueLimit: 2 })
    backend.hold('*')
    orchestrator.run({ tasks: specs('a b') })
    await backend.started('a')
    const reject = { whenFull: 'reject' } as const
    expect(() => orchestrator.run({ tasks: specs('c d') }, reject)).toThrow(full)
    orchestrator.run({ tasks: specs('c') }, reject)
    expect(() => orchestrator.run({ tasks: specs('d') }, reject)).toThrow(full)
  })

  test('makes runs and added tasks wait, and admits them in order', async () => {
    const { backend, clock, orchestrator } = setUp({ concurrency: 1, queueLimit: 2 })
    backend.hold('a')
    const first = orchestrator.run({ tasks: specs('a b') })
    await backend.started('a')
    await first.add({ tasks: specs('c<b') })
    const second = orchestrator.run({ tasks: specs('x y') })
    await clock.advance(0)
    expect(second.progress().total).toBe(0)
    backend.release('a')
    expect((await second.result).outcome).toBe('completed')
    expect((await first.result).tasks.map(task => task.id)).toEqual(['a', 'b', 'c'])
    expect(backend.calls.map(call => call.taskId).slice(0, 2)).toEqual(['a', 'b'])
  })

  test('lets a waiting run be cancelled: none of its tasks starts or takes a place', async () => {
    const { backend, orchestrator } = setUp({ concurrency: 1, queueLimit: 2 })
    backend.hold('a')
    const first = orchestrator.run({ tasks: specs('a b') })
    await backend.started('a')
    const second = orchestrator.run({ tasks: specs('x y') })
    await second.cancel('no longer')
    expect((await second.result).tasks.map(task => task.reason)).toEqual(['no longer', 'no longer'])
    backend.release('a')
    await first.result
    await orchestrator.run({ tasks: specs('1 2') }, { whenFull: 'reject' }).result
    expect(backend.callsOf('x')).toEqual([])
  })

  test('frees the places of skipped, cancelled, dead and stopped tasks', async () => {
    const { backend, clock, orchestrator } = setUp({
      concurrency: 2,
      queueLimit: 6,
      defaults: { retries: 1, timeoutMs: 10 },
    })
    backend.answer('a', () => Promise.reject(new Error('no'))).hold('t')
    const run = orchestrator.run({ tasks: specs('a b<a c<b t d<t') })
    await clock.advance(0)
    await run.cancelTask('d')
    await clock.runUntilIdle()
    await run.result
    orchestrator.run({ tasks: specs('1 2 3 4 5 6') }, { whenFull: 'reject' })
  })
})
