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
import { broken, suite } from './cases.js'

const REQUESTS: BackendConformanceOptions = {
  succeeds: { id: 'good' },
  fails: { id: 'bad' },
  runsLong: { id: 'long' },
  failsWith: 'refused',
}

suite(
  'a plain function that returns at once',
  backendConformance(
    () =>
      ({ task }) =>
        `${task.id} done`,
    { succeeds: { description: 'Say hello' }, startMs: 1 },
  ),
)

suite(
  'a plain function that heeds its abort',
  backendConformance(() => polite, { ...REQUESTS, startMs: 1 }),
)

const polite: AgentFunction = async ({ task }, { signal, report }) => {
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
  suite('it', backendConformance(make, { ...REQUESTS, pass: ms => clock.advance(ms) }))
})

describe('the conformance suite of backends', () => {
  const settings: BackendConformanceOptions = { ...REQUESTS, answerMs: 20, startMs: 1, settleMs: 10 }
  const found = (backend: AgentFunction, options = settings): Promise<Record<string, string>> =>
    broken(backendConformance(() => backend, options))

  test('finds a backend that never answers and ignores its abort', async () => {
    expect(await found(() => new Promise(() => {}))).toMatchObject({
      'answers a request with JSON that an orchestrator can keep':
        'expected the task to end within 20 ms; it is still running',
      'settles once': 'expected the request of succeeds to settle within 20 ms; it has not',
      'ends an attempt that was aborted before it began': expect.stringContaining('to settle within 10 ms'),
      'ends soon after its abort': expect.stringContaining('to settle within 10 ms'),
      'leaves no abandoned attempt behind when its run is cancelled': expect.stringContaining('it was abandoned'),
    })
  })

  test('finds an output that is not JSON, and a failure of another kind', async () => {
    const problems = await found((request, context) => (request.task.id === 'good' ? 10n : polite(request, context)), {
      ...settings,
      failsWith: 'quota',
    })
    expect(problems).toEqual({
      'answers a request with JSON that an orchestrator can keep': expect.stringContaining('OUTPUT_NOT_JSON'),
      'fails in a way that can be classified': 'expected a failure of kind quota, got refused: no such model',
    })
  })

  test('finds a thenable that settles twice', async () => {
    const twice: AgentFunction = () => ({
      // biome-ignore lint/suspicious/noThenProperty: the fault is on purpose
      then: (ok: (output: string) => void, bad: (error: unknown) => void) => {
        ok('first')
        bad('second')
      },
    })
    const { succeeds } = settings
    expect(await found(twice, { succeeds, startMs: 1 })).toMatchObject({
      'settles once': 'expected the attempt to settle once; it settled 2 times',
    })
  })

  test('finds a backend that fails without a word, or takes a failing request for a good one', async () => {
    const mute: AgentFunction = (request, context) => {
      if (request.task.id === 'bad') throw new AgentError('refused', ' ')
      return polite(request, context)
    }
    expect(await found(mute)).toEqual({
      'fails in a way that can be classified': expect.stringMatching(/a message, got none/),
    })
    expect(
      await found((request, context) => polite({ ...request, task: { ...request.task, id: 'good' } }, context)),
    ).toMatchObject({
      'fails in a way that can be classified': 'expected the task to be dead; it is succeeded',
      'ends soon after its abort': 'expected the request of runsLong to take long; it has ended already',
    })
  })

  test('finds reports that make no sense', async () => {
    const boasts: AgentFunction = (_, { report }) => report({ progress: 40, usage: { costUsd: -1 } })
    const { succeeds } = settings
    expect(await found(boasts, { succeeds, startMs: 1 })).toEqual({
      'reports progress between 0 and 1, and usage that adds up': 'expected progress between 0 and 1, got 40',
    })
  })

  test('finds a backend that ends all its attempts with one abort', async () => {
    const all: (() => void)[] = []
    const sloppy: AgentFunction = async (request, context) => {
      if (request.task.id === 'good' || request.task.id === 'bad') return polite(request, context)
      await new Promise<void>(resolve => {
        all.push(resolve)
        context.signal.addEventListener('abort', () => all.splice(0).map(end => end()))
        if (context.signal.aborted) resolve()
      })
      throw new Error('ended')
    }
    expect(await found(sloppy)).toEqual({
      'goes on with other attempts when one is aborted': expect.stringContaining('to leave another alone'),
    })
  })

  test('waits in virtual time for a backend that never settles', async () => {
    const clock = new VirtualClock()
    const make = (): MockBackend => new MockBackend({ clock }).answer('good', hang()).answer('long', ignoreAbort())
    const { succeeds } = REQUESTS
    const problems = await broken(backendConformance(make, { succeeds, pass: ms => clock.advance(ms) }))
    expect(problems['settles once']).toBe('expected the request of succeeds to settle within 30000 ms; it has not')
  })
})
