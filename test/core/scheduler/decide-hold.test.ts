import { describe, expect, test } from 'vitest'
import {
  add,
  approve,
  budget,
  cancel,
  describeEvents,
  drain,
  expireWaiting,
  fail,
  hold,
  interrupt,
  ok,
  pause,
  recover,
  reject,
  SchedulerFixture,
  type Step,
  start,
  stopped,
  unpause,
  wake,
} from '../../support/scheduler-fixture.js'
import { table } from '../../support/table.js'

const never: Step = () => ({ type: 'add', tasks: [{ id: 'n', description: 'n', pool: 'p', replay: 'never' }] })

describe('a task that needs approval', () => {
  table([
    [
      'is held when it becomes ready',
      'a b!<a',
      [start('a')],
      ok('a'),
      ['task.succeeded a', 'task.ready b', 'task.held b for approval'],
    ],
    ['does not start while it is held', 'a! b', [], start('a'), []],
    ['becomes ready when it is approved', 'a! b', [], approve('a'), ['task.ready a approved']],
    ['records who approved it', 'a! b', [], approve('a', 'Ada'), ['task.ready a approved by Ada']],
    ['starts after approval', 'a! b', [approve('a')], start('a'), ['attempt.started a 1']],
    ['ignores a second approval', 'a! b', [approve('a')], approve('a'), []],
    ['needs no second approval for a retry', 'a!', [approve('a'), start('a'), fail('a')], wake('a'), ['task.ready a']],
    [
      'is dead when it is rejected, and its dependents are skipped',
      'a! b<a c',
      [],
      reject('a'),
      ['task.dead a refused', 'task.skipped b because a'],
    ],
    ['ignores a second rejection', 'a! c', [reject('a')], reject('a'), []],
    ['cannot be approved after it was rejected', 'a! c', [reject('a')], approve('a'), []],
    [
      'stops its run when it is rejected and the failure mode is kill',
      'a! b',
      [start('b')],
      reject('a'),
      ['task.dead a refused', 'run.stopping fail-fast', 'attempt.stopping b 1 cancel'],
      { failureMode: 'kill' },
    ],
    [
      'meets the one_failed rule of a dependent when it is rejected',
      'a! b:one_failed<a',
      [],
      reject('a'),
      ['task.dead a refused', 'task.ready b'],
    ],
    [
      'can be cancelled while it is held',
      'a! b<a c',
      [],
      cancel('a'),
      ['task.cancelled a', 'task.skipped b because a'],
    ],
    [
      'is cancelled with its run',
      'a! b',
      [start('b'), ok('b')],
      cancel(),
      ['run.stopping cancelled', 'task.cancelled a', 'run.settled cancelled'],
    ],
    ['does not hold up independent tasks', 'a! b', [start('b')], ok('b'), ['task.succeeded b']],
    [
      'does not prevent the suspension of its run',
      'a! b',
      [start('b'), drain],
      ok('b'),
      ['task.succeeded b', 'run.suspended'],
    ],
    ['lets a drain suspend its run at once if nothing runs', 'a!', [], drain, ['run.draining', 'run.suspended']],
    ['cannot be approved in a suspended run', 'a!', [drain], approve('a'), []],
    [
      'is still held when the run is resumed, without another task.held event',
      'a!',
      [drain],
      recover,
      ['run.recovered 2'],
    ],
    [
      'is still held after a crash',
      'a! b',
      [start('b')],
      recover,
      ['run.recovered 2', 'attempt.failed b 1 interrupted', 'task.delayed b 0'],
    ],
    ['can be approved after a restart', 'a!', [drain, recover], approve('a'), ['task.ready a approved']],
    [
      'can be approved during a pause, and starts after it',
      'a!',
      [pause, approve('a'), unpause],
      start('a'),
      ['attempt.started a 1'],
    ],
    ['can be rejected during a pause', 'a!', [pause], reject('a'), ['task.dead a refused', 'run.settled failed']],
    [
      'can be approved while its run drains, and becomes ready',
      'a! b',
      [start('b'), drain],
      approve('a'),
      ['task.ready a approved'],
    ],
    ['does not time out while it is held', 'a!', [], expireWaiting('a', 'total'), []],
    ['is not released by a budget change', 'a!', [], budget({ costUsd: 9 }), ['budget.changed']],
    [
      'is held when it is added to a live run',
      'a',
      [],
      add('b!'),
      ['task.added b', 'task.ready b', 'task.held b for approval'],
    ],
    [
      'is not held when its run is being cancelled',
      'a b!<a',
      [start('a'), cancel()],
      stopped('a'),
      ['task.cancelled a', 'run.settled cancelled'],
    ],
    ['cannot be approved before it is ready', 'a b!<a', [], approve('b'), []],
    ['cannot be rejected before it is ready', 'a b!<a', [], reject('b'), []],
  ])

  test('must exist: approvals and rejections of unknown tasks are ignored', () => {
    expect(SchedulerFixture.of('a!').play(approve('zz'))).toEqual([])
    expect(SchedulerFixture.of('a!').play(reject('zz'))).toEqual([])
    expect(new SchedulerFixture().play(approve('a'))).toEqual([])
  })

  test('is dead with the reason for its rejection as the message', () => {
    const [dead] = SchedulerFixture.of('a! b').play(reject('a', 'too expensive'))
    expect(dead).toMatchObject({ failure: { kind: 'refused', code: 'REJECTED', message: 'too expensive' } })
  })

  test('keeps the reason and the time of its hold over a restart', () => {
    const before = SchedulerFixture.of('a! b')
    before.play(start('b'))
    const after = new SchedulerFixture({}, before.records)
    after.at = 1_000_000
    after.play(recover)
    expect(after.task('a')).toEqual(before.task('a'))
    expect(after.task('a')).toMatchObject({ reason: 'approval', since: 1_010 })
  })
})

