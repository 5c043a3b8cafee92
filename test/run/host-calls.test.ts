import { CounterpointError, memoryJournal, type Run } from 'counterpoint'
import { ignoreAbort, slowJournal } from 'counterpoint/testing'
import { describe, expect, test } from 'vitest'
import { ProbeJournal } from '../support/probe-journal.js'
import { specs } from '../support/scheduler-fixture.js'
import { setUp } from '../support/set-up.js'
import { unhandledDuring } from '../support/unhandled.js'

const TEXT = 'cancelled by its signal'

const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

const thrown = () => ({
  get(): never {
    throw new Error('a getter threw')
  },
})

const thrower = (): ProxyHandler<object> => {
  const trap = (): never => {
    throw new Error('a trap threw')
  }
  return { get: trap, has: trap, ownKeys: trap, getPrototypeOf: trap, getOwnPropertyDescriptor: trap }
}

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}

/** Every call that sends a signal to a run. Task `a` is held. */
const CALLS: readonly (readonly [name: string, send: (run: Run) => Promise<void>])[] = [
  ['cancel', run => run.cancel()],
  ['cancelTask', run => run.cancelTask('a')],
  ['pause', run => run.pause()],
  ['unpause', run => run.unpause()],
  ['setBudget', run => run.setBudget({ costUsd: 1 })],
  ['add', run => run.add({ tasks: specs('more') })],
  ['approve', run => run.approve('a')],
  ['reject', run => run.reject('a')],
]

describe('a run that is suspended', () => {
  test.each(CALLS)('rejects `%s` with RUN_SUSPENDED, and the journal stays as it is', async (_name, send) => {
    const { clock, orchestrator } = setUp()
    const run = orchestrator.run({ tasks: specs('a!') }, { runId: 'r' })
    await clock.runUntilIdle()
    void orchestrator.drain()
    await expect(run.result).rejects.toMatchObject({ code: 'RUN_SUSPENDED' })
    const before = await orchestrator.runs.show('r')
    const expected = { code: 'RUN_SUSPENDED', details: { runId: 'r' }, message: expect.stringContaining('resume("r")') }
    await expect(send(run)).rejects.toMatchObject(expected)
    expect(await orchestrator.runs.show('r')).toEqual(before)
  })
})

const OTHERS = CALLS.filter(([name]) => name !== 'approve' && name !== 'reject')

/** What became of each call: the code that it rejected with, or `done`. */
const outcomes = (calls: readonly Promise<void>[]): Promise<readonly string[]> =>
  Promise.all(calls.map(call => call.then(() => 'done').catch(error => error.code ?? error.message)))

describe('a run that could not start', () => {
  const distributor = async () => ({ kind: 'none' as const, pools: [], confidence: 0 })

  test.each(CALLS)('rejects `%s` with the same error, before and after', async (_name, send) => {
    const { orchestrator } = setUp({}, { distributor })
    const run = orchestrator.run({ tasks: [{ id: 'a' }] })
    const early = run.add({ tasks: specs('b') })
    const calls = [run.pause(), run.setBudget({}), run.cancelTask('b')]
    const error = await run.result.catch(reason => reason)
    expect(error).toMatchObject({ code: 'NO_POOL', details: { taskId: 'a' } })
    for (const call of [early, ...calls, send(run)]) await expect(call).rejects.toBe(error)
  })

  test('releases the room that its added tasks had taken', async () => {
    let found: (none: Awaited<ReturnType<typeof distributor>>) => void = () => {}
    const { orchestrator } = setUp({ queueLimit: 1 }, { distributor: () => new Promise(resolve => (found = resolve)) })
    const run = orchestrator.run({ tasks: [{ id: 'a' }] })
    const added = run.add({ tasks: specs('b') })
    found(await distributor())
    await expect(added).rejects.toMatchObject({ code: 'NO_POOL' })
    const next = orchestrator.run({ tasks: specs('c') }, { whenFull: 'reject' })
    expect((await next.result).outcome).toBe('completed')
  })

  test.each([
    ['it is found later that its id is taken', 'DUPLICATE_ID'],
    ['its journal cannot be opened', 'JOURNAL'],
  ])('because %s rejects every call so', async (_why, code) => {
    const error =
      code === 'JOURNAL' ? new Error('no access') : new CounterpointError('DUPLICATE_ID', 'taken', { id: 'x' })
    const journal = { open: async () => Promise.reject(error), read: () => [], list: () => [], delete: () => {} }
    const { orchestrator } = setUp({}, { journal })
    orchestrator.on('error', () => {})
    const run = orchestrator.run({ tasks: specs('a!') })
    const early = CALLS.map(([, send]) => send(run))
    await expect(run.result).rejects.toMatchObject({ code })
    expect(await outcomes(early)).toEqual(CALLS.map(() => code))
    expect(await outcomes(CALLS.map(([, send]) => send(run)))).toEqual(CALLS.map(() => code))
  })
})

