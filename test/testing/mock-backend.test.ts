import { AgentError, Orchestrator, type PlanInput, type Run } from 'counterpoint'
import {
  type Answer,
  callBackend,
  fail,
  hang,
  ignoreAbort,
  MockBackend,
  succeed,
  VirtualClock,
} from 'counterpoint/testing'
import { describe, expect, test } from 'vitest'

const clock = (): VirtualClock => new VirtualClock()
const one = (task: object = {}): PlanInput => ({ tasks: [{ id: 'a', description: 'a', retries: 0, ...task }] })

function run(backend: MockBackend, time: VirtualClock, plan: PlanInput = one()): Run {
  return new Orchestrator({ clock: time, pools: { mock: { backend } }, random: () => 0.5 }).run(plan)
}

async function outcome(answer: Answer, task?: object): Promise<unknown> {
  const time = clock()
  const settled = run(new MockBackend({ clock: time }).answer('a', answer), time, one(task))
  await time.runUntilIdle()
  await settled.result
  const { status, output, failure, usage } = settled.task('a')!
  return status === 'succeeded' ? { output, usage } : { status, ...failure, usage }
}

describe('MockBackend answers', () => {
  test('with an output', async () => {
    expect(await outcome('text')).toMatchObject({ output: 'text' })
    expect(await outcome({ list: [1, null] })).toMatchObject({ output: { list: [1, null] } })
    expect(await outcome(undefined)).toMatchObject({ output: null })
  })

  test('with what a function returns, resolves to or throws', async () => {
    expect(await outcome(({ task, input }, { attempt }) => [task.id, input, attempt], { input: 7 })).toMatchObject({
      output: ['a', 7, 1],
    })
    expect(await outcome(async () => 'later')).toMatchObject({ output: 'later' })
    expect(
      await outcome(() => {
        throw new AgentError('refused', 'no')
      }),
    ).toMatchObject({ status: 'dead', kind: 'refused', message: 'no' })
    expect(await outcome(() => Promise.reject(new AgentError('crashed', 'gone')))).toMatchObject({ kind: 'crashed' })
  })

  test('with a scripted answer that a function returns', async () => {
    expect(await outcome(async ({ task }) => fail('quota', { usage: { costUsd: task.id.length } }), {})).toMatchObject({
      status: 'dead',
      kind: 'quota',
    })
  })

  test('with usage, after success and failure', async () => {
    const usage = { inputTokens: 3, costUsd: 0.5 }
    expect(await outcome(succeed('x', { usage }))).toEqual({ output: 'x', usage })
    expect(await outcome(fail('agent', { usage }))).toMatchObject({ kind: 'agent', usage })
  })

  test('with a failure made from a kind, from parts, or from an error', async () => {
    expect(await outcome(fail('crashed'))).toMatchObject({
      kind: 'crashed',
      message: expect.stringContaining('crashed'),
    })
    expect(await outcome(fail({ kind: 'refused', message: 'gone', status: 404, code: 'NO_MODEL' }))).toMatchObject({
      kind: 'refused',
      message: 'gone',
      status: 404,
      code: 'NO_MODEL',
    })
    expect(await outcome(fail(Object.assign(new Error('slow down'), { status: 503 })))).toMatchObject({ status: 503 })
  })

  test('attempt by attempt from a list, repeating the last one', async () => {
    const time = clock()
    const backend = new MockBackend().answers('a', [fail('agent'), () => fail('crashed'), 'third'])
    const settled = run(backend, time, one({ retries: 5 }))
    await time.runUntilIdle()
    expect((await settled.result).outputs.a).toBe('third')
    expect(backend.callsOf('a').map(call => call.attempt)).toEqual([1, 2, 3])
    const again = run(new MockBackend().answers('a', ['only']), clock())
    expect((await again.result).outputs.a).toBe('only')
  })

  test("'*' answers every task without an answer of its own", async () => {
    const backend = new MockBackend().answer('*', ({ task }) => `${task.id}?`).answer('b', 'mine')
    const tasks = ['a', 'b', 'c'].map(id => ({ id, description: id }))
    expect({ ...(await run(backend, clock(), { tasks }).result).outputs }).toEqual({ a: 'a?', b: 'mine', c: 'c?' })
  })

  test('an unknown task with a failure that says what to call', async () => {
    const settled = run(new MockBackend().answer('b', 1), clock(), one({ retries: 5 }))
    await settled.result
    expect(settled.task('a')).toMatchObject({ attempts: 1, failure: { kind: 'bad-input' } })
    expect(settled.task('a')?.failure?.message).toMatch(/no answer for task "a": call answer\("a", /)
  })

  test('with values that no backend should return, untouched', async () => {
    const hostile = new Proxy(
      {},
      {
        get() {
          throw new Error('trap')
        },
        getPrototypeOf() {
          throw new Error('trap')
        },
      },
    )
    expect(await outcome(() => hostile)).toMatchObject({ status: 'dead' })
    expect(await outcome(succeed(() => 'a function'))).toMatchObject({
      kind: 'invalid-output',
      code: 'OUTPUT_NOT_JSON',
    })
    // biome-ignore lint/suspicious/noThenProperty: the test is about thenables
    const thenable = { then: (ok: (value: string) => void) => ok('thenable') }
    expect(await outcome(() => thenable)).toMatchObject({ output: 'thenable' })
  })
})

describe('an answer with afterMs', () => {
  test("comes after that time of the backend's clock", async () => {
    const time = clock()
    const backend = new MockBackend({ clock: time }).answer('a', succeed('late', { afterMs: 3_600_000 }))
    const settled = run(backend, time, one({ timeoutMs: 3_600_001 }))
    await time.runUntilIdle()
    expect((await settled.result).times.wallMs).toBe(3_600_000)
    const [call] = backend.calls
    expect(call!.endedAt! - call!.startedAt).toBe(3_600_000)
    expect(time.pending).toBe(0)
  })

  test('is rejected when it is scripted for a backend without a clock', () => {
    const timed = succeed(1, { afterMs: 5 })
    expect(() => new MockBackend().answer('a', timed)).toThrow(/needs a clock: new MockBackend\({ clock }\)/)
    expect(() => new MockBackend().answers('a', [1, timed])).toThrow(/needs a clock/)
    expect(() => new MockBackend().answer('a', hang()).answer('b', ignoreAbort())).not.toThrow()
  })

  test('fails the attempt when a function returns it without a clock', async () => {
    const settled = run(
      new MockBackend().answer('a', () => succeed(1, { afterMs: 5 })),
      clock(),
    )
    await settled.result
    expect(settled.task('a')?.failure).toMatchObject({
      kind: 'bad-input',
      message: expect.stringMatching(/needs a clock/),
    })
  })

  test('reports progress: first at once, then at equal intervals', async () => {
    const time = clock()
    const progress = [0, 0.3, 0.6].map(fraction => ({ progress: fraction, message: `${fraction}` }))
    const backend = new MockBackend({ clock: time }).answer('a', succeed('x', { afterMs: 3_000, progress }))
    const settled = run(backend, time)
    const reports: [number, number | undefined][] = []
    settled.on('attempt.progressed', ({ at, progress: fraction }) =>
      reports.push([at - time.now() + time.monotonic(), fraction]),
    )
    await time.runUntilIdle()
    await settled.result
    expect(reports).toEqual([
      [0, 0],
      [1_000, 0.3],
      [2_000, 0.6],
    ])
  })

  test('streams chunks: first at once, then at equal intervals, each when the one before was taken', async () => {
    const time = clock()
    const answer = succeed('x', { afterMs: 2_000, chunks: ['a', 'b'], progress: [{ message: 'one' }] })
    const backend = new MockBackend({ clock: time }).answer('a', answer).answer('b', ignoreAbort(10, answer))
    const call = callBackend(backend, { id: 'a' })
    await time.runUntilIdle()
    expect([await call.result, call.chunks, call.reports]).toEqual(['x', ['a', 'b'], [{ message: 'one' }]])
    const aborted = callBackend(backend, { id: 'b' }, { aborted: true })
    await time.runUntilIdle()
    expect([await aborted.result, aborted.chunks]).toEqual(['x', []])
  })

  test('is rejected with an invalid delay, and unknown options are rejected', () => {
    expect(() => succeed(1, { afterMs: Number.NaN })).toThrow(
      /afterMs: expected a number of milliseconds, 0 or more, got NaN/,
    )
    expect(() => succeed(1, { afterMs: -1 })).toThrow(/got -1/)
    expect(() => fail('agent', { after: 5 } as never)).toThrow(/after: unknown key/)
    expect(() => ignoreAbort(-1)).toThrow(/got -1/)
    expect(() => new MockBackend({ nam: 'x' } as never)).toThrow(/nam: unknown key \(did you mean "name"\?\)/)
    expect(() => fail('agnt' as never)).toThrow(/expected a failure kind \(throttled, .*\), .*, got "agnt"/)
    expect(() => fail({ kind: 'agnt' } as never)).toThrow(/expected a failure kind .*, got an object/)
    expect(() => new MockBackend().answers('a', [])).toThrow(/at least one answer for task "a"/)
  })
})

describe('an aborted attempt of a MockBackend', () => {
  test.each([
    ['of a delayed answer', succeed('x', { afterMs: 10_000 })],
    ['of hang()', hang()],
  ])('%s ends at once, and leaves no timer', async (_, answer) => {
    const time = clock()
    const backend = new MockBackend({ clock: time }).answer('a', answer)
    const settled = run(backend, time)
    await backend.started('a')
    await settled.cancel()
    await settled.result
    await time.advance(0)
    expect(backend.calls[0]).toMatchObject({ aborted: true, endedAt: time.now() })
    expect([backend.running, time.pending]).toEqual([0, 0])
    expect(settled.task('a')).toMatchObject({ status: 'cancelled', abandoned: 0 })
  })

  test('runs on with ignoreAbort', async () => {
    const time = clock()
    const backend = new MockBackend({ clock: time }).answer('a', ignoreAbort(10_000, 'too late'))
    const settled = run(backend, time, one({ timeoutMs: 100 }))
    await time.runUntilIdle()
    expect(settled.task('a')).toMatchObject({ status: 'dead', abandoned: 1 })
    expect(backend.calls[0]).toMatchObject({ aborted: true, endedAt: time.now() })
    expect(time.monotonic()).toBe(10_000)
  })

  test('can fail with ignoreAbort', async () => {
    const time = clock()
    const backend = new MockBackend({ clock: time }).answer('a', ignoreAbort(50, fail('crashed')))
    const settled = run(backend, time)
    await time.runUntilIdle()
    expect((await settled.result).tasks[0]?.failure?.kind).toBe('crashed')
  })
})

describe('MockBackend.hold', () => {
  test('holds attempts until release, with an answer or with the scripted one', async () => {
    const time = clock()
    const backend = new MockBackend().answer('*', 'scripted').hold('a')
    const settled = run(backend, time, one({ retries: 1 }))
    const first = await backend.started('a')
    expect([first.attempt, first.endedAt, backend.running]).toEqual([1, undefined, 1])
    backend.release('a', fail({ kind: 'agent', message: 'not yet' }))
    await time.advance(1_000)
    expect((await backend.started('a')).attempt).toBe(2)
    backend.release('a')
    expect((await settled.result).outputs.a).toBe('scripted')
  })

  test('release throws when no attempt is held', async () => {
    const backend = new MockBackend().hold('a')
    expect(() => backend.release('a', 1)).toThrow(/no attempt of task "a" is held: call hold\("a"\) first/)
  })

  test('an abort ends a held attempt', async () => {
    const backend = new MockBackend().hold('*')
    const settled = run(backend, clock())
    await backend.started('*')
    await settled.cancel()
    await settled.result
    expect(() => backend.release('*', 1)).toThrow(/no attempt/)
    expect(settled.task('a')).toMatchObject({ status: 'cancelled', abandoned: 0 })
  })

  test('counts concurrent attempts', async () => {
    const backend = new MockBackend({ name: 'counted' }).hold('*')
    const tasks = Array.from({ length: 10 }, (_, i) => ({ id: `t${i}`, description: 'x' }))
    const pools = { mock: { backend, concurrency: 3 } }
    const settled = new Orchestrator({ pools }).run({ tasks })
    await backend.started('t2')
    expect([backend.running, backend.calls.length]).toEqual([3, 3])
    while (backend.running > 0) {
      backend.release('*', 'ok')
      await new Promise(resolve => setImmediate(resolve))
    }
    await settled.result
    expect([backend.maxRunning, backend.running, backend.calls.length]).toEqual([3, 0, 10])
    expect(backend.calls.map(call => call.taskId)).toEqual(tasks.map(task => task.id))
  })
})
