import {
  type AgentFunction,
  type AttemptContext,
  type CounterpointEvent,
  type HostError,
  isCounterpointError,
  type OrchestratorOptions,
  type PoolOptions,
} from 'counterpoint'
import { VirtualClock } from 'counterpoint/testing'
import { describe, expect, test, vi } from 'vitest'
import { specs } from '../../support/scheduler-fixture.js'
import { setUp } from '../../support/set-up.js'

type AttemptStreamed = Extract<CounterpointEvent, { type: 'attempt.streamed' }>

/** An orchestrator whose tasks run `backend`. */
function streaming(
  backend: AgentFunction,
  pool: Partial<PoolOptions> = {},
  options: Partial<OrchestratorOptions> = {},
) {
  return setUp({ backend, ...pool }, options)
}

/** A promise, and the function that resolves it. */
function gate(): { readonly opened: Promise<void>; open(): void } {
  let open = (): void => {}
  const opened = new Promise<void>(resolve => {
    open = resolve
  })
  return { opened, open: () => open() }
}

/** Lets promises settle. */
const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

const chunksOf = (events: readonly AttemptStreamed[]): unknown[] => events.map(({ chunk }) => chunk)

describe('context.stream', () => {
  test('publishes each chunk to the listeners of the run and of the orchestrator, in order with its events', async () => {
    const { clock, orchestrator } = streaming(async (_, { stream }) => {
      for (const chunk of ['a', { b: 1 }, null]) await stream(chunk)
      return 'done'
    })
    const run = orchestrator.run({ tasks: specs('t') }, { runId: 'x' })
    const names: string[] = []
    const streamed: AttemptStreamed[] = []
    run.on('event', ({ type }) => void names.push(type))
    run.on('attempt.streamed', event => void streamed.push(event))
    const all: string[] = []
    orchestrator.on('event', ({ type }) => void all.push(type))
    await run.result
    expect(streamed[0]).toEqual({
      ...{ type: 'attempt.streamed', at: clock.now(), runId: 'x', taskId: 't', index: 0, attempt: 1, chunk: 'a' },
    })
    expect(chunksOf(streamed)).toEqual(['a', { b: 1 }, null])
    const expected = ['run.started', 'task.added', 'task.ready', 'attempt.started']
    expected.push('attempt.streamed', 'attempt.streamed', 'attempt.streamed', 'task.succeeded', 'run.settled')
    expect(names).toEqual(expected)
    expect(all).toEqual(expected)
  })

  test('is not journaled, and is read by `events({ streamed: true })` only', async () => {
    const { orchestrator } = streaming(async (_, { stream }) => stream('a'))
    const run = orchestrator.run({ tasks: specs('t') })
    const types = async (options: object): Promise<string[]> => {
      const read: string[] = []
      for await (const event of run.events(options)) read.push(event.type)
      return read
    }
    const [plain, streamed] = await Promise.all([types({}), types({ streamed: true })])
    expect(plain).not.toContain('attempt.streamed')
    expect(streamed.indexOf('attempt.streamed')).toBe(streamed.indexOf('attempt.started') + 1)
    expect(await types({ streamed: true })).toEqual(plain)
  })

  test('waits for listeners that return a promise, and publishes the next chunk after them', async () => {
    const log: string[] = []
    const { orchestrator } = streaming(async (_, { stream }) => {
      for (const chunk of ['a', 'b']) {
        await stream(chunk)
        log.push(`${chunk} streamed`)
      }
    })
    const run = orchestrator.run({ tasks: specs('t') })
    const gates = { a: gate(), b: gate() }
    run.on('attempt.streamed', async ({ chunk }) => {
      log.push(`${chunk} received`)
      await gates[chunk as 'a'].opened
      log.push(`${chunk} handled`)
    })
    await turn()
    expect(log).toEqual(['a received'])
    gates.a.open()
    await turn()
    expect(log).toEqual(['a received', 'a handled', 'a streamed', 'b received'])
    gates.b.open()
    expect((await run.result).outcome).toBe('completed')
  })

  test('that is not awaited loses nothing: the answer counts after the last chunk', async () => {
    const { orchestrator } = streaming((_, { stream }) => {
      for (let i = 0; i < 100; i++) void stream(i)
      return 'done'
    })
    const run = orchestrator.run({ tasks: specs('t') })
    const log: unknown[] = []
    run.on('attempt.streamed', async ({ chunk }) => {
      await turn()
      log.push(chunk)
    })
    run.on('task.succeeded', () => void log.push('succeeded'))
    await run.result
    expect(log).toEqual([...Array(100).keys(), 'succeeded'])
  })

  test('before an error: the attempt fails after the last chunk', async () => {
    const { orchestrator } = streaming((_, { stream }) => {
      void stream(1)
      void stream(2)
      throw new Error('no')
    })
    const run = orchestrator.run({ tasks: [{ id: 't', retries: 0 }] })
    const log: unknown[] = []
    run.on('attempt.streamed', async ({ chunk }) => {
      await turn()
      log.push(chunk)
    })
    run.on('attempt.failed', () => void log.push('failed'))
    await run.result
    expect(log).toEqual([1, 2, 'failed'])
  })

  test('keeps the chunks of each attempt in order when several tasks stream at once', async () => {
    const { orchestrator } = streaming(async ({ task }, { stream }) => {
      for (let i = 0; i < 50; i++) await stream(`${task.id}${i}`)
    })
    const run = orchestrator.run({ tasks: specs('a b c') })
    const received: Record<string, unknown[]> = { a: [], b: [], c: [] }
    run.on('event', async event => {
      if (event.type !== 'attempt.streamed') return
      if (Math.random() < 0.5) await turn()
      received[event.taskId]?.push(event.chunk)
    })
    await run.result
    for (const id of ['a', 'b', 'c']) expect(received[id]).toEqual(Array.from({ length: 50 }, (_, i) => `${id}${i}`))
  })

  test('of a listener that streams while it is called follows the chunk that it got', async () => {
    let context: AttemptContext | undefined
    const { orchestrator } = streaming(async (_, given) => {
      context = given
      await given.stream(1)
      await turn()
    })
    const run = orchestrator.run({ tasks: specs('t') })
    const received: unknown[] = []
    run.on('attempt.streamed', ({ chunk }) => void (chunk === 1 && context?.stream(2)))
    run.on('attempt.streamed', ({ chunk }) => void received.push(chunk))
    await run.result
    expect(received).toEqual([1, 2])
  })

  test('is not affected by a listener that throws or rejects', async () => {
    const { orchestrator } = streaming(async (_, { stream }) => {
      await stream('a')
      await stream('b')
      return 'done'
    })
    const errors: string[] = []
    orchestrator.on('error', ({ where, error }) => void errors.push(`${where}: ${(error as Error).message}`))
    const run = orchestrator.run({ tasks: specs('t') })
    run.on('attempt.streamed', ({ chunk }) => {
      if (chunk === 'a') throw new Error('thrown')
      return Promise.reject(new Error('rejected'))
    })
    expect((await run.result).outputs).toEqual({ t: 'done' })
    expect(errors).toEqual(['listener of attempt.streamed: thrown', 'listener of attempt.streamed: rejected'])
  })
})