describe('a run that has settled', () => {
  test.each(OTHERS)('rejects `%s` with what it is, and stays as it is', async (name, send) => {
    const run = setUp().orchestrator.run({ tasks: specs('a') })
    const { outcome } = await run.result
    const code = name === 'cancelTask' ? 'TASK_ENDED' : 'RUN_ENDED'
    const message = expect.stringMatching(/has settled: it is completed|is succeeded: it has ended/)
    await expect(send(run)).rejects.toMatchObject({ code, message })
    expect(run.progress()).toMatchObject({ status: 'settled', outcome })
  })

  test('as cancelled is cancelled already', async () => {
    const run = setUp().orchestrator.run({ tasks: specs('a!') })
    await run.cancel()
    await Promise.all([run.cancel('again'), run.cancelTask('a')])
    await expect(run.approve('a')).rejects.toMatchObject({ code: 'NOT_HELD', details: { status: 'cancelled' } })
    expect((await run.result).tasks[0]?.reason).toBe('cancelled by the host')
  })

  test('rejects nothing that goes unhandled when nobody waits for the call', async () => {
    const unhandled = await unhandledDuring(async () => {
      const run = setUp().orchestrator.run({ tasks: specs('a') })
      await run.result
      for (const [, send] of OTHERS) void send(run)
    })
    expect(unhandled).toEqual([])
  })
})

describe('a call that changes nothing', () => {
  test('resolves when what it says is so already', async () => {
    const { backend, orchestrator } = setUp({ graceMs: 10 })
    backend.hold('*')
    const run = orchestrator.run({ tasks: specs('a b') })
    await run.unpause()
    await Promise.all([run.pause(), run.pause()])
    await Promise.all([run.unpause(), run.unpause()])
    await Promise.all([run.cancelTask('a'), run.cancelTask('a')])
    await Promise.all([run.cancel(), run.cancel()])
    expect((await run.result).outcome).toBe('cancelled')
  })

  test('rejects with what it found in a run that is stopping or draining', async () => {
    const { backend, clock, orchestrator } = setUp({ graceMs: 10 })
    backend.answer('*', ignoreAbort())
    const [stopping, draining] = [orchestrator.run({ tasks: specs('a') }), orchestrator.run({ tasks: specs('b') })]
    await clock.advance(1)
    void stopping.cancel('enough')
    for (const call of [stopping.pause(), stopping.unpause()])
      await expect(call).rejects.toMatchObject({
        code: 'RUN_ENDED',
        message: expect.stringContaining('stopping: enough'),
      })
    void orchestrator.drain()
    for (const call of [draining.pause(), draining.unpause()])
      await expect(call).rejects.toMatchObject({ code: 'RUN_SUSPENDED', message: expect.stringContaining('draining') })
    await clock.runUntilIdle()
  })

  test.each([
    ['approve, approve', ['approve', 'approve'], /is \w+, not held: it was approved before/],
    ['approve, reject', ['approve', 'reject'], /is \w+, not held: it was approved before/],
    ['reject, approve', ['reject', 'approve'], /is dead, not held: it was rejected before \(no\)/],
    ['reject, reject', ['reject', 'reject'], /is dead, not held: it was rejected before \(no\)/],
  ] as const)('of two answers in one tick: %s', async (_name, [first, second], message) => {
    for (const options of [{}, { journal: slowJournal() }]) {
      const { backend, orchestrator } = setUp({}, options)
      backend.hold('*')
      const run = orchestrator.run({ tasks: specs('d!') })
      const answer = { approve: () => run.approve('d'), reject: () => run.reject('d', 'no') }
      const calls = Promise.allSettled([answer[first](), answer[second]()])
      for (let i = 0; i < 4; i++) await options.journal?.flush()
      const [one, two] = await calls
      expect(one?.status).toBe('fulfilled')
      expect(two).toMatchObject({
        reason: { code: 'NOT_HELD', details: { id: 'd' }, message: expect.stringMatching(message) },
      })
    }
  })

  test('is answered only when what it found is durable', async () => {
    const journal = slowJournal()
    const { orchestrator } = setUp({}, { journal })
    orchestrator.on('error', () => {})
    const run = orchestrator.run({ tasks: specs('d!') })
    while (run.progress().counts.held === 0) await journal.flush()
    const calls = Promise.allSettled([run.reject('d'), run.approve('d'), run.pause(), run.pause()])
    await turn()
    journal.fail(new Error('the disk is full'))
    const failed = { status: 'rejected', reason: { code: 'JOURNAL' } }
    expect(await calls).toMatchObject([failed, failed, failed, failed])
  })
})