describe('a task that is held by a signal of the host', () => {
  table([
    [
      'waits for approval, as required by its approval function',
      'a',
      [],
      hold('a', 'approval'),
      ['task.held a for approval'],
    ],
    ['becomes ready when it is approved', 'a', [hold('a', 'approval')], approve('a'), ['task.ready a approved']],
    ['is not held twice', 'a', [hold('a', 'approval')], hold('a', 'approval'), []],
    ['must be ready, not running', 'a b<a', [start('a')], hold('a', 'approval'), []],
    ['must be ready, not blocked', 'a b<a', [], hold('b', 'approval'), []],
    [
      'for the budget of the orchestrator is released by a budget signal',
      'a',
      [hold('a', 'budget')],
      budget(),
      ['task.ready a'],
    ],
    [
      'for the budget of the orchestrator is released by approval',
      'a',
      [hold('a', 'budget')],
      approve('a'),
      ['task.ready a approved'],
    ],
  ])

  test('is recorded as approved, or as exempt from the budget, depending on the reason of its hold', () => {
    const scene = SchedulerFixture.of('a b c')
    scene.play(hold('a', 'approval'), hold('b', 'budget'), approve('a'), approve('b'))
    expect([[...scene.state.approved], [...scene.state.budgetExempt]]).toEqual([[0], [1]])
  })
})

