import type { TaskSpec } from 'counterpoint'
import { describe, expect, test } from 'vitest'
import { airflow, type Done, RULES } from '../../support/airflow.js'
import { checkHistory } from '../../support/history.js'
import {
  add,
  cancel,
  describeEvents,
  drain,
  fail,
  ok,
  recover,
  SchedulerFixture,
  type Step,
  start,
  wake,
} from '../../support/scheduler-fixture.js'
import { table } from '../../support/table.js'

const dead = { retries: 0 }
/** How an upstream task ends: a state of Airflow, or cancelled, which counts as failed. `undefined`: it does not end. */
type Ending = Done | 'cancelled' | undefined
const ENDINGS: readonly Ending[] = ['success', 'failed', 'upstream_failed', 'skipped', 'cancelled', undefined]

/** Every combination of up to `length` endings. */
function rows(length: number): readonly (readonly Ending[])[] {
  if (length === 0) return [[]]
  const shorter = rows(length - 1)
  return [
    ...shorter,
    ...shorter.filter(row => row.length === length - 1).flatMap(row => ENDINGS.map(ending => [...row, ending])),
  ]
}

/** Upstream tasks `u0` to `uN`, with the dependencies that lead to their endings: `g` succeeds, `bad` fails. */
function upstreams(row: readonly Ending[]): string {
  const task = (ending: Ending, i: number): string =>
    ending === 'skipped' ? `u${i}:one_failed<g` : ending === 'upstream_failed' ? `u${i}<bad` : `u${i}`
  return ['g', 'bad', ...row.map(task)].join(' ')
}

/** The steps that end `g`, `bad`, and the upstream tasks that do not end by them. */
function steps(row: readonly Ending[]): readonly Step[] {
  const of = (ending: Ending, i: number): readonly Step[] => {
    if (ending === 'success') return [start(`u${i}`), ok(`u${i}`)]
    if (ending === 'failed') return [start(`u${i}`), fail(`u${i}`)]
    return ending === 'cancelled' ? [cancel(`u${i}`)] : []
  }
  return [start('bad'), fail('bad'), start('g'), ok('g'), ...row.flatMap(of)]
}

const asDone = (ending: Ending): Done | undefined => (ending === 'cancelled' ? 'failed' : ending)

/** The state of task `x`, in the terms of Airflow. */
function decisionOf(scene: SchedulerFixture): string {
  const x = scene.task('x')
  if (x.status === 'ready') return 'run'
  if (x.status === 'blocked') return 'wait'
  return x.status === 'skipped' ? (x.rule === undefined ? 'upstream_failed' : 'skipped') : x.status
}

/** The decision of Airflow after each end in turn. A rule can be decided before all have ended, so their order matters. */
function expected(rule: (typeof RULES)[number], row: readonly Ending[]): string {
  let decision = airflow(
    rule,
    row.map(() => undefined),
  )
  const known: (Done | undefined)[] = row.map(() => undefined)
  const end = (i: number): void => {
    known[i] = asDone(row[i])
    if (decision === 'wait') decision = airflow(rule, known)
  }
  // The dependents of `bad` end first, then those of `g`, then the rest.
  for (const early of ['upstream_failed', 'skipped'] as const)
    for (let i = 0; i < row.length; i++) if (row[i] === early) end(i)
  for (let i = 0; i < row.length; i++) if (row[i] !== 'upstream_failed' && row[i] !== 'skipped') end(i)
  return decision
}

describe('a trigger rule means the same as in Airflow, for every combination of endings:', () => {
  for (const rule of RULES)
    test(rule, () => {
      for (const row of rows(3)) {
        const after = row.map((_, i) => `u${i}`).join(',')
        const before = SchedulerFixture.of(`${upstreams(row)} x:${rule}<${after}`, { ...dead, checks: false })
        before.play(...steps(row))
        expect(`${row} ${decisionOf(before)}`).toBe(`${row} ${expected(rule, row)}`)
        checkHistory(before.events, { settled: false })
        // The same for a task that is added to the live run afterwards.
        const late = SchedulerFixture.of(`${upstreams(row)} keep`, { ...dead, checks: false })
        late.play(...steps(row), add(`x:${rule}<${after}`))
        expect(`${row} ${decisionOf(late)}`).toBe(`${row} ${airflow(rule, row.map(asDone))}`)
        checkHistory(late.events, { settled: false })
      }
    })
})