describe('a reader of streamed chunks that is slow', () => {
  test('holds nobody: neither the agent, which awaits its chunks, nor a reader that reads', async () => {
    const { orchestrator } = streaming(async (_, { stream }) => {
      for (let i = 0; i < 200; i++) await stream('x'.repeat(10_000))
      return 'done'
    })
    const run = orchestrator.run({ tasks: [{ id: 't', idleTimeoutMs: 100, timeoutMs: 1_000, retries: 0 }] })
    const [stalled, reader] = [run.events({ streamed: true }), run.events({ streamed: true })]
    await stalled.next()
    let read = 0
    for await (const { type } of reader) if (type === 'attempt.streamed') read++
    expect([(await run.result).outcome, read]).toEqual(['completed', 200])
    await expect(stalled.next()).rejects.toMatchObject({ code: 'SLOW_READER' })
  })

  test.each(['awaits', 'does not await'])(
    'ends with SLOW_READER when it is 1 MiB behind an agent that %s',
    async how => {
      const { orchestrator } = streaming(async (_, { stream }) => {
        for (let i = 0; i < 100; i++) {
          const published = stream('é'.repeat(10_000))
          if (how === 'awaits') await published
        }
        return 'done'
      })
      const run = orchestrator.run({ tasks: specs('t') })
      const reader = run.events({ streamed: true })[Symbol.asyncIterator]()
      expect((await run.result).outcome).toBe('completed')
      const error = await reader.next().catch((error: unknown) => error)
      if (!isCounterpointError(error, 'SLOW_READER')) throw error
      expect(error.details.bytes).toBeGreaterThan(1_048_576)
      expect(error.details.bytes).toBeLessThan(1_048_576 + 20_002)
    },
  )
})

