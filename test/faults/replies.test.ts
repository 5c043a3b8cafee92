import { AgentError, reply } from 'counterpoint'
import { describe, expect, test } from 'vitest'
import { unhandledDuring } from '../support/unhandled.js'
import { Fixture, resultAsJson, resumed } from './fixture.js'

describe('data that an agent reports in addition to its output', () => {
  test('is accepted from a reply only where it is valid', async () => {
    const usage = { inputTokens: Number.NaN, outputTokens: -1, costUsd: 0.5, estimated: 'yes', secret: 'x' } as never
    const fixture = new Fixture(() => reply({ output: 'x', usage }))
    const live = await fixture.run(['a'])
    expect(live.result.usage).toEqual({ costUsd: 0.5 })
    expect(resultAsJson(await resumed(fixture, live.run.id))).toEqual(resultAsJson(live))
  })

  test('is ignored when it cannot be read', async () => {
    const unreadable = new Proxy(
      {},
      {
        get() {
          throw new Error('no')
        },
      },
    )
    const fixture = new Fixture(() => reply({ output: 'x', usage: unreadable }))
    const { tasks, result } = await fixture.run([{ id: 'a', retries: 0 }])
    expect([tasks.a?.output, result.usage]).toEqual(['x', {}])
  })

  test('with its error is ignored when it cannot be read', async () => {
    const unreadable = new Proxy(
      {},
      {
        get: () => {
          throw new Error('no')
        },
      },
    )
    const error = new AgentError('agent', 'failed', { usage: unreadable })
    for (const agent of [
      () => Promise.reject(error),
      () => {
        throw error
      },
    ]) {
      const fixture = new Fixture(agent)
      const unhandled = await unhandledDuring(async () => {
        const { tasks } = await fixture.run([
          { id: 'a', retries: 0 },
          { id: 'b', after: ['a'] },
        ])
        expect(tasks.a).toMatchObject({ status: 'dead', failure: { kind: 'agent', message: 'failed' } })
      })
      expect(unhandled).toEqual([])
    }
  })

  test('about its failure is the same live and after a restart', async () => {
    const numbers = { retryAfterMs: Number.POSITIVE_INFINITY, status: Number.NaN }
    const fixture = new Fixture(() => {
      throw new AgentError('refused', 'no', numbers)
    })
    const live = await fixture.run(['a'])
    expect((await resumed(fixture, live.run.id)).tasks.a?.failure).toEqual(live.tasks.a?.failure)
  })

  test('about its failure is of a kind that exists', async () => {
    const fixture = new Fixture(() => {
      throw new AgentError('made up' as never, 'no')
    })
    expect((await fixture.run(['a'])).tasks.a?.failure?.kind).toBe('agent')
  })

  test('with its error is cut', async () => {
    const page = 'x'.repeat(1_000_000)
    const fixture = new Fixture(() => {
      throw new Error(page)
    })
    const { tasks, records } = await fixture.run([{ id: 'a', retries: 0 }])
    expect(tasks.a?.failure?.message.length).toBeLessThan(5_000)
    expect(JSON.stringify(records).length).toBeLessThan(20_000)
  })

  test('with its error is cut in its cause and code, too', async () => {
    const page = 'x'.repeat(1_000_000)
    const fixture = new Fixture(() => {
      throw Object.assign(new Error('short', { cause: new Error(page) }), { code: page })
    })
    const { records } = await fixture.run([{ id: 'a', retries: 0 }])
    expect(JSON.stringify(records).length).toBeLessThan(20_000)
  })
})
