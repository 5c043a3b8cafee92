import { TaskGraph, type TaskResult } from 'counterpoint'
import { describe, expect, test } from 'vitest'
import type { StandardSchemaV1 } from '../../src/plan/standard-schema.js'
import { unhandledDuring } from '../support/unhandled.js'
import { Fixture } from './fixture.js'

describe('an output schema', () => {
  const schema = (validate: StandardSchemaV1.Props['validate']): StandardSchemaV1<unknown, never> => ({
    '~standard': { version: 1, vendor: 'test', validate: validate as never },
  })
  const checked = async (validate: (value: unknown) => unknown, more: object = {}): Promise<TaskResult> => {
    const graph = new TaskGraph('graph')
    graph.task('a', { retries: 0, output: schema(validate as never), ...more })
    const fixture = new Fixture(() => ({ n: 1 }))
    let task: TaskResult | undefined
    const unhandled = await unhandledDuring(async () => {
      task = (await fixture.finish(fixture.orchestrator.run(graph))).tasks.a
    })
    expect(unhandled).toEqual([])
    return task!
  }

  test('that throws, rejects, or does not return JSON fails the attempt', async () => {
    const error = new Error('a broken schema')
    for (const validate of [
      () => {
        throw error
      },
      () => Promise.reject(error),
      () => null,
      () => ({ value: 10n }),
    ]) {
      expect(await checked(validate)).toMatchObject({ status: 'dead', failure: { kind: 'invalid-output' } })
    }
  })

  test('that changes the output changes what is persisted', async () => {
    expect((await checked(() => ({ value: { n: -0, gone: undefined } }))).output).toEqual({ n: 0 })
    expect((await checked(async () => ({ value: 'later' }))).output).toBe('later')
  })

  test('that returns issues fails the attempt with them', async () => {
    const issues = [{ message: 'too small', path: ['n', { key: 0 }] }, { message: 'and wrong' }]
    expect((await checked(() => ({ issues }))).failure).toMatchObject({
      kind: 'invalid-output',
      message: 'the output does not match its schema: n.0: too small; and wrong',
    })
  })

  test('whose promise never settles times out', async () => {
    expect(await checked(() => new Promise(() => {}), { timeoutMs: 50 })).toMatchObject({
      status: 'dead',
      failure: { kind: 'timeout' },
      abandoned: 1,
    })
  })

  const unreadable = new Proxy([], {
    get() {
      throw new Error('no')
    },
  })

  test('whose issues cannot be read fails the attempt', async () => {
    const task = await checked(() => ({ issues: unreadable }))
    expect(task).toMatchObject({ status: 'dead', failure: { kind: 'invalid-output' } })
  })

  test('whose issues cannot be read later fails the attempt', async () => {
    const task = await checked(async () => ({ issues: unreadable }))
    expect(task).toMatchObject({ status: 'dead', failure: { kind: 'invalid-output' } })
  })
})