describe('a task that is not safe to replay', () => {
  const running = [never, start('n')]
  table([
    [
      'is held when its process has ended',
      'z',
      running,
      recover,
      ['run.recovered 2', 'attempt.failed n 1 interrupted', 'task.held n for interrupted'],
    ],
    [
      'is held when it was interrupted by a drain',
      'z',
      [...running, drain, interrupt('n')],
      stopped('n'),
      ['attempt.failed n 1 interrupted', 'task.held n for interrupted', 'run.suspended'],
    ],
    [
      'is held when it was interrupted by a drain and abandoned',
      'z',
      [...running, drain, interrupt('n')],
      stopped('n', true),
      ['attempt.abandoned n 1', 'attempt.failed n 1 interrupted', 'task.held n for interrupted', 'run.suspended'],
    ],
    [
      'is held when it crashed',
      'z',
      running,
      fail('n', 'crashed'),
      ['attempt.failed n 1 crashed', 'task.held n for interrupted'],
    ],
    [
      'is retried when it was throttled',
      'z',
      running,
      fail('n', 'throttled'),
      ['attempt.failed n 1 throttled', 'task.delayed n 500'],
    ],
    ['is dead when its agent failed', 'z', running, fail('n'), ['attempt.failed n 1 agent', 'task.dead n agent']],
    [
      'becomes ready when a person approves it',
      'z',
      [...running, recover],
      approve('n', 'Ada'),
      ['task.ready n approved by Ada'],
    ],
    [
      'starts its second attempt after approval',
      'z',
      [...running, recover, approve('n')],
      start('n'),
      ['attempt.started n 2'],
    ],
    [
      'is held again after each further interruption, without a bound',
      'z',
      [
        ...running,
        recover,
        approve('n'),
        start('n'),
        recover,
        approve('n'),
        start('n'),
        recover,
        approve('n'),
        start('n'),
      ],
      recover,
      ['run.recovered 5', 'attempt.failed n 4 interrupted', 'task.held n for interrupted'],
    ],
    ['is dead when a person rejects it', 'z', [...running, recover], reject('n'), ['task.dead n refused']],
    ['can be cancelled while it is held', 'z', [...running, recover], cancel('n'), ['task.cancelled n']],
    ['ignores a wake while it is held', 'z', [...running, recover], wake('n'), []],
    ['stays held over the next restart', 'z', [...running, recover], recover, ['run.recovered 3']],
    [
      'is dead instead of held in a run that starts nothing more',
      'z',
      [...running, start('z'), fail('z', 'refused')],
      recover,
      ['run.recovered 2', 'attempt.failed n 1 interrupted', 'task.dead n interrupted', 'run.settled failed'],
      { failureMode: 'no-new' },
    ],
  ])

  test('keeps the failure of the attempt while it is held', () => {
    const scene = SchedulerFixture.of('z')
    scene.play(never, start('n'), recover)
    expect(scene.task('n')).toMatchObject({ status: 'held', reason: 'interrupted', failure: { kind: 'interrupted' } })
    expect(scene.state.tallies[1]).toMatchObject({ attempts: 1, interrupted: 1 })
  })
})

describe('a timeout while no attempt runs', () => {
  table([
    [
      'queue: the task is dead',
      'a b<a c',
      [],
      expireWaiting('a', 'queue'),
      ['task.dead a timeout', 'task.skipped b because a'],
    ],
    ['total, while the task is ready: it is dead', 'a c', [], expireWaiting('a', 'total'), ['task.dead a timeout']],
    [
      'total, while the task waits for its next attempt: it is dead',
      'a c',
      [start('a'), fail('a')],
      expireWaiting('a', 'total'),
      ['task.dead a timeout'],
    ],
    ['is ignored while the task is blocked', 'a b<a', [], expireWaiting('b', 'total'), []],
    [
      'is ignored while an attempt runs, which has a signal of its own',
      'a',
      [start('a')],
      expireWaiting('a', 'queue'),
      [],
    ],
    ['is ignored after the end of the task', 'a c', [start('a'), ok('a')], expireWaiting('a', 'total'), []],
    ['counts once', 'a c', [expireWaiting('a', 'queue')], expireWaiting('a', 'queue'), []],
    [
      'stops the run when the failure mode is no-new',
      'a c',
      [],
      expireWaiting('a', 'queue'),
      ['task.dead a timeout', 'run.stopping fail-fast', 'task.cancelled c', 'run.settled failed'],
      { failureMode: 'no-new' },
    ],
  ])

  test('total: counts from the time when the task first became ready, over all attempts and holds', () => {
    const scene = SchedulerFixture.of([{ id: 'a', description: 'a', pool: 'p', totalTimeoutMs: 5_000, approval: true }])
    const first = scene.state.clocks.get(0)?.firstReadyAt
    scene.play(approve('a'), start('a'), fail('a'), wake('a'))
    expect([first, scene.state.clocks.get(0)?.firstReadyAt]).toEqual([1_010, 1_010])
  })

  test('total, while an attempt runs: it is stopped and not retried', () => {
    const scene = SchedulerFixture.of('a c')
    const failure = { kind: 'timeout', timeout: 'total', message: 'too long' } as const
    scene.play(start('a'))
    scene.send({ type: 'expire', index: 0, attempt: 1, failure })
    expect(describeEvents(scene.play(stopped('a')))).toEqual(['attempt.failed a 1 timeout', 'task.dead a timeout'])
  })
})
