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

describe('a task that a person must approve', () => {
  table([
    [
      'is held once it is ready',
      'a b!<a',
      [start('a')],
      ok('a'),
      ['task.succeeded a', 'task.ready b', 'task.held b for approval'],
    ],
    ['is not started', 'a! b', [], start('a'), []],
    ['is ready when it is approved', 'a! b', [], approve('a'), ['task.ready a approved']],
    ['is ready with the name of who approved it', 'a! b', [], approve('a', 'Ada'), ['task.ready a approved by Ada']],
    ['is started then', 'a! b', [approve('a')], start('a'), ['attempt.started a 1']],
    ['is approved once', 'a! b', [approve('a')], approve('a'), []],
    [
      'is not asked for again when it is tried again',
      'a!',
      [approve('a'), start('a'), fail('a')],
      wake('a'),
      ['task.ready a'],
    ],
    [
      'is dead when it is rejected, and what waited for it is skipped',
      'a! b<a c',
      [],
      reject('a'),
      ['task.dead a refused', 'task.skipped b because a'],
    ],
    ['is rejected once', 'a! c', [reject('a')], reject('a'), []],
    ['is not approved after it was rejected', 'a! c', [reject('a')], approve('a'), []],
    [
      'ends its run when it is rejected and the failure mode says so',
      'a! b',
      [start('b')],
      reject('a'),
      ['task.dead a refused', 'run.stopping fail-fast', 'attempt.stopping b 1 cancel'],
      { failureMode: 'kill' },
    ],
    [
      'starts what waits for a failure when it is rejected',
      'a! b:one_failed<a',
      [],
      reject('a'),
      ['task.dead a refused', 'task.ready b'],
    ],
    [
      'may be called off while it is held',
      'a! b<a c',
      [],
      cancel('a'),
      ['task.cancelled a', 'task.skipped b because a'],
    ],
    [
      'ends with its run when that is called off',
      'a! b',
      [start('b'), ok('b')],
      cancel(),
      ['run.stopping cancelled', 'task.cancelled a', 'run.settled cancelled'],
    ],
    ['holds nothing else: the run goes on elsewhere', 'a! b', [start('b')], ok('b'), ['task.succeeded b']],
    ['is suspended with its run', 'a! b', [start('b'), drain], ok('b'), ['task.succeeded b', 'run.suspended']],
    ['is suspended at once where nothing runs', 'a!', [], drain, ['run.draining', 'run.suspended']],
    ['is not approved in a suspended run', 'a!', [drain], approve('a'), []],
    [
      'is still held when the run is resumed, and says nothing of it again',
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
    ['is approved after a restart', 'a!', [drain, recover], approve('a'), ['task.ready a approved']],
    [
      'is approved in a pause, and starts after it',
      'a!',
      [pause, approve('a'), unpause],
      start('a'),
      ['attempt.started a 1'],
    ],
    ['is rejected in a pause', 'a!', [pause], reject('a'), ['task.dead a refused', 'run.settled failed']],
    [
      'is approved while its run drains, for later',
      'a! b',
      [start('b'), drain],
      approve('a'),
      ['task.ready a approved'],
    ],
    ['has no time-out while it is held', 'a!', [], expireWaiting('a', 'total'), []],
    ['is not let go by more budget', 'a!', [], budget({ costUsd: 9 }), ['budget.changed']],
    [
      'is asked for when it is added live',
      'a',
      [],
      add('b!'),
      ['task.added b', 'task.ready b', 'task.held b for approval'],
    ],
    [
      'is never asked for when its run starts nothing more',
      'a b!<a',
      [start('a'), cancel()],
      stopped('a'),
      ['task.cancelled a', 'run.settled cancelled'],
    ],
    ['cannot be approved before it is ready', 'a b!<a', [], approve('b'), []],
    ['cannot be rejected before it is ready', 'a b!<a', [], reject('b'), []],
  ])

  test('is not there: nothing is approved or rejected', () => {
    expect(SchedulerFixture.of('a!').play(approve('zz'))).toEqual([])
    expect(SchedulerFixture.of('a!').play(reject('zz'))).toEqual([])
    expect(new SchedulerFixture().play(approve('a'))).toEqual([])
  })

  test('is dead with the words of the one who rejected it', () => {
    const [dead] = SchedulerFixture.of('a! b').play(reject('a', 'too dear'))
    expect(dead).toMatchObject({ failure: { kind: 'refused', code: 'REJECTED', message: 'too dear' } })
  })

  test('keeps its hold as it was over a restart, with the time since when', () => {
    const before = SchedulerFixture.of('a! b')
    before.play(start('b'))
    const after = new SchedulerFixture({}, before.records)
    after.at = 1_000_000
    after.play(recover)
    expect(after.task('a')).toEqual(before.task('a'))
    expect(after.task('a')).toMatchObject({ reason: 'approval', since: 1_010 })
  })
})

describe('a task that the host holds', () => {
  table([
    ['waits for a person, as its approval function said', 'a', [], hold('a', 'approval'), ['task.held a for approval']],
    ['is approved', 'a', [hold('a', 'approval')], approve('a'), ['task.ready a approved']],
    ['is held once', 'a', [hold('a', 'approval')], hold('a', 'approval'), []],
    ['must be ready', 'a b<a', [start('a')], hold('a', 'approval'), []],
    ['must be ready, not blocked', 'a b<a', [], hold('b', 'approval'), []],
    [
      'for want of a budget of the orchestrator is let go when there is more',
      'a',
      [hold('a', 'budget')],
      budget(),
      ['task.ready a'],
    ],
    ['for want of it is let go by a person', 'a', [hold('a', 'budget')], approve('a'), ['task.ready a approved']],
  ])

  test('and that was approved is known as approved, one that may go over its budget as excused', () => {
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
      'is held when it was interrupted in good order',
      'z',
      [...running, drain, interrupt('n')],
      stopped('n'),
      ['attempt.failed n 1 interrupted', 'task.held n for interrupted', 'run.suspended'],
    ],
    [
      'is held when it was abandoned',
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
      'is tried again when it was turned away',
      'z',
      running,
      fail('n', 'throttled'),
      ['attempt.failed n 1 throttled', 'task.delayed n 500'],
    ],
    ['is dead when its agent failed', 'z', running, fail('n'), ['attempt.failed n 1 agent', 'task.dead n agent']],
    [
      'is tried again when a person says so',
      'z',
      [...running, recover],
      approve('n', 'Ada'),
      ['task.ready n approved by Ada'],
    ],
    [
      'starts as its second attempt then',
      'z',
      [...running, recover, approve('n')],
      start('n'),
      ['attempt.started n 2'],
    ],
    [
      'is held again when it is interrupted again, however often',
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
    ['is dead when a person says so', 'z', [...running, recover], reject('n'), ['task.dead n refused']],
    ['is called off while it is held', 'z', [...running, recover], cancel('n'), ['task.cancelled n']],
    ['is not woken', 'z', [...running, recover], wake('n'), []],
    ['stays held over the next restart', 'z', [...running, recover], recover, ['run.recovered 3']],
    [
      'is dead in a run that starts nothing more',
      'z',
      [...running, start('z'), fail('z', 'refused')],
      recover,
      ['run.recovered 2', 'attempt.failed n 1 interrupted', 'task.dead n interrupted', 'run.settled failed'],
      { failureMode: 'no-new' },
    ],
  ])

  test('tells the one who is asked what became of the attempt', () => {
    const scene = SchedulerFixture.of('z')
    scene.play(never, start('n'), recover)
    expect(scene.task('n')).toMatchObject({ status: 'held', reason: 'interrupted', failure: { kind: 'interrupted' } })
    expect(scene.state.tallies[1]).toMatchObject({ attempts: 1, interrupted: 1 })
  })
})

describe('time-outs while no attempt runs', () => {
  table([
    [
      'in the queue: it is dead',
      'a b<a c',
      [],
      expireWaiting('a', 'queue'),
      ['task.dead a timeout', 'task.skipped b because a'],
    ],
    ['in total, while it is ready', 'a c', [], expireWaiting('a', 'total'), ['task.dead a timeout']],
    [
      'in total, while it waits for its next attempt',
      'a c',
      [start('a'), fail('a')],
      expireWaiting('a', 'total'),
      ['task.dead a timeout'],
    ],
    ['not while it is blocked', 'a b<a', [], expireWaiting('b', 'total'), []],
    ['not while it runs: that is another signal', 'a', [start('a')], expireWaiting('a', 'queue'), []],
    ['not after its end', 'a c', [start('a'), ok('a')], expireWaiting('a', 'total'), []],
    ['once', 'a c', [expireWaiting('a', 'queue')], expireWaiting('a', 'queue'), []],
    [
      'with a failure mode',
      'a c',
      [],
      expireWaiting('a', 'queue'),
      ['task.dead a timeout', 'run.stopping fail-fast', 'task.cancelled c', 'run.settled failed'],
      { failureMode: 'no-new' },
    ],
  ])

  test('count from when the task was first ready, over all its attempts and holds', () => {
    const scene = SchedulerFixture.of([{ id: 'a', description: 'a', pool: 'p', totalTimeoutMs: 5_000, approval: true }])
    const first = scene.state.clocks.get(0)?.firstReadyAt
    scene.play(approve('a'), start('a'), fail('a'), wake('a'))
    expect([first, scene.state.clocks.get(0)?.firstReadyAt]).toEqual([1_010, 1_010])
  })

  test('in total, while an attempt runs: it is stopped, and not tried again', () => {
    const scene = SchedulerFixture.of('a c')
    const failure = { kind: 'timeout', timeout: 'total', message: 'too long' } as const
    scene.play(start('a'))
    scene.send({ type: 'expire', index: 0, attempt: 1, failure })
    expect(describeEvents(scene.play(stopped('a')))).toEqual(['attempt.failed a 1 timeout', 'task.dead a timeout'])
  })
})
