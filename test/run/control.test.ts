import { type RunEvent, TaskGraph } from 'counterpoint'
import { describe, expect, test } from 'vitest'
import { checkHistory } from '../support/history.js'
import { describeEvents, specs } from '../support/scheduler-fixture.js'
import { setUp } from '../support/set-up.js'

const quiet = { running: 0, queued: 0 }

describe('a pause', () => {
  test('lets running attempts continue and starts nothing until unpause', async () => {
    const { backend, clock, orchestrator } = setUp()
    backend.hold('a')
    const run = orchestrator.run({ tasks: specs('a b<a') })
    await backend.started('a')
    await run.pause()
    backend.release('a')
    await clock.runUntilIdle()
    expect([run.task('a')?.status, run.task('b')?.status]).toEqual(['succeeded', 'ready'])
    expect(orchestrator.pools.get('p')?.stats()).toMatchObject({ running: 0, queued: 1 })
    await run.unpause()
    expect((await run.result).outcome).toBe('completed')
  })

  test('does not stop attempt timeouts, nor the delays before next attempts', async () => {
    const { backend, clock, orchestrator } = setUp({ defaults: { timeoutMs: 50 } })
    backend.hold('a')
    const run = orchestrator.run({ tasks: specs('a') })
    await backend.started('a')
    await run.pause()
    await clock.runUntilIdle()
    expect(run.task('a')).toMatchObject({ status: 'ready', attempts: 1 })
  })

  test('during an input function gives the slot back, and the task waits', async () => {
    const { backend, clock, orchestrator } = setUp({ concurrency: 1 })
    let made: (input: string) => void = () => {}
    const graph = new TaskGraph('g')
    graph.task('a', { pool: 'p', input: () => new Promise<string>(resolve => (made = resolve)) })
    const run = orchestrator.run(graph)
    await clock.advance(0)
    await run.pause()
    made('first')
    await clock.advance(0)
    expect(orchestrator.pools.get('p')?.stats()).toMatchObject({ running: 0, queued: 1 })
    await run.unpause()
    await clock.advance(0)
    made('second')
    await run.result
    expect(backend.calls.map(call => call.request.input)).toEqual(['second'])
  })

  test('of one run does not pause the others', async () => {
    const { orchestrator } = setUp({ concurrency: 1 })
    const first = orchestrator.run({ tasks: specs('a b') })
    const second = orchestrator.run({ tasks: specs('a b') })
    await first.pause()
    expect((await second.result).outcome).toBe('completed')
    await first.cancel()
    expect((await first.result).outcome).toBe('cancelled')
  })
})

describe('a cancel', () => {
  test('aborts running attempts, waits for them, and leaves nothing behind', async () => {
    const { backend, clock, orchestrator } = setUp({ concurrency: 2 })
    backend.hold('*')
    const run = orchestrator.run({ tasks: specs('a b c d<a') })
    await backend.started('b')
    await run.cancel('no longer needed')
    const { outcome, tasks, rootCauses } = await run.result
    expect(outcome).toBe('cancelled')
    expect(tasks.map(task => task.reason)).toEqual(Array(4).fill('no longer needed'))
    expect(rootCauses).toHaveLength(4)
    expect(backend.calls.map(call => call.context.signal.aborted)).toEqual([true, true])
    expect([clock.pending, orchestrator.pools.get('p')?.stats()]).toMatchObject([0, quiet])
  })

  test('by a signal has its reason, and removes its listener', async () => {
    const { backend, orchestrator } = setUp()
    backend.hold('*')
    const controller = new AbortController()
    const run = orchestrator.run({ tasks: specs('a') }, { signal: controller.signal })
    await backend.started('a')
    controller.abort(new Error('the user left'))
    expect((await run.result).tasks[0]?.reason).toBe('the user left')
  })

  test('happens once, however often it is requested', async () => {
    const { backend, orchestrator } = setUp()
    backend.hold('*')
    const run = orchestrator.run({ tasks: specs('a') })
    const events: RunEvent[] = []
    run.on('event', event => void events.push(event as RunEvent))
    await backend.started('a')
    await Promise.all([run.cancel('one'), run.cancel('two'), run.cancelTask('a', 'three')])
    await run.result
    await run.cancel('four')
    checkHistory(events)
    expect(describeEvents(events).filter(line => /cancelled/.test(line))).toEqual([
      'run.stopping cancelled',
      'task.cancelled a',
      'run.settled cancelled',
    ])
  })

  test('can be called from an agent, a listener and an input function', async () => {
    const { backend, clock, orchestrator } = setUp()
    const graph = new TaskGraph('g')
    const a = graph.task('a', { pool: 'p' })
    graph.task('b', { pool: 'p', after: [a], input: () => void run.cancelTask('c') as never })
    graph.task('c', { pool: 'p', after: [a] })
    graph.task('d', { pool: 'p', after: [a] })
    backend.answer('a', () => {
      void run.pause()
      void run.unpause()
      return 'a'
    })
    const run = orchestrator.run(graph)
    run.on('attempt.started', ({ taskId }) => (taskId === 'd' ? run.cancelTask('d') : undefined))
    await clock.runUntilIdle()
    const statuses = (await run.result).tasks.map(task => [task.id, task.status])
    expect(statuses).toEqual([
      ['a', 'succeeded'],
      ['b', 'succeeded'],
      ['c', 'cancelled'],
      ['d', 'cancelled'],
    ])
  })

  test('during the delay before the next attempt cancels the delay', async () => {
    const { backend, clock, orchestrator } = setUp()
    backend.answer('a', () => Promise.reject(new Error('no')))
    const run = orchestrator.run({ tasks: specs('a') })
    await clock.advance(0)
    expect([run.task('a')?.status, clock.pending > 0]).toEqual(['delayed', true])
    await run.cancelTask('a')
    expect([(await run.result).outcome, clock.pending]).toEqual(['failed', 0])
  })

  test('of a task during its input function gives the slot back at once, and a late input changes nothing', async () => {
    const { backend, clock, orchestrator } = setUp({ concurrency: 1 })
    let made: (input: string) => void = () => {}
    const graph = new TaskGraph('g')
    graph.task('a', { pool: 'p', input: () => new Promise<string>(resolve => (made = resolve)) })
    graph.task('b', { pool: 'p' })
    const run = orchestrator.run(graph)
    await clock.advance(0)
    await run.cancelTask('a')
    made('late')
    expect((await run.result).tasks.map(task => [task.status, task.attempts])).toEqual([
      ['cancelled', 0],
      ['succeeded', 1],
    ])
    expect(backend.calls.map(call => call.taskId)).toEqual(['b'])
  })

  test('of an unknown task is rejected with NOT_FOUND', async () => {
    const { orchestrator } = setUp()
    const run = orchestrator.run({ tasks: specs('a') })
    await expect(run.cancelTask('z')).rejects.toMatchObject({ code: 'NOT_FOUND', details: { id: 'z' } })
  })
})