describe('a chunk', () => {
  test.each([
    ['a text whose JSON is longer than a string may be', '\u0000'.repeat(95e6)],
    ['of 1 MiB and a byte', 'x'.repeat(1_048_575)],
    ['of many parts', Array.from({ length: 40_000 }, (_, i) => ({ id: `${i}`, text: 'of some length' }))],
  ])('that is too large is refused, and its attempt goes on: %s', async (_title, chunk) => {
    let error: unknown
    const { orchestrator } = streaming(async (_, { stream }) => {
      error = await stream(chunk).catch((reason: unknown) => reason)
      await stream('x'.repeat(1_048_574))
      return 'done'
    })
    const received: unknown[] = []
    const errors: HostError[] = []
    orchestrator.on('attempt.streamed', event => void received.push(event))
    orchestrator.on('error', event => void errors.push(event))
    const run = orchestrator.run({ tasks: specs('t') })
    expect((await run.result).outcome).toBe('completed')
    const message = 'chunk: expected at most 1048576 bytes of JSON (1 MiB), got more: stream it in parts'
    expect(error).toMatchObject({ code: 'INVALID_INPUT', message })
    expect([errors.map(({ where }) => where), received.length]).toEqual([['stream of backend p in pool p'], 1])
  })

  test('that cannot be published, since the clock of the host throws, is rejected and reported, and no promise is left', async () => {
    const clock = new VirtualClock()
    const monotonic = vi.spyOn(clock, 'monotonic')
    let error: unknown
    const { orchestrator } = streaming(
      async (_, { stream }) => {
        monotonic.mockImplementationOnce(() => {
          throw new Error('no time')
        })
        error = await stream('a').catch((reason: unknown) => reason)
        await stream('b')
        return 'done'
      },
      {},
      { clock },
    )
    const errors: string[] = []
    orchestrator.on('error', event => void errors.push(`${event.where}: ${(event.error as Error).message}`))
    const run = orchestrator.run({ tasks: specs('t') })
    expect((await run.result).outcome).toBe('completed')
    expect([error, errors]).toEqual([new Error('no time'), ['stream of task t: no time']])
  })

  test.each([
    ['50,000 that are not awaited', 50_000, false],
    ['20,000 that are awaited', 20_000, true],
  ])('of many does not keep the event loop from its turns: %s', async (_title, count, isAwaited) => {
    let turns = 0
    let isDone = false
    const { orchestrator } = streaming(async (_, { stream }) => {
      for (let i = 0; i < count; i++) {
        const published = stream(i)
        if (isAwaited) await published
      }
      return 'done'
    })
    const run = orchestrator.run({ tasks: specs('t') })
    let received = 0
    run.on('attempt.streamed', async () => void received++)
    const countTurns = (): void => {
      turns++
      if (!isDone) setImmediate(countTurns)
    }
    countTurns()
    await run.result
    isDone = true
    expect(received).toBe(count)
    expect(turns).toBeGreaterThan(count / 300)
  })

  test('on which a listener cancels the task is the last one, and the attempt ends at once', async () => {
    let streamed = 0
    const { orchestrator } = streaming(async (_, { stream }) => {
      for (;;) {
        await stream('a')
        streamed++
      }
    })
    const run = orchestrator.run({ tasks: specs('t') })
    run.on('attempt.streamed', () => run.cancelTask('t'))
    await run.result
    expect([streamed, run.task('t')]).toMatchObject([1, { status: 'cancelled', abandoned: 0 }])
  })

  test.each<readonly [string, (settled: () => void) => unknown]>([
    [
      'a thenable',
      settled =>
        thenable(resolve =>
          setImmediate(() => {
            settled()
            resolve()
          }),
        ),
    ],
    [
      'a thenable that calls back twice',
      settled =>
        thenable(resolve => {
          settled()
          resolve()
          resolve()
        }),
    ],
  ])('is held by a listener that returns %s', async (_title, listener) => {
    const log: string[] = []
    const { orchestrator } = streaming(async (_, { stream }) => {
      await stream('a')
      log.push('streamed')
    })
    const run = orchestrator.run({ tasks: specs('t') })
    run.on('attempt.streamed', () => listener(() => void log.push('settled')))
    await run.result
    expect(log).toEqual(['settled', 'streamed'])
  })

  test.each<readonly [string, () => unknown]>([
    ['a thenable that rejects', () => thenable((_, reject) => reject(new Error('odd')))],
    [
      'a thenable that throws',
      () =>
        thenable(() => {
          throw new Error('odd')
        }),
    ],
    ['a promise whose own `then` gives back another thenable', () => new OddPromise(() => {})],
  ])('is published, and the error reported, when a listener returns %s', async (_title, listener) => {
    const { orchestrator } = streaming(async (_, { stream }) => stream('a'))
    const errors: string[] = []
    orchestrator.on('error', ({ where, error }) => void errors.push(`${where}: ${(error as Error).message}`))
    const run = orchestrator.run({ tasks: specs('t') })
    run.on('attempt.streamed', () => listener())
    expect((await run.result).outcome).toBe('completed')
    expect(errors).toEqual(['listener of attempt.streamed: odd'])
  })
})

