import { AgentError, reply } from 'counterpoint'
import { agentRequest, callBackend, MockBackend } from 'counterpoint/testing'
import { describe, expect, test } from 'vitest'

describe('agentRequest', () => {
  test('fills in defaults for missing parts', () => {
    expect(agentRequest()).toEqual({
      runId: 'run',
      runStartedAt: 0,
      task: { id: 'task', description: 'task', pool: 'pool' },
      input: null,
      outputs: {},
    })
    const parts = {
      runId: 'r',
      runStartedAt: 5,
      id: 'i',
      description: 'd',
      pool: 'p',
      context: [1],
      input: { a: 1 },
      outputs: { b: 'x' },
    }
    expect(agentRequest(parts)).toEqual({
      runId: 'r',
      runStartedAt: 5,
      task: { id: 'i', description: 'd', pool: 'p', context: [1] },
      input: { a: 1 },
      outputs: { b: 'x' },
    })
  })

  test('rejects unknown parts and options', () => {
    expect(() => agentRequest({ runID: 'r' } as never)).toThrow(/runID: unknown key \(did you mean "runId"\?\)/)
    expect(() => callBackend(() => 1, {}, { attempt: 0 })).toThrow(/attempt: expected at least 1, got 0/)
  })

  test('accepts outputs without a prototype', () => {
    const outputs = Object.assign(Object.create(null), { a: 1 })
    expect(agentRequest({ outputs }).outputs).toEqual({ a: 1 })
  })

  test('freezes the request deeply', () => {
    const request = agentRequest({ context: { a: [1] }, input: { b: {} }, outputs: { c: [] } })
    const { context } = request.task
    const parts = [
      request,
      request.task,
      context,
      (context as { a: [] }).a,
      request.input,
      request.outputs,
      request.outputs.c,
    ]
    expect(parts.map(part => Object.isFrozen(part))).toEqual(parts.map(() => true))
  })
})

describe('callBackend', () => {
  test('calls a function or a backend once, as an orchestrator does', async () => {
    const seen: unknown[] = []
    const { result } = callBackend(
      ({ task, input }, { attempt, idempotencyKey, signal, report }) => {
        seen.push([task.id, input, attempt, idempotencyKey, signal.aborted, typeof report])
        return 'x'
      },
      { id: 'a', input: 7, runId: 'r' },
      { attempt: 3 },
    )
    expect(await result).toBe('x')
    expect(seen).toEqual([['a', 7, 3, 'r/a/1', false, 'function']])
    expect(await callBackend(new MockBackend().answer('*', 'mock')).result).toBe('mock')
  })

  test('collects reports, returns replies unchanged, and counts settlements', async () => {
    const answer = reply({ output: 1, usage: { costUsd: 2 } })
    const call = callBackend(async (_, { report }) => {
      report({ progress: 0.1 })
      await null
      report({ message: 'half' })
      return answer
    })
    expect([call.reports, call.settlements]).toEqual([[{ progress: 0.1 }], 0])
    expect(await call.result).toBe(answer)
    expect([call.reports, call.settlements]).toEqual([[{ progress: 0.1 }, { message: 'half' }], 1])
  })

  test('collects chunks, rejects those that are not JSON, and waits for `onChunk`', async () => {
    const log: unknown[] = []
    const call = callBackend(
      async (_, { stream }) => {
        await stream({ a: 1 })
        log.push('streamed')
        await stream(1n as never).catch((error: Error) => log.push(error.name))
      },
      {},
      {
        onChunk: async chunk => {
          await null
          log.push(chunk)
        },
      },
    )
    await call.result
    expect(log).toEqual([{ a: 1 }, 'streamed', 'NotJsonError'])
    expect([call.chunks, call.invalidChunks]).toEqual([[{ a: 1 }], 1])
  })

  test('passes locals', async () => {
    const locals = { tenant: 'acme' }
    expect(await callBackend((_, context) => context.locals, {}, { locals }).result).toBe(locals)
    expect(await callBackend((_, context) => context.locals).result).toEqual({})
  })

  test('turns a synchronous throw into a rejection that need not be handled', async () => {
    const call = callBackend(() => {
      throw new AgentError('refused', 'no')
    })
    await new Promise(resolve => setImmediate(resolve))
    await expect(call.result).rejects.toThrow('no')
    expect(call.settlements).toBe(1)
  })

  test('aborts with a reason, or before the call', async () => {
    const backend = new MockBackend().hold('*')
    const call = callBackend(backend)
    call.abort(new Error('enough'))
    await expect(call.result).rejects.toThrow('enough')
    await expect(callBackend(backend, {}, { aborted: true }).result).rejects.toMatchObject({ name: 'AbortError' })
  })
})
