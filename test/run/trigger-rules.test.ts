import { type FailureMode, memoryJournal, type RunResult, TaskGraph } from 'counterpoint'
import { fail, succeed } from 'counterpoint/testing'
import { describe, expect, test } from 'vitest'
import { specs } from '../support/scheduler-fixture.js'
import { setUp } from '../support/set-up.js'

const NEVER = { backoff: { baseMs: 0 }, retries: 0 }

function endsOf({ outcome, tasks }: RunResult): string {
  return `${outcome}: ${tasks.map(({ id, status }) => `${id} ${status}`).join(', ')}`
}

/** Runs a plan in which tasks of these ids fail. */
async function played(tasks: string, failing = '', failureMode: FailureMode = 'continue'): Promise<RunResult> {
  const { backend, clock, orchestrator } = setUp({ defaults: NEVER })
  for (const id of failing.split(' ').filter(Boolean)) backend.answer(id, fail('crashed'))
  const run = orchestrator.run({ tasks: specs(tasks) }, { failureMode })
  await clock.runUntilIdle()
  expect(clock.pending).toBe(0)
  return run.result
}

describe('a task that cleans up (`all_done`)', () => {
  test.each([
    ['when all succeeded', '', 'completed: a succeeded, b succeeded, clean succeeded'],
    ['when one failed', 'a', 'partial: a dead, b succeeded, clean succeeded'],
    ['when all failed', 'a b', 'partial: a dead, b dead, clean succeeded'],
  ])('runs %s', async (_, failing, ends) => {
    expect(endsOf(await played('a b clean:all_done<a,b', failing))).toBe(ends)
  })

  test('runs after a skipped chain, with the outputs that exist', async () => {
    const { backend, clock, orchestrator } = setUp({ defaults: NEVER })
    backend.answer('a', fail('crashed'))
    const run = orchestrator.run({ tasks: specs('a b<a c<b d clean:all_done<c,d') })
    await clock.runUntilIdle()
    expect(endsOf(await run.result)).toBe('partial: a dead, b skipped, c skipped, d succeeded, clean succeeded')
    expect(backend.callsOf('clean')[0]?.request.outputs).toEqual({ d: 'd' })
  })

  test('does not start when the failure mode ends the run', async () => {
    expect(endsOf(await played('a clean:all_done<a', 'a', 'no-new'))).toBe('failed: a dead, clean cancelled')
    expect(endsOf(await played('a clean:all_done<a', 'a', 'kill'))).toBe('failed: a dead, clean cancelled')
  })

  test('runs when the branch before it is cancelled', async () => {
    const { backend, clock, orchestrator } = setUp()
    backend.hold('a')
    const run = orchestrator.run({ tasks: specs('a b<a clean:all_done<b') })
    await backend.started('a')
    await run.cancelTask('a', 'not needed')
    await clock.runUntilIdle()
    const result = await run.result
    expect(endsOf(result)).toBe('partial: a cancelled, b skipped, clean succeeded')
    expect(result.rootCauses).toEqual([{ taskId: 'a', status: 'cancelled', reason: 'not needed', skipped: ['b'] }])
  })
})

describe('a task that raises an alarm (`one_failed`)', () => {
  test('does not wait for the others, and makes the run partial', async () => {
    const { backend, clock, orchestrator } = setUp({ defaults: NEVER })
    backend.answer('a', fail('crashed', { afterMs: 10 })).answer('b', succeed('b', { afterMs: 1_000 }))
    const run = orchestrator.run({ tasks: specs('a b alarm:one_failed<a,b') })
    await clock.advance(11)
    expect([run.task('alarm')?.status, run.task('b')?.status]).toEqual(['succeeded', 'running'])
    await clock.runUntilIdle()
    expect(endsOf(await run.result)).toBe('partial: a dead, b succeeded, alarm succeeded')
  })

  test('is skipped when nothing failed, and the run is completed', async () => {
    const result = await played('a b alarm:one_failed<a,b')
    expect(endsOf(result)).toBe('completed: a succeeded, b succeeded, alarm skipped')
    expect(result.rootCauses).toEqual([])
  })

  test('does not skip tasks that run in any case', async () => {
    expect(endsOf(await played('a alarm:one_failed<a end:none_failed<a,alarm'))).toBe(
      'completed: a succeeded, alarm skipped, end succeeded',
    )
    expect(endsOf(await played('a alarm:one_failed<a next<alarm'))).toBe(
      'completed: a succeeded, alarm skipped, next skipped',
    )
  })

  test('runs after a cancelled branch, and after a skip caused by a failure', async () => {
    expect(endsOf(await played('a b<a alarm:one_failed<b', 'a'))).toBe('partial: a dead, b skipped, alarm succeeded')
    const { backend, clock, orchestrator } = setUp()
    backend.hold('a')
    const run = orchestrator.run({ tasks: specs('a alarm:one_failed<a') })
    await backend.started('a')
    await run.cancelTask('a')
    await clock.runUntilIdle()
    expect(endsOf(await run.result)).toBe('partial: a cancelled, alarm succeeded')
  })
})

describe('branches that join again', () => {
  const JOIN = 'a yes:one_failed<a no<a join:none_failed_min_one_success<yes,no'

  test('continue with the branch that was taken', async () => {
    const result = await played(JOIN)
    expect(endsOf(result)).toBe('completed: a succeeded, yes skipped, no succeeded, join succeeded')
  })

  test('are skipped when both were skipped, or one failed', async () => {
    expect(endsOf(await played(JOIN, 'no'))).toBe('partial: a succeeded, yes skipped, no dead, join skipped')
    expect(endsOf(await played('a x:one_failed<a y:one_failed<a join:none_failed_min_one_success<x,y'))).toBe(
      'completed: a succeeded, x skipped, y skipped, join skipped',
    )
  })

  test('name the root cause, over any number of steps', async () => {
    const { tasks } = await played('a b<a c:none_failed<b d:none_failed_min_one_success<c e f<d,e', 'a')
    expect(tasks.map(({ id, rootCause }) => `${id} ${rootCause ?? '-'}`)).toEqual([
      'a -',
      'b a',
      'c a',
      'd a',
      'e -',
      'f a',
    ])
  })
})