describe('when the journal fails during the write', () => {
  test.each(CALLS)('`%s` rejects with JOURNAL, and so does every later call', async (_name, send) => {
    const journal = slowJournal()
    const { orchestrator } = setUp({}, { journal })
    orchestrator.on('error', () => {})
    const run = orchestrator.run({ tasks: specs('a!') })
    while (run.progress().counts.held === 0) await journal.flush()
    // Unpaused it is already, which needs no record.
    void run.pause()
    const call = send(run).catch(error => error)
    await turn()
    journal.fail(new Error('the disk is full'))
    const error = await run.result.catch(reason => reason)
    expect(error).toMatchObject({ code: 'JOURNAL', cause: { message: 'the disk is full' } })
    expect(await call).toBe(error)
    expect(await outcomes(CALLS.map(([, later]) => later(run)))).toEqual(CALLS.map(() => 'JOURNAL'))
  })

  test.each(CALLS)('`%s` rejects with JOURNAL, with a journal that throws at once', async (name, send) => {
    const journal = new ProbeJournal()
    const { clock, orchestrator } = setUp({}, { journal })
    orchestrator.on('error', () => {})
    const run = orchestrator.run({ tasks: specs('a!') })
    await clock.runUntilIdle()
    journal.refuseFrom = journal.written + 1
    // What is so already needs no record.
    if (name === 'unpause') await send(run)
    else await expect(send(run)).rejects.toMatchObject({ code: 'JOURNAL' })
  })

  test('a drain rejects with JOURNAL, and nothing goes unhandled', async () => {
    const journal = slowJournal()
    const unhandled = await unhandledDuring(async () => {
      const { orchestrator } = setUp({}, { journal })
      orchestrator.on('error', () => {})
      const run = orchestrator.run({ tasks: specs('a!') })
      while (run.progress().counts.held === 0) await journal.flush()
      void orchestrator.drain()
      await turn()
      for (const [, send] of CALLS) void send(run)
      journal.fail(new Error('the disk is full'))
      await expect(orchestrator.drain()).rejects.toMatchObject({ code: 'JOURNAL' })
      await expect(run.result).rejects.toMatchObject({ code: 'JOURNAL' })
    })
    expect(unhandled).toEqual([])
  })
})

test.each([
  ['in the same tick', async () => {}],
  ['in the next microtask', () => Promise.resolve()],
  ['in the next turn', turn],
])('of an approval and a drain %s, each has done what it says after the resume, or is refused', async (_name, wait) => {
  for (const isDrainFirst of [false, true]) {
    const journal = memoryJournal()
    const { clock, orchestrator } = setUp({}, { journal })
    const run = orchestrator.run({ tasks: specs('d!') }, { runId: 'r' })
    await clock.runUntilIdle()
    await run.pause()
    const calls = [() => run.approve('d'), () => orchestrator.drain()]
    if (isDrainFirst) calls.reverse()
    const pending: Promise<void>[] = []
    for (const call of calls) {
      pending.push(call())
      await wait()
    }
    expect(await outcomes(pending)).toEqual(['done', isDrainFirst ? 'RUN_SUSPENDED' : 'done'])
    const resumed = await setUp({}, { journal }).orchestrator.resume('r')
    expect(resumed.task('d')?.status).toBe(isDrainFirst ? 'held' : 'ready')
  }
})

describe('an argument that is no text', () => {
  const cyclic = Object.assign(new Error('x'), { self: undefined as unknown })
  cyclic.self = cyclic
  const odd: readonly (readonly [string, unknown])[] = [
    ['a bigint', 5n],
    ['a number', 5],
    ['null', null],
    ['a symbol', Symbol('x')],
    ['an error', cyclic],
    ['a function', () => 'x'],
    ['an object whose traps throw', new Proxy({}, thrower())],
    ['a revoked proxy', revoked()],
  ]
  test.each(odd)('%s, is INVALID_INPUT, and changes nothing', async (_name, value) => {
    const { clock, orchestrator } = setUp()
    const run = orchestrator.run({ tasks: specs('a!') })
    await clock.runUntilIdle()
    const before = await orchestrator.runs.show(run.id)
    const calls = [
      run.cancel(value as never),
      run.cancelTask('a', value as never),
      run.cancelTask(value as never),
      run.reject('a', value as never),
      run.reject(value as never),
      run.approve(value as never),
      run.approve('a', { by: value as never }),
    ]
    expect(await outcomes(calls)).toEqual(calls.map(() => 'INVALID_INPUT'))
    expect(await orchestrator.runs.show(run.id)).toEqual(before)
  })

  test.each([
    ...odd.map(([name, value]) => [name, () => AbortSignal.abort(value), name === 'an error' ? 'x' : TEXT] as const),
    ['a text', () => AbortSignal.abort('the user has left'), 'the user has left'],
    ['an empty text', () => AbortSignal.abort(''), TEXT],
    ['nothing', () => AbortSignal.abort(), TEXT],
    [
      'an error whose message throws',
      () => AbortSignal.abort(Object.defineProperty(new Error(), 'message', thrown())),
      TEXT,
    ],
    ['a reason that throws', () => Object.defineProperty(AbortSignal.abort(), 'reason', thrown()), TEXT],
  ] as const)('as the reason of an abort signal: %s, cancels the run with a text', async (_name, signalOf, text) => {
    const unhandled = await unhandledDuring(async () => {
      const { orchestrator } = setUp()
      const run = orchestrator.run({ tasks: specs('a') }, { signal: signalOf() })
      expect((await run.result).tasks[0]?.reason).toBe(text)
    })
    expect(unhandled).toEqual([])
  })
})