describe('a trigger rule', () => {
  table([
    ['always does not wait for its dependencies', 'a b:always<a', [], start('b'), ['attempt.started b 1']],
    [
      'one_success does not wait for the other dependencies',
      'a b c:one_success<a,b',
      [start('a'), start('b')],
      ok('a'),
      ['task.succeeded a', 'task.ready c'],
    ],
    [
      'is not evaluated again when other dependencies end later',
      'a b c:one_failed<a,b',
      [start('a'), start('b'), fail('a')],
      ok('b'),
      ['task.succeeded b'],
      dead,
    ],
    [
      'that is not met skips a chain with its root cause and the name of the rule',
      'a b:all_failed<a c:all_failed<b',
      [start('a')],
      ok('a'),
      [
        'task.succeeded a',
        'task.skipped b because a by all_failed',
        'task.skipped c because a by all_failed',
        'run.settled completed',
      ],
    ],
    [
      'is not met by a skipped dependency if it is the default rule, which skips the chain',
      'a b:one_failed<a c<b d<c e:none_failed<d',
      [start('a')],
      ok('a'),
      [
        'task.succeeded a',
        'task.skipped b because a by one_failed',
        'task.skipped c because a by all_success',
        'task.skipped d because a by all_success',
        'task.ready e',
      ],
    ],
    [
      'distinguishes tasks skipped after a failure from tasks skipped by a rule',
      'a b<a c:all_skipped<b d:one_failed<b',
      [start('a')],
      fail('a'),
      [
        'attempt.failed a 1 agent',
        'task.dead a agent',
        'task.skipped b because a',
        'task.skipped c because a by all_skipped',
        'task.ready d',
      ],
      dead,
    ],
    [
      'counts a cancelled task as failed',
      'a b c:one_failed<a d:all_success<a',
      [start('b')],
      cancel('a'),
      ['task.cancelled a', 'task.ready c', 'task.skipped d because a'],
    ],
    [
      'does not apply to order-only dependencies, which are waited for in any case',
      'a b c:always<a,-b',
      [start('a'), ok('a'), start('b')],
      fail('b'),
      ['attempt.failed b 1 agent', 'task.dead b agent', 'task.ready c'],
      dead,
    ],
    [
      'that cannot be met skips the task before its order-only dependencies have ended',
      'a b c:all_failed<a,-b',
      [start('a'), start('b')],
      ok('a'),
      ['task.succeeded a', 'task.skipped c because a by all_failed'],
    ],
    [
      'has no effect on a task without dependencies',
      'a',
      [start('a')],
      add('b:all_failed c:one_success<-a'),
      ['task.added b', 'task.added c', 'task.ready b'],
    ],
    [
      'can name tasks that come later in the same batch',
      'z',
      [],
      add('c:one_done<b,a b<a a'),
      ['task.added c', 'task.added b', 'task.added a', 'task.ready a'],
    ],
    [
      'is met by a cancel that is completed by a recovery',
      'a b:one_failed<a',
      [start('a'), cancel('a')],
      recover,
      ['run.recovered 2', 'task.cancelled a', 'task.ready b'],
    ],
    [
      'does not start a task when the failure mode stops the run',
      'a b:all_done<a',
      [start('a')],
      fail('a'),
      [
        'attempt.failed a 1 agent',
        'task.dead a agent',
        'task.ready b',
        'run.stopping fail-fast',
        'task.cancelled b',
        'run.settled failed',
      ],
      { ...dead, failureMode: 'no-new' },
    ],
    [
      'makes a task ready in a draining run, which does not start it',
      'a b:all_done<a',
      [start('a'), drain],
      fail('a'),
      ['attempt.failed a 1 agent', 'task.dead a agent', 'task.ready b', 'run.suspended'],
      dead,
    ],
    [
      'is not met by a failed attempt, only by the end of the task',
      'a b:one_failed<a c:one_done<a',
      [start('a')],
      fail('a'),
      ['attempt.failed a 1 agent', 'task.delayed a 500'],
    ],
  ])

  test('that is met does not change the outcome of a run with a dead task: partial', () => {
    const scene = SchedulerFixture.of('a b:all_done<a', dead)
    expect(describeEvents(scene.play(start('a'), fail('a'), start('b'), ok('b')))).toEqual([
      'task.succeeded b',
      'run.settled partial',
    ])
  })

  test('that skips a task does not prevent the outcome completed', () => {
    const scene = SchedulerFixture.of('a rescue:one_failed<a after:none_failed<rescue')
    scene.play(start('a'), ok('a'))
    expect(describeEvents(scene.play(start('after'), ok('after')))).toEqual([
      'task.succeeded after',
      'run.settled completed',
    ])
  })

  test('skips a chain of 20,000 without recursion', () => {
    const links = Array.from({ length: 20_000 }, (_, i) => `t${i}${i === 0 ? ':all_failed<a' : `<t${i - 1}`}`)
    const scene = SchedulerFixture.of(`a ${links.join(' ')} end:none_failed<t19999`, { checks: false })
    expect(scene.play(start('a'), ok('a'))).toHaveLength(20_002)
    expect(scene.task('end').status).toBe('ready')
  })

  test('handles a dependency that is listed twice', () => {
    const after = ['a', 'a', 'b']
    const x: TaskSpec = { id: 'x', description: 'x', pool: 'p', after, triggerRule: 'all_done' }
    const scene = SchedulerFixture.of([{ id: 'a', description: 'a' }, { id: 'b', description: 'b' }, x])
    scene.play(start('a'), ok('a'))
    expect(scene.task('x').status).toBe('blocked')
    expect(describeEvents(scene.play(start('b'), ok('b')))).toEqual(['task.succeeded b', 'task.ready x'])
  })
})

