import assert from 'node:assert/strict'
import { inspect } from 'node:util'
import type { Json, RunResult } from 'counterpoint'
import { describe, expect, test } from 'vitest'
import { specs } from '../support/scheduler-fixture.js'
import { setUp } from '../support/set-up.js'

/** The result of a run with a task that succeeds with `output`, one that is dead, and one that is skipped because of it. */
async function resultWith(output: Json): Promise<RunResult> {
  const { backend, clock, orchestrator } = setUp({ defaults: { retries: 0 } })
  backend.answer('a', output).answer('b', () => Promise.reject('no'))
  const run = orchestrator.run({ tasks: specs('a b c<b') }, { runId: 'r' })
  await clock.runUntilIdle()
  return run.result
}

const MEMBERS = ['runId', 'outcome', 'startedAt', 'settledAt', 'delivered', 'usage', 'times', 'rootCauses', 'outputs']

describe('a result is plain data:', () => {
  test('all members are own, enumerable and no getters, and objects have the usual prototype', async () => {
    const result = await resultWith(1)
    const described = Object.getOwnPropertyDescriptors(result)
    expect(Object.keys(described)).toEqual([...MEMBERS, 'tasks'])
    for (const member of Object.values(described)) expect(member).toMatchObject({ enumerable: true, writable: true })
    for (const value of [result, result.usage, result.times, ...result.tasks, ...result.rootCauses])
      expect(Object.getPrototypeOf(value)).toBe(Object.prototype)
    expect(Object.getPrototypeOf(result.outputs)).toBe(null)
  })

  test('two results are deeply equal only if their outputs are', async () => {
    const [one, same, other] = [await resultWith(1), await resultWith(1), await resultWith(2)]
    assert.deepStrictEqual(same, one)
    expect(same).toEqual(one)
    expect(same).toStrictEqual(one)
    assert.throws(() => assert.deepStrictEqual(other, one), /AssertionError/)
    expect(other).not.toEqual(one)
    const { tasks: _, ...withoutTasks } = other
    expect(withoutTasks).not.toEqual({ ...one, tasks: undefined })
  })

  test('spreading, structuredClone, JSON and printing see all of it', async () => {
    const result = await resultWith({ text: 'done' })
    assert.deepStrictEqual({ ...result }, result)
    expect(structuredClone(result)).toEqual(result)
    expect(JSON.parse(JSON.stringify(result))).toEqual(result)
    for (const member of [...MEMBERS, 'tasks']) expect(inspect(result)).toContain(`${member}: `)
    expect({ ...result, outputs: { ...result.outputs } }).toMatchObject({
      outcome: 'partial',
      delivered: 1 / 3,
      outputs: { a: { text: 'done' } },
      rootCauses: [{ taskId: 'b', status: 'dead', skipped: ['c'] }],
      tasks: [
        { id: 'a', status: 'succeeded', output: { text: 'done' } },
        { id: 'b', status: 'dead', failure: { kind: 'agent' } },
        { id: 'c', status: 'skipped', rootCause: 'b' },
      ],
    })
  })

  test('a task has the members of its status, and no others', async () => {
    const { tasks } = await resultWith(1)
    const common = ['id', 'description', 'pool', 'status', 'attempts', 'abandoned', 'busyMs', 'weight', 'after']
    const own = tasks.map(task => Object.keys(task).filter(key => !common.includes(key)))
    expect(own).toEqual([
      ['startedAt', 'endedAt', 'output'],
      ['startedAt', 'endedAt', 'failure'],
      ['endedAt', 'rootCause'],
    ])
  })

  test('a held task says what it waits for', async () => {
    const { clock, orchestrator } = setUp()
    const run = orchestrator.run({ tasks: [{ id: 'a', approval: true }] })
    await clock.advance(0)
    expect(run.task('a')).toMatchObject({ status: 'held', reason: 'approval' })
  })
})
