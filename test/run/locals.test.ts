import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { type Locals, Orchestrator, type Run, TaskGraph } from 'counterpoint'
import { describe, expect, test } from 'vitest'
import { JOURNAL_KINDS, TestHost } from '../durable/test-host.js'

/** A graph of one task whose functions and backend note the locals that they get, in that order. */
function noting(host: TestHost, seen: unknown[]): TaskGraph {
  host.backend.answer('*', (_, { locals }) => {
    seen.push(locals)
    return null
  })
  const graph = new TaskGraph('locals')
  graph.task('a', {
    approval: (_, { locals }) => {
      seen.push(locals)
      return false
    },
    input: (_, { locals }) => {
      seen.push(locals)
      return null
    },
  })
  return graph
}

describe.each(JOURNAL_KINDS)('with a journal of kind %s, the locals of a run', kind => {
  const locals: Locals = { tenant: 'acme', log: () => {}, database: new Map([['a', 1n]]) }

  test('reach its backends and functions as the same object, and are not journaled', async () => {
    const host = new TestHost(kind)
    const seen: unknown[] = []
    const run = host.orchestrator.run(noting(host, seen), { runId: 'x', locals })
    await host.done(run.result)
    expect(seen).toHaveLength(3)
    for (const each of seen) expect(each).toBe(locals)
    expect(JSON.stringify(await host.records('x'))).not.toContain('acme')
  })

  test('are those of `resume` after a restart', async () => {
    const first = new TestHost(kind)
    await first.done(first.orchestrator.run(noting(first, []), { runId: 'x', locals }).pause())
    const next = await first.next()
    const seen: unknown[] = []
    const other = { tenant: 'other' }
    const run = await next.done(next.orchestrator.resume('x', { graph: noting(next, seen), locals: other }))
    await next.done(run.unpause())
    await next.done(run.result)
    expect(seen.length).toBeGreaterThan(1)
    for (const each of seen) expect(each).toBe(other)
  })
})

test('without locals, they are empty and frozen', async () => {
  const host = new TestHost('memory')
  const seen: unknown[] = []
  await host.done(host.orchestrator.run(noting(host, seen), { locals: undefined }).result)
  for (const each of seen) expect([each, Object.isFrozen(each)]).toEqual([{}, true])
})

test('may be an instance of a class of the host', async () => {
  class Services {
    readonly tenant = 'acme'
  }
  const services = new Services()
  const seen: unknown[] = []
  const orchestrator = new Orchestrator({ pools: { p: { backend: (_, { locals }) => void seen.push(locals) } } })
  await orchestrator.run({ tasks: [{ id: 'a' }] }, { locals: { ...services } }).result
  await orchestrator.run({ tasks: [{ id: 'a' }] }, { locals: services }).result
  expect(seen[1]).toBe(services)
})

test.each([['acme'], [7], [null], [[1]]])('are refused when they are not an object: %j', async locals => {
  const { orchestrator } = new TestHost('memory')
  const options = { locals: locals as never }
  expect(() => orchestrator.run({ tasks: [{ id: 'a' }] }, options)).toThrow(/locals: expected an object, got/)
  await expect(orchestrator.resume('x', options)).rejects.toThrow(/locals: expected an object, got/)
})

describe('of a run that has ended and is retained', () => {
  const collect = async (): Promise<void> => {
    setFlagsFromString('--expose-gc')
    const gc = runInNewContext('gc') as () => void
    for (let i = 0; i < 5; i++) {
      await new Promise(resolve => setImmediate(resolve))
      gc()
    }
  }

  /** The locals of a run that has ended with `end`, and what keeps it. */
  async function endedRun(end: (run: Run, host: TestHost) => unknown): Promise<[WeakRef<object>, Run]> {
    // Not the mock backend, which keeps the context of each call.
    const host = new TestHost('memory', { pool: { backend: () => null } })
    const locals = { tenant: 'acme' }
    const run = host.orchestrator.run({ tasks: [{ id: 'a' }] }, { locals })
    await end(run, host)
    return [new WeakRef(locals), run]
  }

  test.each<[string, (run: Run, host: TestHost) => unknown]>([
    ['settled', (run, host) => host.done(run.result)],
    [
      'suspended',
      async (run, host) => {
        await host.done(run.pause())
        await host.done(host.orchestrator.drain())
      },
    ],
  ])('are not kept: %s', async (_, end) => {
    const [locals, run] = await endedRun(end)
    await collect()
    expect(locals.deref()).toBeUndefined()
    expect(run.progress().counts).toBeDefined()
  })
})
