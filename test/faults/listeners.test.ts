import { format } from 'node:util'
import type { HostError } from 'counterpoint'
import { describe, expect, test, vi } from 'vitest'
import type { RunEventMap } from '../../src/events/event-map.js'
import { unhandledDuring } from '../support/unhandled.js'
import { Fixture, turn } from './fixture.js'

/** The names of all events that a run of these tasks emits. */
const CHANNELS: readonly (keyof RunEventMap)[] = [
  'event',
  'run.started',
  'run.paused',
  'run.unpaused',
  'run.settled',
  'task.added',
  'task.ready',
  'task.delayed',
  'task.succeeded',
  'task.dead',
  'task.skipped',
  'task.cancelled',
  'attempt.started',
  'attempt.progressed',
  'attempt.stopping',
  'attempt.failed',
  'attempt.abandoned',
]

const hostile = new Proxy(
  {},
  {
    get() {
      throw new Error('a trap')
    },
    getPrototypeOf() {
      throw new Error('a trap')
    },
  },
)

/** The ways in which a listener can fail. */
const WAYS: Readonly<Record<string, () => unknown>> = {
  throws: () => {
    throw new Error('from a listener')
  },
  'throws nothing': () => {
    throw undefined
  },
  rejects: () => Promise.reject(new Error('from a listener')),
  'rejects later': async () => {
    await turn()
    throw new Error('from a listener')
  },
  'gives a value that cannot be inspected': () => hostile,
}

async function play(listen: (fixture: Fixture, run: ReturnType<Fixture['start']>) => void): Promise<unknown> {
  const fixture = new Fixture(
    ({ task }, { attempt, report }) => {
      report({ progress: 0.5 })
      if (task.id === 'flaky' && attempt === 1) throw new Error('once')
      if (task.id === 'bad') throw new Error('always')
      if (task.id === 'stuck') return new Promise(() => {})
      return 'done'
    },
    { pool: { graceMs: 10 } },
  )
  const run = fixture.start([
    'good',
    'flaky',
    { id: 'bad', retries: 0 },
    { id: 'after bad', after: ['bad'] },
    { id: 'stuck', timeoutMs: 50, retries: 0 },
    { id: 'cancelled', after: ['stuck'] },
  ])
  listen(fixture, run)
  await run.pause()
  await run.unpause()
  await run.cancelTask('cancelled')
  const { events, tasks } = await fixture.finish(run)
  return JSON.parse(JSON.stringify({ events, tasks }).replaceAll(run.id, 'run'))
}

describe.each(Object.entries(WAYS))('a listener that %s', (_, fail) => {
  test('changes nothing, on every channel of the run and of the orchestrator', async () => {
    const withoutListeners = await play(() => {})
    const errors: HostError[] = []
    const unhandled = await unhandledDuring(async () => {
      const withListeners = await play((fixture, run) => {
        fixture.orchestrator.on('error', error => void errors.push(error))
        for (const name of CHANNELS) {
          run.on(name, () => fail())
          fixture.orchestrator.on(name, () => fail())
        }
      })
      expect(withListeners).toEqual(withoutListeners)
    })
    expect(unhandled).toEqual([])
    expect(new Set(errors.map(({ where }) => where.replace('listener of ', '')))).toEqual(new Set(CHANNELS))
  })
})

test('each failure of a listener is reported once: by the run, else by the orchestrator', async () => {
  const fixture = new Fixture(() => 'done')
  const run = fixture.start(['a'])
  const received: string[] = []
  const error = new Error('from a listener')
  const off = run.on('task.succeeded', () => {
    throw error
  })
  run.on('error', problem => void received.push(`run: ${problem.where}`))
  fixture.orchestrator.on(
    'error',
    problem => void received.push(`orchestrator: ${problem.where} ${problem.error === error}`),
  )
  fixture.orchestrator.on('run.settled', () => Promise.reject(error))
  await fixture.finish(run)
  await turn()
  expect(received).toEqual(['run: listener of task.succeeded', 'orchestrator: listener of run.settled true'])
  off()
})

