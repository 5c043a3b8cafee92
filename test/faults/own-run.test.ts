import { type AgentFunction, isCounterpointError, type Run, type TaskData } from 'counterpoint'
import { describe, expect, test } from 'vitest'
import { Fixture } from './fixture.js'

/** A fixture whose agents have access to their own run. */
function stageWith(
  agent: (run: Run, ...args: Parameters<AgentFunction>) => unknown,
  pool: object = {},
): { fixture: Fixture; start: Fixture['start'] } {
  let run: Run
  const fixture = new Fixture((request, context) => agent(run, request, context), { pool })
  return {
    fixture,
    start: (tasks, options) => {
      run = fixture.start(tasks, options)
      return run
    },
  }
}

describe('a task that uses its own run', () => {
  test('can add tasks to it, and wait until they are added', async () => {
    const { fixture, start } = stageWith(async (run, { task, outputs }) => {
      if (task.id !== 'a') return Object.keys(outputs)
      await run.add({
        tasks: [
          { id: 'b', description: 'b', after: ['a'] },
          { id: 'c', description: 'c' },
        ],
      })
      return run.task('b')?.status
    })
    const { tasks } = await fixture.finish(start(['a']))
    expect(tasks).toMatchObject({ a: { output: 'blocked' }, b: { output: ['a'] }, c: { status: 'succeeded' } })
  })

  test('can add a thousand tasks, each of which adds the next', async () => {
    const { fixture, start } = stageWith(async (run, { task }) => {
      const next = Number(task.id) + 1
      if (next <= 1_000) await run.add({ tasks: [{ id: `${next}`, description: 'x', after: [task.id] }] })
      return next
    })
    const { result } = await fixture.finish(start(['0']))
    expect([result.outcome, result.tasks.length]).toEqual(['completed', 1_001])
  })

  test('gets an error when it adds invalid tasks, and continues', async () => {
    const { fixture, start } = stageWith(async (run, { task }) => {
      const add = (tasks: TaskData[]): Promise<unknown> =>
        run.add({ tasks }).catch((error: unknown) => (isCounterpointError(error) ? error.code : error))
      return [
        await add([{ id: task.id, description: 'twice' }]),
        await add([{ id: 'b', description: 'b', after: ['nobody'] }]),
        await add([{ id: 'b', description: 'b', after: ['b'] }]),
        await add([{ id: 'b', description: 'b', pool: 'elsewhere' }]),
        await add([{ id: 'b' }]).then(code => code ?? 'taken'),
      ]
    })
    const { tasks } = await fixture.finish(start(['a']))
    expect(tasks.a?.output).toEqual([
      'DUPLICATE_ID',
      'UNKNOWN_DEPENDENCY',
      'CYCLE',
      'NO_POOL',
      expect.stringMatching(/INVALID_INPUT|taken/),
    ])
  })

  test('can cancel itself: it ends as cancelled, whatever it answers', async () => {
    const { fixture, start } = stageWith(async (run, { task }, { signal }) => {
      if (task.id !== 'a') return 'done'
      await run.cancelTask('a', 'I give up')
      expect(signal.aborted).toBe(true)
      return 'but I am not done'
    })
    const { tasks, result } = await fixture.finish(start(['a', { id: 'b', after: ['a'] }, 'c']))
    expect(tasks).toMatchObject({
      a: { status: 'cancelled', reason: 'I give up', abandoned: 0 },
      b: { status: 'skipped', rootCause: 'a' },
      c: { status: 'succeeded' },
    })
    expect(result.outcome).toBe('partial')
  })

  test('can cancel its run', async () => {
    const { fixture, start } = stageWith(async run => {
      await run.cancel('all of it')
      return 'done'
    })
    const { result } = await fixture.finish(start(['a', { id: 'b', after: ['a'] }]))
    expect([result.outcome, result.tasks.map(({ status }) => status)]).toEqual([
      'cancelled',
      ['cancelled', 'cancelled'],
    ])
  })

  test('can pause and unpause it', async () => {
    const { fixture, start } = stageWith(async (run, { task }) => {
      if (task.id !== 'a') return 'done'
      await run.pause()
      await run.unpause()
      return run.progress().status
    })
    expect((await fixture.finish(start(['a', 'b']))).tasks.a?.output).toBe('running')
  })

  test('that awaits the result of its run waits until its timeout', async () => {
    const { fixture, start } = stageWith(
      async (run, { task }) => (task.id === 'a' ? (await run.result).outcome : 'done'),
      { graceMs: 1_000 },
    )
    const run = start([{ id: 'a', timeoutMs: 60_000, retries: 0 }, { id: 'b', after: ['a'] }, 'c'])
    const { result, tasks } = await fixture.finish(run)
    expect(tasks).toMatchObject({
      a: { status: 'dead', abandoned: 1, failure: { kind: 'timeout' } },
      b: { status: 'skipped', rootCause: 'a' },
      c: { status: 'succeeded' },
    })
    expect(result.times.wallMs).toBe(61_000)
  })

  test('that reads the events of its run to their end waits until its timeout', async () => {
    const { fixture, start } = stageWith(
      async run => {
        let count = 0
        for await (const _ of run.events()) count++
        return count
      },
      { graceMs: 0 },
    )
    const { tasks } = await fixture.finish(start([{ id: 'a', timeoutMs: 1_000, retries: 0 }]))
    expect(tasks.a).toMatchObject({ status: 'dead', abandoned: 1, failure: { kind: 'timeout' } })
  })

  test('that waits for room in a pool that it fills itself waits until its timeout', async () => {
    const more = ['c', 'd'].map(id => ({ id, description: id }))
    const { fixture, start } = stageWith((run, { task }) => (task.id === 'a' ? run.add({ tasks: more }) : 'done'), {
      concurrency: 1,
      queueLimit: 2,
      graceMs: 0,
    })
    // `a` has the only slot, and the queue has room for two tasks, of which `b` takes one: there is no room for two more until `b` starts.
    const { tasks } = await fixture.finish(start([{ id: 'a', timeoutMs: 1_000, retries: 0 }, 'b']))
    expect(tasks).toMatchObject({
      a: { status: 'dead', failure: { kind: 'timeout' } },
      b: { status: 'succeeded' },
      c: { status: 'succeeded' },
      d: { status: 'succeeded' },
    })
  })

  test('can wait for another run of the same orchestrator that gets a slot', async () => {
    const { fixture, start } = stageWith(
      async (_, { task }) =>
        task.id === 'a'
          ? (await fixture.orchestrator.run({ tasks: [{ id: 'inner', description: 'x' }] }).result).outcome
          : 'done',
      { concurrency: 2 },
    )
    expect((await fixture.finish(start(['a']))).tasks.a?.output).toBe('completed')
  })
})
