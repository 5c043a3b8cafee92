import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Admission } from '../../src/pools/admission.js'
import { specs } from '../support/scene.js'
import { setUp } from '../support/set-up.js'

const full = expect.objectContaining({ code: 'QUEUE_FULL' })

/** An admission that notes who has come in. */
function door(limits: Record<string, number>) {
  const admission = new Admission(new Map(Object.entries(limits)))
  const entered: string[] = []
  const ask = (name: string, demand: Record<string, number>, whenFull: 'wait' | 'reject' = 'wait'): (() => void) =>
    admission.request(new Map(Object.entries(demand)), whenFull, () => void entered.push(name))
  return { admission, entered, ask }
}

describe('a pool with a queueLimit', () => {
  test('lets in what fits, at once', () => {
    const { entered, ask } = door({ p: 3 })
    ask('a', { p: 2 })
    ask('b', { p: 1 })
    expect(entered).toEqual(['a', 'b'])
  })

  test('has the next one wait until there is room for all of it', () => {
    const { admission, entered, ask } = door({ p: 3 })
    ask('a', { p: 2 })
    ask('b', { p: 3 })
    admission.leave('p')
    expect(entered).toEqual(['a'])
    admission.leave('p')
    expect(entered).toEqual(['a', 'b'])
  })

  test('rejects the next one, if that is what it asked for, and takes nothing of it', () => {
    const { admission, entered, ask } = door({ p: 3 })
    ask('a', { p: 2 })
    expect(() => ask('b', { p: 2 }, 'reject')).toThrow(full)
    ask('c', { p: 1 }, 'reject')
    expect(entered).toEqual(['a', 'c'])
    expect(() => ask('d', { p: 1 }, 'reject')).toThrow(/at most 3 .* 1 more/)
    admission.leave('p')
    ask('e', { p: 1 }, 'reject')
  })

  test('rejects at once what can never fit, waiting or not, even when it is empty', () => {
    const { ask } = door({ p: 3 })
    for (const whenFull of ['wait', 'reject'] as const) expect(() => ask('a', { p: 4 }, whenFull)).toThrow(full)
  })

  test('lets in those who wait in the order in which they came: nobody overtakes, however small', () => {
    const { admission, entered, ask } = door({ p: 3 })
    ask('a', { p: 3 })
    ask('large', { p: 3 })
    ask('small', { p: 1 })
    expect(() => ask('hasty', { p: 1 }, 'reject')).toThrow(full)
    admission.leave('p')
    admission.leave('p')
    expect(entered).toEqual(['a'])
    admission.leave('p')
    expect(entered).toEqual(['a', 'large'])
    admission.leave('p')
    expect(entered).toEqual(['a', 'large', 'small'])
  })

  test('lets the next one in when somebody gives up', () => {
    const { admission, entered, ask } = door({ p: 3 })
    ask('a', { p: 2 })
    const giveUp = ask('large', { p: 3 })
    ask('small', { p: 1 })
    giveUp()
    expect(entered).toEqual(['a', 'small'])
    giveUp()
    admission.leave('p')
    expect(entered).toEqual(['a', 'small'])
  })

  test('takes for a plan of several pools all or nothing', () => {
    const { admission, entered, ask } = door({ p: 2, q: 2 })
    ask('a', { p: 1, q: 2 })
    ask('b', { p: 1, q: 1 })
    expect(entered).toEqual(['a'])
    admission.leave('p')
    expect(entered).toEqual(['a'])
    admission.leave('q')
    expect(entered).toEqual(['a', 'b'])
  })

  test('does not count pools without one', () => {
    const { admission, entered, ask } = door({ p: 1 })
    ask('a', { q: 1_000_000 })
    admission.leave('q')
    ask('b', { p: 1, q: 5 }, 'reject')
    ask('waits', { p: 1 })
    ask('c', { q: 1 }, 'reject')
    expect([entered, admission.counts('p'), admission.counts('q')]).toEqual([['a', 'b', 'c'], true, false])
  })

  test('never holds more than its limit, and lets everybody in in the end', () => {
    const step = fc.oneof(fc.record({ p: fc.nat(3), q: fc.nat(3) }), fc.constant('leave' as const))
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), steps => {
        const inside = { p: 0, q: 0 }
        const asked: number[] = []
        const entered: number[] = []
        const admission = new Admission(
          new Map([
            ['p', 4],
            ['q', 3],
          ]),
        )
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
          asked.push(i)
          admission.request(new Map(Object.entries(demand)), 'wait', () => {
            inside.p += demand.p
            inside.q += demand.q
            entered.push(i)
            expect(inside.p <= 4 && inside.q <= 3).toBe(true)
          })
        }
        for (let i = 0; i < 400; i++) leave()
        // Only who asks for nothing that is limited may go past those who wait.
        const small = (i: number): boolean => JSON.stringify(steps[i]) !== '{"p":0,"q":0}'
        expect(entered.filter(small)).toEqual(asked.filter(small))
      }),
    )
  })
})

describe('an orchestrator with a queueLimit', () => {
  test('counts what has been admitted and not started, not what runs', async () => {
    const { backend, orchestrator } = setUp({ concurrency: 1, queueLimit: 2 })
    backend.hold('*')
    orchestrator.run({ tasks: specs('a b') })
    await backend.started('a')
    const reject = { whenFull: 'reject' } as const
    expect(() => orchestrator.run({ tasks: specs('c d') }, reject)).toThrow(full)
    orchestrator.run({ tasks: specs('c') }, reject)
    expect(() => orchestrator.run({ tasks: specs('d') }, reject)).toThrow(full)
  })

  test('has runs and added tasks wait, and starts them in turn', async () => {
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

  test('lets a run that waits be cancelled: its tasks end, none starts, and it takes no room', async () => {
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

  test('gets its room back from whatever ends: skipped, cancelled, dead and stopped tasks', async () => {
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