test('without a listener of `error`, it is printed to the console', async () => {
  const console = vi.spyOn(globalThis.console, 'error').mockImplementation(() => {})
  const fixture = new Fixture(() => 'done')
  const run = fixture.start(['a'])
  run.on('run.settled', () => {
    throw new Error('from a listener')
  })
  await fixture.finish(run)
  expect(console.mock.calls).toEqual([
    [
      "counterpoint: error in the listener of run.settled. To handle this yourself, listen to 'error'.",
      expect.any(Error),
    ],
  ])
  console.mockRestore()
})

const uninspectable: Readonly<Record<string, () => unknown>> = {
  'with a getter `stack` that throws': () =>
    Object.defineProperty(new Error('a text'), 'stack', {
      get() {
        throw new Error('from a getter')
      },
    }),
  'that throws when it is inspected': () =>
    Object.assign(new Error('a text'), {
      [Symbol.for('nodejs.util.inspect.custom')]() {
        throw new Error('from an inspection')
      },
    }),
}

test.each(Object.entries(uninspectable))(
  'an error of a listener %s is printed by its message, and changes nothing',
  async (_, make) => {
    const lines: string[] = []
    const console = vi
      .spyOn(globalThis.console, 'error')
      .mockImplementation((...parts) => void lines.push(format(...parts)))
    const fixture = new Fixture(() => 'done')
    const run = fixture.start(['a'])
    for (const name of ['task.ready', 'task.succeeded'] as const)
      run.on(name, () => {
        throw make()
      })
    const { result } = await fixture.finish(run)
    console.mockRestore()
    expect(result.outcome).toBe('completed')
    // Newer versions of Node can inspect such an error themselves.
    expect(lines).toEqual([
      expect.stringMatching(/task\.ready.* (\[Error: )?a text\]?$/),
      expect.stringMatching(/task\.succeeded.* (\[Error: )?a text\]?$/),
    ])
  },
)

test('a failure of a listener of `error` is not reported to it', async () => {
  const unhandled = await unhandledDuring(async () => {
    const fixture = new Fixture(() => 'done')
    const run = fixture.start(['a'])
    let calls = 0
    for (const name of ['error', 'error'] as const)
      run.on(name, async () => {
        calls++
        throw new Error('from the listener of errors')
      })
    run.on('error', () => {
      calls++
      throw new Error('from the listener of errors')
    })
    run.on('run.settled', () => {
      throw new Error('from a listener')
    })
    await fixture.finish(run)
    await turn()
    expect(calls).toBe(3)
  })
  expect(unhandled).toEqual([])
})

test('a listener can remove itself or add others while it is called', async () => {
  const fixture = new Fixture(() => 'done')
  const run = fixture.start(['a', 'b'])
  const received: string[] = []
  const off = run.on('task.succeeded', ({ taskId }) => {
    received.push(`first ${taskId}`)
    off()
    run.on('task.succeeded', later => void received.push(`late ${later.taskId}`))
  })
  run.on('task.succeeded', ({ taskId }) => void received.push(`second ${taskId}`))
  await fixture.finish(run)
  expect(received).toEqual(['first a', 'second a', 'second b', 'late b'])
})

test('the run ends when the failure handler, the scheduler or the aggregator of the host throws', async () => {
  const broken = (): never => {
    throw new Error('a broken part')
  }
  const judged = new Fixture(() => Promise.reject(new Error('no')), { failureHandler: broken })
  expect((await judged.run(['a'])).tasks.a).toMatchObject({ status: 'dead', attempts: 1 })
  const nonsense = new Fixture(() => Promise.reject(new Error('no')), {
    failureHandler: () => ({ action: 'retry', delayMs: Number.NaN }),
  })
  expect((await nonsense.run(['a'])).tasks.a).toMatchObject({ status: 'dead', attempts: 1 })

  const aggregated = new Fixture(() => 'done', { aggregator: broken })
  const run = aggregated.start(['a'])
  await aggregated.clock.runUntilIdle()
  await expect(run.result).rejects.toThrow('a broken part')

  const scheduled = new Fixture(() => 'done', { scheduler: broken })
  scheduled.orchestrator.on('error', () => {})
  expect((await scheduled.run(['a'])).tasks.a).toMatchObject({ status: 'succeeded' })
})
