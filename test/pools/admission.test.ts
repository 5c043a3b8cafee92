import { Orchestrator, type OrchestratorOptions } from 'counterpoint'
import { MockBackend, slowJournal, succeed, VirtualClock } from 'counterpoint/testing'
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
  const refused: string[] = []
  const request = (name: string, demand: Record<string, number>, whenFull: 'wait' | 'reject' = 'wait'): (() => void) =>
    admission.request(
      {
        demand: new Map(Object.entries(demand)),
        onAdmit: () => void admitted.push(name),
        onRefuse: ({ message }) => void refused.push(`${name}: ${message}`),
      },
      whenFull,
    )
  return { admission, admitted, refused, request }
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
    expect(() => request('d', { p: 1 }, 'reject')).toThrow(/at most 3 .* room for 0 now, not for 1 more/)
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

  test.each([
    ['a request for another pool', { q: 1 }],
    ['a request for both, of which one waits', { p: 1, q: 1 }],
  ])('delays no other pool: %s is not in the way', (_, demand) => {
    const { admission, admitted, request } = admissionWith({ p: 1, q: 2 })
    request('fills p', { p: 1 })
    request('waits for p', { p: 1 })
    request('then', demand)
    request('q', { q: 1 }, 'reject')
    expect(admitted).toEqual(['fills p', ...('p' in demand ? [] : ['then']), 'q'])
    admission.leave('p')
    admission.leave('p')
    expect(admitted.toSorted()).toEqual(['fills p', 'q', 'then', 'waits for p'].toSorted())
  })

  test('says truly why it is full', () => {
    const { request } = admissionWith({ p: 3, q: 3 })
    const message = (demand: Record<string, number>): string => {
      try {
        request('x', demand, 'reject')
      } catch (error) {
        return (error as Error).message
      }
      return 'admitted'
    }
    request('a', { p: 1 })
    expect(message({ q: 1, p: 4 })).toMatch(/^pool "p" admits at most 3 waiting tasks and can never take 4 at once/)
    expect(message({ q: 1, p: 3 })).toMatch(
      /^pool "p" admits at most 3 waiting tasks and has room for 2 now, not for 3 more/,
    )
    request('large', { p: 3 })
    expect(message({ q: 1, p: 1 })).toMatch(/^pool "p" .* and has others that came before and wait for room/)
    expect(message({ q: 1 })).toBe('admitted')
  })

  test('refuses a waiting request that could never fit, when its limit is lowered, and admits those behind it', () => {
    const { admission, admitted, refused, request } = admissionWith({ p: 3, q: 1 })
    request('a', { p: 1, q: 1 })
    request('large', { p: 3 })
    request('small', { p: 1 })
    admission.setLimit('p', 2)
    expect([admitted, refused]).toEqual([
      ['a', 'small'],
      [expect.stringMatching(/^large: pool "p" admits at most 2 waiting tasks and can never take 3 at once/)],
    ])
  })

  test('never exceeds a limit, and admits in each pool in order, whatever other pools do: as a model does', () => {
    const demand = fc.record(
      { p: fc.integer({ min: 1, max: 3 }), q: fc.integer({ min: 1, max: 3 }) },
      { requiredKeys: [] },
    )
    const step = fc.oneof(
      demand.filter(pools => Object.keys(pools).length > 0),
      fc.record({ leave: fc.constantFrom('p', 'q') }),
      fc.record({ cancel: fc.nat(30) }),
      fc.record({ limit: fc.constantFrom('p', 'q'), to: fc.option(fc.integer({ min: 3, max: 5 })) }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), steps => {
        const { admission, admitted, request } = admissionWith({ p: 4, q: 3 })
        const model = new Model()
        const cancels: (() => void)[] = []
        for (const [i, action] of steps.entries()) {
          if ('leave' in action) {
            if (model.leave(action.leave)) admission.leave(action.leave)
          } else if ('cancel' in action) {
            cancels[action.cancel]?.()
            model.cancel(`${action.cancel}`)
          } else if ('limit' in action) {
            admission.setLimit(action.limit, action.to ?? undefined)
            model.setLimit(action.limit, action.to ?? Number.POSITIVE_INFINITY)
          } else {
            model.request(`${cancels.length}`, action)
            cancels.push(request(`${cancels.length}`, action))
          }
          expect([i, admitted.toSorted()]).toEqual([i, model.admitted.toSorted()])
        }
      }),
      { numRuns: 1_000 },
    )
  })
})

/** Looks at all waiting requests in order, each time. One that lacks room in a pool delays those behind it there, and nowhere else. */
class Model {
  readonly admitted: string[] = []
  readonly #limits: Record<string, number> = { p: 4, q: 3 }
  readonly #inside: Record<string, number> = { p: 0, q: 0 }
  #waiting: { name: string; demand: Record<string, number> }[] = []

  request(name: string, demand: Record<string, number>): void {
    this.#waiting.push({ name, demand })
    this.#admit()
  }

