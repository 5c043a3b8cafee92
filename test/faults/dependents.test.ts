import { fail, hang } from 'counterpoint/testing'
import { expect, test } from 'vitest'
import { Fixture } from './fixture.js'

const after = (id: string, ...needs: string[]): object => ({ id, after: needs, retries: 0 })

test('the dependents of a dead task are skipped in the same record, transitively, with the root cause', async () => {
  const fixture = new Fixture()
  fixture.mock.answer('a', fail('refused')).answer('*', 'x')
  const { tasks, result, records } = await fixture.run([
    after('a'),
    after('b', 'a'),
    after('c', 'b'),
    after('d', 'c', 'free'),
    after('free'),
  ])
  expect(result.outcome).toBe('partial')
  for (const id of ['b', 'c', 'd']) expect(tasks[id]).toMatchObject({ status: 'skipped', rootCause: 'a', attempts: 0 })
  const record = records.find(events => events.some(({ type }) => type === 'task.dead'))!
  expect(record.map(event => `${event.type} ${'taskId' in event ? event.taskId : ''}`)).toEqual([
    ...['attempt.failed a', 'task.dead a', 'task.skipped b', 'task.skipped c', 'task.skipped d'],
  ])
  expect(result.rootCauses).toMatchObject([
    { taskId: 'a', status: 'dead', failure: { kind: 'refused' }, skipped: ['b', 'c', 'd'] },
  ])
})

test('the dependents of a cancelled task are skipped because of it', async () => {
  const fixture = new Fixture()
  fixture.mock.answer('a', hang()).answer('*', 'x')
  const run = fixture.start([after('a'), after('b', 'a'), after('c', 'b')])
  await fixture.mock.started('a')
  await run.cancelTask('a', 'not needed')
  const { tasks, result } = await fixture.finish(run)
  expect(tasks).toMatchObject({ a: { status: 'cancelled' }, b: { rootCause: 'a' }, c: { rootCause: 'a' } })
  expect([result.outcome, result.rootCauses]).toMatchObject([
    'failed',
    [{ taskId: 'a', reason: 'not needed', skipped: ['b', 'c'] }],
  ])
})

test('the first of two root causes is named', async () => {
  const fixture = new Fixture()
  fixture.mock.answer('slow', fail('refused', { afterMs: 20 })).answer('quick', fail('refused', { afterMs: 10 }))
  const { tasks } = await fixture.run([after('slow'), after('quick'), after('c', 'slow', 'quick')])
  expect(tasks.c).toMatchObject({ status: 'skipped', rootCause: 'quick' })
})

test('an added task whose dependency is dead already is skipped at once', async () => {
  const fixture = new Fixture()
  fixture.mock.answer('a', fail('refused')).hold('other')
  const run = fixture.start([after('a'), after('other')])
  await fixture.mock.started('other')
  await run.add({
    tasks: [
      { id: 'late', description: 'x', after: ['a'] },
      { id: 'later', description: 'x', after: ['late'] },
    ],
  })
  expect([run.task('late'), run.task('later')]).toMatchObject([
    { status: 'skipped', rootCause: 'a' },
    { status: 'skipped', rootCause: 'a' },
  ])
  fixture.mock.release('other', 'x')
  expect((await fixture.finish(run)).result.outcome).toBe('partial')
})

test('a chain of 20,000 is skipped to its end', async () => {
  const fixture = new Fixture(() => Promise.reject(new Error('no')), { pool: { defaults: { retries: 0 } } })
  const chain = Array.from({ length: 20_000 }, (_, i) => ({ id: `t${i}`, after: i === 0 ? [] : [`t${i - 1}`] }))
  const run = fixture.start(chain)
  await fixture.clock.runUntilIdle()
  const { tasks, rootCauses } = await run.result
  expect(tasks.at(-1)).toMatchObject({ status: 'skipped', rootCause: 't0' })
  expect(rootCauses.map(({ taskId, skipped }) => [taskId, skipped.length])).toEqual([['t0', 19_999]])
})

test.each([
  ['no-new', 'succeeded'],
  ['kill', 'cancelled'],
] as const)('failure mode %s: nothing starts after a death, and what runs has %s', async (failureMode, others) => {
  const fixture = new Fixture(undefined, { pool: { concurrency: 2 } })
  fixture.mock
    .answer('a', fail('refused', { afterMs: 10 }))
    .hold('running')
    .answer('*', 'x')
  const run = fixture.start([after('a'), after('running'), after('waiting'), after('b', 'a')], { failureMode })
  await fixture.clock.advance(10)
  if (failureMode === 'no-new') fixture.mock.release('running', 'x')
  const { tasks, result } = await fixture.finish(run)
  expect(tasks).toMatchObject({
    a: { status: 'dead' },
    running: { status: others },
    waiting: { status: 'cancelled', reason: 'fail-fast: task a is dead' },
    b: { status: 'skipped', rootCause: 'a' },
  })
  expect(fixture.mock.callsOf('waiting')).toEqual([])
  expect(result.outcome).toBe(failureMode === 'kill' ? 'failed' : 'partial')
})
