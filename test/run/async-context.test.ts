import { AsyncLocalStorage } from 'node:async_hooks'
import {
  AgentError,
  type AgentRequest,
  type AttemptContext,
  FailureHandler,
  type OrchestratorOptions,
  ResultAggregator,
  type Run,
  TaskGraph,
} from 'counterpoint'
import { describe, expect, test, vi } from 'vitest'
import { JOURNAL_KINDS, TestHost } from '../durable/test-host.js'
import { setUp } from '../support/set-up.js'

/** Holds the id of the run. */
const storage = new AsyncLocalStorage<string>()

/** Where host code was called, and with which context: `place: run`, followed by the context where that differs. */
class Places {
  readonly seen = new Set<string>()

  note(place: string, runId: unknown): void {
    const store = storage.getStore()
    this.seen.add(`${place}: ${runId}${store === runId ? '' : `, but in the context of ${store}`}`)
  }

  /** That all of `places` were called for these runs, each in its own context; and nothing in another. */
  check(places: readonly string[], runIds: readonly string[]): void {
    expect([...this.seen].filter(line => line.includes('but'))).toEqual([])
    for (const runId of runIds) for (const place of places) expect([...this.seen]).toContain(`${place}: ${runId}`)
  }
}

function hostOf(kind: (typeof JOURNAL_KINDS)[number], places: Places): { host: TestHost; graph: TaskGraph } {
  const handler = new FailureHandler({ backoff: { baseMs: 10 } })
  const aggregator = new ResultAggregator()
  const options: Partial<Omit<OrchestratorOptions, 'pools' | 'journal'>> = {
    failureHandler: (failure, facts) => {
      // It is not told of which run: only `fails` says so.
      if (failure.kind === 'agent') places.note('failure handler', failure.message)
      return handler.verdict(failure, facts)
    },
    aggregator: run => {
      places.note('aggregator', run.runId)
      return aggregator.aggregate(run)
    },
    scheduler: (_, { runId }) => {
      places.note('order', runId)
      return 0
    },
  }
  const host = new TestHost(kind, { ...options, pool: { concurrency: 1, graceMs: 10 } })
  host.backend.answer('*', (request, context) => answer(places, request, context))
  host.orchestrator.on('error', ({ where, runId }) => places.note(where, runId))
  host.orchestrator.on('event', event => {
    if ('runId' in event) places.note(`${event.type} of the orchestrator`, event.runId)
  })
  return { host, graph: graphOf(places) }
}

async function answer(places: Places, { runId, task }: AgentRequest, context: AttemptContext): Promise<string> {
  places.note(`backend, attempt ${context.attempt}`, runId)
  if (task.id === 'fails' && context.attempt === 1) throw new AgentError('agent', runId)
  if (task.id === 'hangs') await aborted(places, runId, context)
  // In a context of its own: listeners must not see that.
  await storage.run('inner', async () => {
    await context.stream('chunk')
    context.report({ message: 'one', usage: { costUsd: 'unreadable' as never } })
    context.report({ message: 'two' })
  })
  places.note('backend, later', runId)
  return task.id
}

function aborted(places: Places, runId: string, { signal }: AttemptContext): Promise<never> {
  return new Promise((_, reject) =>
    signal.addEventListener('abort', () => {
      places.note('abort', runId)
      reject(signal.reason)
    }),
  )
}

function graphOf(places: Places): TaskGraph {
  const graph = new TaskGraph('contexts')
  const first = graph.task('first', {
    input: (_, { locals }) => {
      places.note('input function', locals.run)
      return null
    },
  })
  const fails = graph.task('fails', {
    after: [first],
    approval: (_, { locals }) => {
      places.note('approval function', locals.run)
      return false
    },
  })
  graph.task('function', {
    run: async ({ runId }, { locals }) => {
      places.note('function task', runId)
      await null
      places.note('function task, later', locals.run)
      return null
    },
  })
  graph.task('hangs', { after: [fails], timeoutMs: 500, retries: 0 })
  return graph
}

function listen(run: Run, places: Places): void {
  run.on('event', ({ type, runId }) => places.note(`${type} of the run`, runId))
}

const IN_ALL = [
  ...['input function', 'approval function', 'order', 'failure handler', 'aggregator', 'abort'],
  ...['function task', 'function task, later'],
  ...['backend, attempt 1', 'backend, attempt 2', 'backend, later'],
  ...['run', 'orchestrator'].flatMap(of =>
    ['attempt.started', 'attempt.progressed', 'attempt.streamed', 'task.delayed', 'run.settled'].map(
      type => `${type} of the ${of}`,
    ),
  ),
]