  leave(pool: string): boolean {
    if (this.#inside[pool] === 0) return false
    this.#inside[pool]!--
    this.#admit()
    return true
  }

  cancel(name: string): void {
    this.#waiting = this.#waiting.filter(waiting => waiting.name !== name)
    this.#admit()
  }

  setLimit(pool: string, limit: number): void {
    this.#limits[pool] = limit
    this.#admit()
  }

  #admit(): void {
    const delayed = new Set<string>()
    for (const { name, demand } of [...this.#waiting]) {
      const pools = Object.keys(demand)
      const lacking = pools.filter(pool => this.#inside[pool]! + demand[pool]! > this.#limits[pool]!)
      if (lacking.length === 0 && !pools.some(pool => delayed.has(pool))) {
        this.#waiting = this.#waiting.filter(waiting => waiting.name !== name)
        for (const pool of pools) this.#inside[pool]! += demand[pool]!
        this.admitted.push(name)
      }
      for (const pool of lacking) delayed.add(pool)
    }
  }
}

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

  test('delays no run for another pool, by a run or by added tasks that wait', async () => {
    const { backend, clock, orchestrator } = twoPools()
    backend.hold('a')
    const first = orchestrator.run({ tasks: tasks('a', ['a', 'b', 'c']) })
    await clock.advance(10)
    const waits = orchestrator.run({ tasks: tasks('a', ['d', 'e']) })
    const both = orchestrator.run({ tasks: [...tasks('a', ['f']), ...tasks('b', ['g'])] })
    const added = first.add({ tasks: tasks('a', ['h']) })
    const other = orchestrator.run({ tasks: tasks('b', ['x']) }, { whenFull: 'reject' })
    await clock.advance(10)
    expect([(await other.result).outcome, waits.progress().total, both.progress().total]).toEqual(['completed', 0, 0])
    backend.release('a')
    await clock.runUntilIdle()
    await added
    for (const run of [first, waits, both]) expect((await run.result).outcome).toBe('completed')
  })

  test('does not let an agent wait for itself that adds tasks for another pool', async () => {
    const { backend, clock, orchestrator } = twoPools()
    backend.answer('a', async () => {
      await first.add({ tasks: tasks('b', ['added']) })
      return 'done'
    })
    const first = orchestrator.run({ tasks: tasks('a', ['a', 'b', 'c']) })
    const waits = orchestrator.run({ tasks: [...tasks('a', ['d', 'e']), ...tasks('b', ['f'])] })
    await clock.runUntilIdle()
    for (const run of [first, waits]) expect((await run.result).outcome).toBe('completed')
    expect(backend.callsOf('added').length).toBe(1)
  })

  test.each([undefined, 100])(
    'counts what waits already when its limit, %s, is set while it works',
    async queueLimit => {
      const { backend, clock, orchestrator } = setUp({ concurrency: 1, queueLimit })
      backend.answer('*', succeed('done', { afterMs: 10 }))
      const ids = (prefix: string, count: number) => Array.from({ length: count }, (_, i) => ({ id: `${prefix}${i}` }))
      const run = orchestrator.run({ tasks: ids('a', 10) })
      await clock.advance(5)
      orchestrator.pools.get('p')!.queueLimit = 3
      let addedAt = 0
      void run.add({ tasks: ids('b', 3) }).then(() => {
        addedAt = clock.monotonic()
      })
      await clock.runUntilIdle()
      // The last of the first ten has started.
      expect([addedAt, (await run.result).outcome]).toEqual([90, 'completed'])
    },
  )

  test('rejects a run that waits and could never fit any more, once the limit is lowered', async () => {
    const { backend, clock, orchestrator } = twoPools()
    backend.hold('a')
    const first = orchestrator.run({ tasks: tasks('a', ['a', 'b', 'c']) })
    await clock.advance(10)
    const large = orchestrator.run({ tasks: tasks('a', ['d', 'e']) })
    const adding = first.add({ tasks: tasks('a', ['f', 'g']) })
    const small = orchestrator.run({ tasks: tasks('a', ['h']) })
    await clock.advance(10)
    orchestrator.pools.get('a')!.queueLimit = 1
    await expect(large.result).rejects.toMatchObject({
      code: 'QUEUE_FULL',
      details: { pool: 'a', queueLimit: 1, wanted: 2 },
    })
    await expect(adding).rejects.toMatchObject({ code: 'QUEUE_FULL' })
    backend.release('a')
    await clock.runUntilIdle()
    expect((await small.result).outcome).toBe('completed')
  })

  test.each([
    ['the id of the run is taken', { runId: 'taken' }],
    ['the run is cancelled while its classifier has answered', {}],
  ])('gives back the room of a run that could not start, when %s', async (_, options) => {
    const { clock, journal, orchestrator } = twoPools({
      distributor: async () => ({ kind: 'pool', pool: 'a', confidence: 1 }),
    })
    void new Orchestrator({ clock, journal }).run({ tasks: [] }, { runId: 'taken' })
    await clock.runUntilIdle()
    const run = orchestrator.run({ tasks: [{ id: 'x' }, { id: 'y' }, { id: 'z' }] }, options)
    if (!('runId' in options)) {
      // The answer of the classifier has been awaited, and the run has not begun.
      for (let i = 0; i < 3; i++) await undefined
      void run.cancel()
    }
    await clock.runUntilIdle()
    await run.result.catch(() => {})
    const next = orchestrator.run({ tasks: tasks('a', ['1', '2', '3']) }, { whenFull: 'reject' })
    await clock.runUntilIdle()
    expect((await next.result).outcome).toBe('completed')
  })
})

/** Pools `a`, which admits three tasks, and `b`, which admits two, with one slot each. */
function twoPools(options: Partial<OrchestratorOptions<'a' | 'b'>> = {}) {
  const clock = new VirtualClock()
  const journal = slowJournal({ clock, delayMs: 1 })
  const backend = new MockBackend({ clock }).answer('*', ({ task }) => task.id)
  const pool = { backend, concurrency: 1 }
  const pools = { a: { ...pool, queueLimit: 3 }, b: { ...pool, queueLimit: 2 } }
  return { clock, journal, backend, orchestrator: new Orchestrator({ clock, journal, pools, ...options }) }
}

const tasks = <P extends string>(pool: P, ids: readonly string[]) => ids.map(id => ({ id, pool }))
