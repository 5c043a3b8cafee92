import { AgentError, reply } from 'counterpoint'
import { agentRequest, callBackend, MockBackend } from 'counterpoint/testing'
import { describe, expect, test } from 'vitest'

describe('agentRequest', () => {
  test('makes a whole request of the parts that are given', () => {
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

  test('freezes it to the bottom', () => {
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
  test('calls a function or a backend once, as an orchestrator would', async () => {
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

  test('collects reports, hands replies on as they are, and counts settlements', async () => {
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

  test('turns what a backend throws at once into a rejection that nobody has to handle', async () => {
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