describe.each(JOURNAL_KINDS)('with a journal of kind %s', kind => {
  test('trap 10: runs that share one slot see the AsyncLocalStorage context of their own run() everywhere', async () => {
    const places = new Places()
    const { host, graph } = hostOf(kind, places)
    const runs = ['a', 'b', 'c'].map(runId =>
      storage.run(runId, () => host.orchestrator.run(graph, { runId, locals: { run: runId } })),
    )
    for (const run of runs) listen(run, places)
    for (const run of runs) await host.done(run.result)
    places.check(IN_ALL, ['a', 'b', 'c'])
    places.check(['usage of backend mock in pool p'], ['a'])
  })

  test('a resumed run has the context of resume()', async () => {
    const places = new Places()
    const first = hostOf(kind, new Places())
    for (const runId of ['a', 'b']) await first.host.done(first.host.orchestrator.run(first.graph, { runId }).pause())
    const next = await first.host.next({ failureHandler: new FailureHandler() })
    next.backend.answer('*', (request, context) => answer(places, request, context))
    const runs: Run[] = []
    for (const runId of ['a', 'b']) {
      const resuming = storage.run(runId, () =>
        next.orchestrator.resume(runId, { graph: graphOf(places), locals: { run: runId } }),
      )
      const run = await next.done(resuming)
      listen(run, places)
      runs.push(run)
    }
    // Whoever sends a signal: the context is that of the run.
    for (const run of runs) await next.done(storage.run('elsewhere', () => run.unpause()))
    for (const run of runs) await next.done(run.result)
    places.check(
      [
        'input function',
        'approval function',
        'backend, attempt 2',
        'run.unpaused of the run',
        'run.settled of the run',
      ],
      ['a', 'b'],
    )
  })
})

test('listeners see the context of the run when a call of another context ends it', async () => {
  const places = new Places()
  const { host } = hostOf('memory', places)
  const run = storage.run('a', () => host.orchestrator.run({ tasks: [{ id: 'hangs' }] }, { runId: 'a' }))
  listen(run, places)
  await host.backend.started('hangs')
  await storage.run('elsewhere', () => host.done(host.orchestrator.drain({ timeoutMs: 100 })))
  await expect(run.result).rejects.toMatchObject({ code: 'RUN_SUSPENDED' })
  places.check(
    ['abort', 'run.draining of the run', 'run.suspended of the run', 'run.suspended of the orchestrator'],
    ['a'],
  )
})

test('a context that an asynchronous backend enters does not reach the other tasks of its run', async () => {
  const stores: unknown[] = []
  const host = new TestHost('memory', { pool: { concurrency: 1 } })
  host.backend.answer('*', async () => {
    stores.push(storage.getStore())
    storage.enterWith('entered')
    return null
  })
  const run = storage.run('a', () => host.orchestrator.run({ tasks: [{ id: 'x' }, { id: 'y' }, { id: 'z' }] }))
  await host.done(run.result)
  expect(stores).toEqual(['a', 'a', 'a'])
})

test('a run that is given tasks later has the context of run() in them', async () => {
  const places = new Places()
  const { host, graph } = hostOf('memory', places)
  const run = storage.run('a', () =>
    host.orchestrator.run({ tasks: [{ id: 'start' }] }, { runId: 'a', locals: { run: 'a' } }),
  )
  await storage.run('elsewhere', () => host.done(run.add(graph)))
  await host.done(run.result)
  places.check(['input function', 'backend, attempt 2', 'run.settled of the orchestrator'], ['a'])
})

test('health checks and listeners of pool events have the context in which the orchestrator was made', async () => {
  const seen: string[] = []
  let healthy = true
  const health = (): boolean => {
    seen.push(`health in ${storage.getStore()}`)
    return healthy
  }
  const { clock, orchestrator } = storage.run('made', () =>
    setUp({ backend: { run: () => new Promise(resolve => clock.schedule(() => resolve(1), 20_000)), health } }),
  )
  orchestrator.on('event', ({ type }) => type.startsWith('pool.') && seen.push(`${type} in ${storage.getStore()}`))
  const run = storage.run('a', () => orchestrator.run({ tasks: [{ id: 'x' }] }))
  healthy = false
  await clock.runUntilIdle()
  await run.result
  orchestrator.pools.get('p')?.park(10)
  expect([...new Set(seen)]).toEqual(['health in made', 'pool.unhealthy in made', 'pool.parked in made'])
})

test('without AsyncLocalStorage, as in a browser, runs work', async () => {
  vi.stubGlobal('process', { ...process, getBuiltinModule: undefined })
  try {
    const { host, graph } = hostOf('memory', new Places())
    const run = host.orchestrator.run(graph, { locals: { run: 'x' } })
    expect((await host.done(run.result)).outcome).toBe('partial')
  } finally {
    vi.unstubAllGlobals()
  }
})
