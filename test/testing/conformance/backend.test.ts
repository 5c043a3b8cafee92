import { AgentError, type AgentFunction, reply } from 'counterpoint'
import {
  type BackendConformanceOptions,
  backendConformance,
  fail,
  hang,
  ignoreAbort,
  MockBackend,
  succeed,
  VirtualClock,
} from 'counterpoint/testing'
import { describe, expect, test } from 'vitest'
import { failuresOf, suite } from './cases.js'

const REQUESTS: BackendConformanceOptions = {
  succeeds: { id: 'good' },
  fails: { id: 'bad' },
  runsLong: { id: 'long' },
  failsWith: 'refused',
}

suite(
  'a plain function that returns synchronously',
  backendConformance(
    () =>
      ({ task }) =>
        `${task.id} done`,
    { succeeds: { description: 'Say hello' }, startMs: 1 },
  ),
)

suite(
  'a plain function that obeys its abort',
  backendConformance(() => obedient, { ...REQUESTS, startMs: 1 }),
)

const obedient: AgentFunction = async ({ task }, { signal, report }) => {
  signal.throwIfAborted()
  report({ progress: 0.5, usage: { inputTokens: 10 } })
  if (task.id === 'bad') throw new AgentError('refused', 'no such model')
  if (task.id === 'good') return reply({ output: { text: 'hello' }, usage: { costUsd: 0.01 } })
  return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
}

describe('MockBackend', () => {
  const clock = new VirtualClock()
  const make = (): MockBackend =>
    new MockBackend({ clock, awaitsTermination: true })
      .answer('good', succeed('x', { afterMs: 1_000, progress: [{ progress: 0.5 }], usage: { costUsd: 1 } }))
      .answer('bad', fail('refused', { afterMs: 1_000 }))
      .answer('long', succeed('x', { afterMs: 60_000 }))
  suite('in virtual time', backendConformance(make, { ...REQUESTS, pass: ms => clock.advance(ms) }))
})