function thenable(then: (resolve: () => void, reject: (error: Error) => void) => unknown): object {
  return Object.defineProperty({}, 'then', { value: then })
}

/** Calls back, and gives back what no promise does. */
class OddPromise extends Promise<unknown> {
  // biome-ignore lint/suspicious/noThenProperty: what is tested
  override then(_: unknown, onRejected?: unknown): never {
    if (typeof onRejected === 'function') onRejected(new Error('odd'))
    return thenable(() => {
      throw new Error('not called')
    }) as never
  }
}

describe('the end of an attempt', () => {
  test('releases a stream that a listener holds, and rejects what was not published', async () => {
    const outcomes: string[] = []
    const {
      backend: _,
      clock,
      orchestrator,
    } = streaming(
      async (_, { stream }) => {
        const note = (chunk: string) => (error: unknown) =>
          outcomes.push(`${chunk}: ${(error as Error)?.name ?? 'streamed'}`)
        const sent = ['a', 'b'].map(chunk => stream(chunk).then(note(chunk), note(chunk)))
        await Promise.all(sent)
        await stream('c').catch(note('c'))
      },
      { graceMs: 1_000 },
    )
    const run = orchestrator.run({ tasks: specs('t') })
    const received: unknown[] = []
    run.on('attempt.streamed', ({ chunk }) => {
      received.push(chunk)
      return new Promise(() => {})
    })
    await turn()
    await run.cancel()
    await clock.runUntilIdle()
    expect((await run.result).outcome).toBe('cancelled')
    expect(outcomes).toEqual(['a: streamed', 'b: AbortError', 'c: AbortError'])
    expect(received).toEqual(['a'])
    expect(run.task('t')).toMatchObject({ status: 'cancelled', abandoned: 0 })
  })

  test('a chunk after the answer is rejected, and published to nobody', async () => {
    let context: AttemptContext | undefined
    const { orchestrator } = streaming((_, given) => {
      context = given
      return 'done'
    })
    const run = orchestrator.run({ tasks: specs('t') })
    const received: unknown[] = []
    run.on('attempt.streamed', event => void received.push(event))
    await run.result
    await expect(context?.stream('late')).rejects.toMatchObject({
      name: 'AbortError',
      message: 'the attempt has ended',
    })
    void context?.stream('late, and not awaited')
    await turn()
    expect(received).toEqual([])
  })

  test('an agent that answered ends at once when its attempt is stopped while a listener holds a chunk', async () => {
    const { clock, orchestrator } = streaming((_, { stream }) => {
      void stream('a')
      return 'done'
    })
    const run = orchestrator.run({ tasks: [{ id: 't', timeoutMs: 50, retries: 0 }] })
    run.on('attempt.streamed', () => new Promise(() => {}))
    await clock.runUntilIdle()
    await run.result
    expect(run.task('t')).toMatchObject({
      status: 'dead',
      failure: { kind: 'timeout', timeout: 'attempt' },
      abandoned: 0,
    })
  })
})

