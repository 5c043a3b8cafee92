import { TaskGraph } from 'counterpoint'
import { succeed } from 'counterpoint/testing'
import { describe, expect, test } from 'vitest'
import { specs } from '../support/scheduler-fixture.js'
import { setUp } from '../support/set-up.js'

describe('tasks added to a live run', () => {
  test('are rejected as a whole when one of them is invalid, and the run continues', async () => {
    const { backend, orchestrator } = setUp()
    backend.hold('a')
    const run = orchestrator.run({ tasks: specs('a') })
    await backend.started('a')
    const codes = ['b a', 'b c<z', 'b c<d d<c', 'b b'].map(async tasks =>
      run.add({ tasks: specs(tasks) }).catch(error => error.code),
    )
    expect(await Promise.all(codes)).toEqual(['DUPLICATE_ID', 'UNKNOWN_DEPENDENCY', 'CYCLE', 'DUPLICATE_ID'])
    await expect(run.add({ tasks: [{ id: 'b', pool: 'nowhere' }] })).rejects.toMatchObject({ code: 'NO_POOL' })
    backend.release('a')
    expect((await run.result).tasks.map(task => task.id)).toEqual(['a'])
  })

  test('are rejected when they are not a plan', async () => {
    const { backend, orchestrator } = setUp()
    backend.hold('a')
    const run = orchestrator.run({ tasks: specs('a') })
    await backend.started('a')
    for (const wrong of [{}, { tasks: 1 }, { tasks: [1] }, { tasks: [{ id: 'b', retries: -1 }] }, null])
      await expect(run.add(wrong as never)).rejects.toMatchObject({ code: 'INVALID_INPUT' })
  })

  test('can be an empty list', async () => {
    const { backend, orchestrator } = setUp()
    backend.hold('a')
    const run = orchestrator.run({ tasks: specs('a') })
    await run.add({ tasks: [] })
    await backend.started('a')
    backend.release('a')
    expect((await run.result).outcome).toBe('completed')
  })

  test('use the functions and schemas of their graph', async () => {
    const { backend, orchestrator } = setUp()
    backend.hold('a')
    const run = orchestrator.run({ tasks: specs('a') })
    await backend.started('a')
    const more = new TaskGraph('more')
    more.task('b', { pool: 'p', after: ['a'], input: ({ a }) => ({ got: a }) })
    await run.add(more)
    backend.release('a')
    await run.result
    expect(backend.callsOf('b')[0]?.request).toMatchObject({ input: { got: 'a' }, outputs: { a: 'a' } })
  })

  test('are accepted from an agent and from a listener', async () => {
    const { backend, clock, orchestrator } = setUp({ concurrency: 1 })
    backend.answer('a', async () => {
      await run.add({ tasks: specs('b<a') })
      return 'a'
    })
    backend.answer('b', succeed('b', { afterMs: 10 }))
    const run = orchestrator.run({ tasks: specs('a z<a') })
    run.on('attempt.started', ({ taskId }) => (taskId === 'b' ? run.add({ tasks: specs('c<b') }) : undefined))
    await clock.runUntilIdle()
    expect(Object.keys((await run.result).outputs)).toEqual(['a', 'z', 'b', 'c'])
  })

  test('are accepted from a listener of a run with instant agents', async () => {
    const { orchestrator } = setUp()
    const run = orchestrator.run({ tasks: specs('a') })
    run.on('attempt.started', ({ taskId }) => (taskId === 'a' ? run.add({ tasks: specs('b<a') }) : undefined))
    run.on('error', () => {})
    expect(Object.keys((await run.result).outputs)).toEqual(['a', 'b'])
  })

  test('are rejected with RUN_ENDED after the end', async () => {
    const { orchestrator } = setUp()
    const run = orchestrator.run({ tasks: specs('a') })
    await run.result
    await expect(run.add({ tasks: specs('b') })).rejects.toMatchObject({
      code: 'RUN_ENDED',
      details: { runId: run.id },
    })
  })

  test('that wait for admission are rejected when the run ends, and free their places', async () => {
    const { backend, orchestrator } = setUp({ concurrency: 1, queueLimit: 2 })
    backend.hold('a')
    const run = orchestrator.run({ tasks: specs('a') })
    await backend.started('a')
    const other = orchestrator.run({ tasks: specs('x y') })
    const adding = run.add({ tasks: specs('b') })
    await other.pause()
    backend.release('a')
    await run.result
    await expect(adding).rejects.toMatchObject({ code: 'RUN_ENDED' })
    await other.unpause()
    await other.result
    await orchestrator.run({ tasks: specs('1 2') }, { whenFull: 'reject' }).result
  })
})