describe('backendConformance', () => {
  const defaults: BackendConformanceOptions = { ...REQUESTS, answerMs: 20, startMs: 1, settleMs: 10 }
  const found = (backend: AgentFunction, options = defaults): Promise<Record<string, string>> =>
    failuresOf(backendConformance(() => backend, options))

  test('detects a backend that never answers and ignores its abort', async () => {
    expect(await found(() => new Promise(() => {}))).toMatchObject({
      'answers a request with JSON that an orchestrator accepts':
        'expected the task to end within 20 ms; it is still running',
      'settles once': 'expected the request succeeds to settle within 20 ms; it has not',
      'ends an attempt that was aborted before it started': expect.stringContaining('to settle within 10 ms'),
      'ends soon after its abort': expect.stringContaining('to settle within 10 ms'),
      'leaves no abandoned attempt when its run is cancelled': expect.stringContaining('it was abandoned'),
    })
  })

  test('detects an output that is not JSON, and a failure of another kind', async () => {
    const problems = await found(
      (request, context) => (request.task.id === 'good' ? 10n : obedient(request, context)),
      {
        ...defaults,
        failsWith: 'quota',
      },
    )
    expect(problems).toEqual({
      'answers a request with JSON that an orchestrator accepts': expect.stringContaining('OUTPUT_NOT_JSON'),
      'fails with a kind and a message': 'expected a failure of kind quota, got refused: no such model',
    })
  })

  test('detects a thenable that settles twice', async () => {
    const twice: AgentFunction = () => ({
      // biome-ignore lint/suspicious/noThenProperty: the fault is deliberate
      then: (ok: (output: string) => void, bad: (error: unknown) => void) => {
        ok('first')
        bad('second')
      },
    })
    const { succeeds } = defaults
    expect(await found(twice, { succeeds, startMs: 1 })).toMatchObject({
      'settles once': 'expected the attempt to settle once; it settled 2 times',
    })
  })

  test('detects a backend that fails without a message, or answers a request that should fail', async () => {
    const silent: AgentFunction = (request, context) => {
      if (request.task.id === 'bad') throw new AgentError('refused', ' ')
      return obedient(request, context)
    }
    expect(await found(silent)).toEqual({
      'fails with a kind and a message': expect.stringMatching(/a message, got none/),
    })
    const { failsWith: _, ...anyKind } = defaults
    const empty: AgentFunction = (request, context) => {
      if (request.task.id === 'bad') throw new Error(' ')
      return obedient(request, context)
    }
    expect(await found(empty, anyKind)).toEqual({
      'fails with a kind and a message': 'expected the failure (agent) to have a message, got none',
    })
    expect(
      await found((request, context) => obedient({ ...request, task: { ...request.task, id: 'good' } }, context)),
    ).toMatchObject({
      'fails with a kind and a message': 'expected the task to be dead; it is succeeded',
      'ends soon after its abort': 'expected the request runsLong to still run; it has ended already',
    })
  })

  test('detects invalid reports', async () => {
    const invalid: AgentFunction = (_, { report }) => report({ progress: 40, usage: { costUsd: -1 } })
    const { succeeds } = defaults
    expect(await found(invalid, { succeeds, startMs: 1 })).toEqual({
      'answers a request with JSON that an orchestrator accepts': expect.stringMatching(/usage\.costUsd: expected/),
      'reports progress between 0 and 1, and usage of at least 0': 'expected progress between 0 and 1, got 40',
    })
  })

  test('detects chunks that are not JSON, or come after the answer', async () => {
    const { succeeds } = defaults
    const invalid: AgentFunction = async (_, { stream }) => {
      await stream(1n as never).catch(() => {})
      return 'x'
    }
    const name = 'streams JSON, and nothing after its answer'
    expect(await found(invalid, { succeeds, startMs: 1 })).toMatchObject({
      [name]: 'expected chunks that are JSON, got 1 others',
    })
    const late: AgentFunction = (_, { stream }) => {
      setTimeout(() => void stream('late').catch(() => {}), 2)
      return 'x'
    }
    expect(await found(late, { succeeds, startMs: 20 })).toEqual({
      [name]: 'expected no chunk after the answer, got 1: they are lost',
    })
  })

  test('detects a usage that cannot be read, and an output that was probably meant to be a reply', async () => {
    const { succeeds } = defaults
    const name = 'answers a request with JSON that an orchestrator accepts'
    const unreadable: AgentFunction = () => reply({ output: 1, usage: { cost_usd: 1 } as never })
    expect(await found(unreadable, { succeeds, startMs: 1 })).toEqual({
      [name]: expect.stringMatching(/usage of backend .*cost_usd: unknown amount/),
    })
    const noReply: AgentFunction = () => ({ output: 1, usage: { costUsd: 1 } })
    expect(await found(noReply, { succeeds, startMs: 1 })).toEqual({ [name]: expect.stringMatching(/return reply\(/) })
  })

  test('detects a backend that ends all its attempts with one abort', async () => {
    const all: (() => void)[] = []
    const endsAll: AgentFunction = async (request, context) => {
      if (request.task.id === 'good' || request.task.id === 'bad') return obedient(request, context)
      await new Promise<void>(resolve => {
        all.push(resolve)
        context.signal.addEventListener('abort', () => all.splice(0).map(end => end()))
        if (context.signal.aborted) resolve()
      })
      throw new Error('ended')
    }
    expect(await found(endsAll)).toEqual({
      'continues other attempts when one is aborted': expect.stringContaining('not to end another'),
    })
  })

  test('accepts Infinity as a time without limit', async () => {
    const unlimited = { ...defaults, answerMs: Number.POSITIVE_INFINITY, settleMs: Number.POSITIVE_INFINITY }
    expect(await found(obedient, unlimited)).toEqual({})
  })

  test('waits in virtual time for a backend that never settles', async () => {
    const clock = new VirtualClock()
    const make = (): MockBackend => new MockBackend({ clock }).answer('good', hang()).answer('long', ignoreAbort())
    const { succeeds } = REQUESTS
    const problems = await failuresOf(backendConformance(make, { succeeds, pass: ms => clock.advance(ms) }))
    expect(problems['settles once']).toBe('expected the request succeeds to settle within 30000 ms; it has not')
  })
})