describe('tasks added to a live run', () => {
  test('count tasks that have ended already', async () => {
    const { backend, clock, orchestrator } = setUp({ defaults: NEVER })
    backend.answer('bad', fail('crashed')).hold('last')
    const run = orchestrator.run({ tasks: specs('good bad last') })
    await backend.started('last')
    await run.add({
      tasks: specs('one:one_success<good,bad fall:all_failed<bad all:all_success<good,bad done:all_done<good,last'),
    })
    await clock.advance(0)
    expect(['one', 'fall', 'all', 'done'].map(id => run.task(id)?.status)).toEqual([
      'succeeded',
      'succeeded',
      'skipped',
      'blocked',
    ])
    backend.release('last')
    await clock.runUntilIdle()
    expect((await run.result).tasks.find(({ id }) => id === 'done')?.status).toBe('succeeded')
  })

  test('can depend by rule on later tasks of the same batch', async () => {
    const { clock, orchestrator, backend } = setUp({ defaults: NEVER })
    backend.hold('a').answer('x', fail('crashed'))
    const run = orchestrator.run({ tasks: specs('a') })
    await backend.started('a')
    await run.add({ tasks: specs('alarm:one_failed<x,y x y<x') })
    backend.release('a')
    await clock.runUntilIdle()
    expect(endsOf(await run.result)).toBe('partial: a succeeded, alarm succeeded, x dead, y skipped')
  })
})

describe('`always`', () => {
  test('starts at once with the outputs that exist, in a graph too', async () => {
    const { backend, clock, orchestrator } = setUp()
    backend.hold('slow')
    const graph = new TaskGraph('g')
    const slow = graph.task('slow', { pool: 'p' })
    graph.task('now', {
      pool: 'p',
      after: [slow],
      triggerRule: 'always',
      input: outputs => ({ there: outputs.slow !== undefined }),
    })
    const run = orchestrator.run(graph)
    await clock.advance(0)
    expect(backend.callsOf('now')[0]?.request).toMatchObject({ input: { there: false }, outputs: {} })
    backend.release('slow')
    await clock.advance(0)
    expect((await run.result).outcome).toBe('completed')
  })
})

describe('a task that was skipped', () => {
  test('because its rule was not met has the rule and the root cause, live and after a resume', async () => {
    const journal = memoryJournal()
    const { backend, clock, orchestrator } = setUp({ defaults: NEVER }, { journal })
    backend.answer('a', fail('crashed'))
    const run = orchestrator.run({ tasks: specs('a b<a c:one_done<b d:all_failed<e e') }, { runId: 'r' })
    await clock.runUntilIdle()
    const { tasks } = await run.result
    const skipped = [
      ['b', 'skipped', 'a', undefined],
      ['c', 'skipped', 'a', 'one_done'],
      ['d', 'skipped', 'e', 'all_failed'],
    ]
    const shown = (of: RunResult['tasks']) =>
      of.filter(({ status }) => status === 'skipped').map(task => [task.id, task.status, task.rootCause, task.rule])
    expect(shown(tasks)).toEqual(skipped)
    expect(Object.hasOwn(tasks[1]!, 'rule')).toBe(false)
    const resumed = await setUp({}, { journal }).orchestrator.resume('r')
    expect(shown((await resumed.result).tasks)).toEqual(skipped)
    expect(shown((await orchestrator.runs.show('r')).tasks)).toEqual(skipped)
  })

  test('because of a failure is not done for `one_done`, which starts once another one has ended by itself', async () => {
    expect(endsOf(await played('a b<a c d:one_done<b,c', 'a'))).toBe(
      'partial: a dead, b skipped, c succeeded, d succeeded',
    )
    expect(endsOf(await played('a b<a c<a d:one_done<b,c', 'a'))).toBe(
      'failed: a dead, b skipped, c skipped, d skipped',
    )
    expect(endsOf(await played('a b<a d:one_done<a,b', 'a'))).toBe('partial: a dead, b skipped, d succeeded')
  })
})

describe('the outputs that a task gets', () => {
  test.each(['a', 'a b<a', 'a b<?a', 'a b:one_done<a'])('are frozen and have no prototype, in %s', async tasks => {
    const { backend, clock, orchestrator } = setUp({ defaults: NEVER })
    const run = orchestrator.run({ tasks: specs(tasks) })
    await clock.runUntilIdle()
    await run.result
    for (const { request } of backend.calls) {
      expect([Object.isFrozen(request.outputs), Object.getPrototypeOf(request.outputs)]).toEqual([true, null])
    }
    expect(Object.getPrototypeOf((await run.result).outputs)).toBe(null)
  })

  test('are frozen for its functions, too', async () => {
    const seen: boolean[] = []
    const see = (outputs: object): boolean => seen.push(Object.isFrozen(outputs)) < 0
    const graph = new TaskGraph('g')
    const a = graph.task('a', { run: () => 1 })
    graph.task('b', { after: [a], approval: see, input: see, run: ({ outputs }) => see(outputs) })
    expect((await setUp().orchestrator.run(graph).result).outcome).toBe('completed')
    expect(seen).toEqual([true, true, true])
  })
})