describe('a chunk that is not JSON', () => {
  test('rejects, is not published, and is reported once per backend', async () => {
    const rejections: unknown[] = []
    const { orchestrator } = streaming(async (_, { stream }) => {
      await stream({ a: { b: 1n } } as never).catch((error: unknown) => rejections.push(error))
      void stream((() => {}) as never)
      return 'done'
    })
    const errors: HostError[] = []
    const received: unknown[] = []
    orchestrator.on('error', error => void errors.push(error))
    orchestrator.on('attempt.streamed', event => void received.push(event))
    const run = orchestrator.run({ tasks: specs('s t') })
    expect((await run.result).outcome).toBe('completed')
    expect(received).toEqual([])
    expect(rejections).toHaveLength(2)
    expect(rejections[0]).toMatchObject({
      code: 'INVALID_INPUT',
      message: expect.stringMatching(/^chunk: expected JSON, which it is not at \$\.a\.b: got a bigint/),
    })
    expect(errors.map(({ where }) => where)).toEqual(['stream of backend p in pool p'])
  })
})

describe('the idle timeout', () => {
  const idle = { tasks: [{ id: 't', idleTimeoutMs: 100, retries: 0 }] }

  test('starts anew with each chunk', async () => {
    const clock = new VirtualClock()
    const wait = (ms: number): Promise<void> => new Promise(resolve => clock.schedule(resolve, ms))
    const backend: AgentFunction = async (_, { stream }) => {
      for (let i = 0; i < 5; i++) {
        await wait(80)
        await stream(i)
      }
      await wait(120)
    }
    const { orchestrator } = streaming(backend, { graceMs: 0 }, { clock })
    const run = orchestrator.run(idle)
    await clock.runUntilIdle()
    await run.result
    expect(run.task('t')).toMatchObject({ failure: { timeout: 'idle' }, endedAt: run.task('t')!.startedAt! + 500 })
  })

  test('is paused while listeners hold the stream: it is not the agent that is idle', async () => {
    const clock = new VirtualClock()
    const { orchestrator } = streaming(async (_, { stream }) => stream('a'), {}, { clock })
    const run = orchestrator.run(idle)
    run.on('attempt.streamed', () => new Promise<void>(resolve => clock.schedule(resolve, 1_000)))
    await clock.runUntilIdle()
    expect((await run.result).outcome).toBe('completed')
  })
})

describe('report({ data })', () => {
  test('carries JSON, in events and in the progress of the run', async () => {
    const { backend, clock, orchestrator } = setUp()
    backend.answer('a', async (_, { report }) => {
      report({ data: { step: 1 }, message: 'one' })
      report({ data: { step: 2 } })
      await new Promise<void>(resolve => clock.schedule(resolve, 500))
      return 'done'
    })
    const run = orchestrator.run({ tasks: specs('a') })
    const reports: unknown[] = []
    run.on('attempt.progressed', ({ data, message }) => void reports.push([data, message]))
    await clock.advance(200)
    expect(run.progress().running).toMatchObject([{ id: 'a', message: 'one', data: { step: 2 } }])
    await clock.runUntilIdle()
    expect(reports).toEqual([
      [{ step: 1 }, 'one'],
      [{ step: 2 }, 'one'],
    ])
  })

  test('that is not JSON is dropped, and reported once per backend', async () => {
    const { orchestrator } = streaming((_, { report }) => {
      report({ message: 'x', data: new Date() as never })
      return 'done'
    })
    const errors: HostError[] = []
    const reports: object[] = []
    orchestrator.on('error', error => void errors.push(error))
    orchestrator.on('attempt.progressed', event => void reports.push(event))
    await orchestrator.run({ tasks: specs('s t') }).result
    expect(errors.map(({ where }) => where)).toEqual(['report of backend p in pool p'])
    for (const report of reports) expect(report).toMatchObject({ message: 'x' })
    for (const report of reports) expect(report).not.toHaveProperty('data')
  })
})