describe('an order-only dependency', () => {
  table([
    ['blocks a task until it has ended', 'a b<-a', [], start('b'), []],
    ['releases the task when it has succeeded', 'a b<-a', [start('a')], ok('a'), ['task.succeeded a', 'task.ready b']],
    [
      'releases the task when it is dead',
      'a b<-a',
      [start('a')],
      fail('a'),
      ['attempt.failed a 1 agent', 'task.dead a agent', 'task.ready b'],
      dead,
    ],
    ['releases the task when it is cancelled', 'a b<-a c', [], cancel('a'), ['task.cancelled a', 'task.ready b']],
    [
      'releases the task when it is skipped',
      'z a<z b<-a',
      [],
      cancel('z'),
      ['task.cancelled z', 'task.skipped a because z', 'task.ready b'],
    ],
    ['does not release the task between two attempts', 'a b<-a', [start('a'), fail('a')], wake('a'), ['task.ready a']],
    [
      'that is also a hard dependency skips the task when it fails',
      'a b<a,-a c',
      [start('a')],
      fail('a'),
      ['attempt.failed a 1 agent', 'task.dead a agent', 'task.skipped b because a'],
      dead,
    ],
    [
      'that is also a hard dependency releases the task once',
      'a b<a,-a',
      [start('a')],
      ok('a'),
      ['task.succeeded a', 'task.ready b'],
    ],
    [
      'that has already ended does not block a task added to the live run',
      'a z',
      [cancel('a')],
      add('b<-a'),
      ['task.added b', 'task.ready b'],
    ],
    [
      'can be added later in the same batch, and is waited for',
      'z',
      [],
      add('b<-a a'),
      ['task.added b', 'task.added a', 'task.ready a'],
    ],
    [
      'that has ended does not release a task whose hard dependency has not',
      'a h b<h,-a',
      [start('a')],
      ok('a'),
      ['task.succeeded a'],
    ],
  ])
})

describe('a soft dependency', () => {
  table([
    ['does not block the task', 'a b<?a', [], start('b'), ['attempt.started b 1']],
    [
      'does not skip the task when it fails',
      'a b<?a',
      [start('a')],
      fail('a'),
      ['attempt.failed a 1 agent', 'task.dead a agent'],
      dead,
    ],
    ['may be mutual', 'a<?b b<?a', [start('a')], start('b'), ['attempt.started b 1']],
  ])
})
