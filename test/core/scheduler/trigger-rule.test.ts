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
/** How an upstream ends: as Airflow has it, and called off, which is a failure to us; `undefined`: not at all. */
type Way = Done | 'cancelled' | undefined
const WAYS: readonly Way[] = ['success', 'failed', 'upstream_failed', 'skipped', 'cancelled', undefined]

/** Every row of up to `length` ways to end. */
function rows(length: number): readonly (readonly Way[])[] {
  if (length === 0) return [[]]
  const shorter = rows(length - 1)
  return [
    ...shorter,
    ...shorter.filter(row => row.length === length - 1).flatMap(row => WAYS.map(way => [...row, way])),
  ]
}

/** Upstream `u0` to `uN`, each with what it needs to end in its way. `u` is skipped by a rule when the good `g` succeeds. */
function upstreams(row: readonly Way[]): string {
  const task = (way: Way, i: number): string =>
    way === 'skipped' ? `u${i}:one_failed<g` : way === 'upstream_failed' ? `u${i}<bad` : `u${i}`
  return ['g', 'bad', ...row.map(task)].join(' ')
}

/** The steps that end each upstream that ends by itself. */
function steps(row: readonly Way[]): readonly Step[] {
  const of = (way: Way, i: number): readonly Step[] => {
    if (way === 'success') return [start(`u${i}`), ok(`u${i}`)]
    if (way === 'failed') return [start(`u${i}`), fail(`u${i}`)]
    return way === 'cancelled' ? [cancel(`u${i}`)] : []
  }
  return [start('bad'), fail('bad'), start('g'), ok('g'), ...row.flatMap(of)]
}

const asDone = (way: Way): Done | undefined => (way === 'cancelled' ? 'failed' : way)

/** What has become of task `x`, in the words of Airflow. */
function fateOf(scene: SchedulerFixture): string {
  const x = scene.task('x')
  if (x.status === 'ready') return 'run'
  if (x.status === 'blocked') return 'wait'
  return x.status === 'skipped' ? (x.rule === undefined ? 'upstream_failed' : 'skipped') : x.status
}

/** A task without a rule of its own is judged by the first that ends badly, so it is what the order of the row says. */
function expected(rule: (typeof RULES)[number], row: readonly Way[]): string {
  let fate = airflow(
    rule,
    row.map(() => undefined),
  )
  const known: (Done | undefined)[] = row.map(() => undefined)
  const tell = (i: number): void => {
    known[i] = asDone(row[i])
    if (fate === 'wait') fate = airflow(rule, known)
  }
  // First what hangs on `bad`, then what hangs on `g`, then the rest.
  for (const early of ['upstream_failed', 'skipped'] as const)
    for (let i = 0; i < row.length; i++) if (row[i] === early) tell(i)
  for (let i = 0; i < row.length; i++) if (row[i] !== 'upstream_failed' && row[i] !== 'skipped') tell(i)
  return fate
}

describe('a trigger rule means what it means to Airflow, whatever its upstream tasks come to:', () => {
  for (const rule of RULES)
    test(rule, () => {
      for (const row of rows(3)) {
        const after = row.map((_, i) => `u${i}`).join(',')
        const before = SchedulerFixture.of(`${upstreams(row)} x:${rule}<${after}`, { ...dead, checks: false })
        before.play(...steps(row))
        expect(`${row} ${fateOf(before)}`).toBe(`${row} ${expected(rule, row)}`)
        checkHistory(before.events, { settled: false })
        // And when it joins a live run after all that: only what is known then counts.
        const late = SchedulerFixture.of(`${upstreams(row)} keep`, { ...dead, checks: false })
        late.play(...steps(row), add(`x:${rule}<${after}`))
        expect(`${row} ${fateOf(late)}`).toBe(`${row} ${airflow(rule, row.map(asDone))}`)
        checkHistory(late.events, { settled: false })
      }
    })
})

describe('a trigger rule', () => {
  table([
    ['starts at once with always', 'a b:always<a', [], start('b'), ['attempt.started b 1']],
    [
      'of one_success does not wait for the others, which go on',
      'a b c:one_success<a,b',
      [start('a'), start('b')],
      ok('a'),
      ['task.succeeded a', 'task.ready c'],
    ],
    [
      'is not looked at again by what ends later',
      'a b c:one_failed<a,b',
      [start('a'), start('b'), fail('a')],
      ok('b'),
      ['task.succeeded b'],
      dead,
    ],
    [
      'that was not met skips with where that began, and with its name',
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
      'skips a whole chain by the default rule, which is not met by a skip',
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
      'tells what was skipped for a failure from what was skipped by a rule',
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
      'takes a task that was called off for one that failed',
      'a b c:one_failed<a d:all_success<a',
      [start('b')],
      cancel('a'),
      ['task.cancelled a', 'task.ready c', 'task.skipped d because a'],
    ],
    [
      'waits for its order-only dependencies besides, whatever it says',
      'a b c:always<a,-b',
      [start('a'), ok('a'), start('b')],
      fail('b'),
      ['attempt.failed b 1 agent', 'task.dead b agent', 'task.ready c'],
      dead,
    ],
    [
      'that cannot be met skips before its order-only dependencies have ended',
      'a b c:all_failed<a,-b',
      [start('a'), start('b')],
      ok('a'),
      ['task.succeeded a', 'task.skipped c because a by all_failed'],
    ],
    [
      'counts nothing without dependencies: the task starts',
      'a',
      [start('a')],
      add('b:all_failed c:one_success<-a'),
      ['task.added b', 'task.added c', 'task.ready b'],
    ],
    [
      'of a task that names its upstream ahead, in a batch that is decided when all of it is there',
      'z',
      [],
      add('c:one_done<b,a b<a a'),
      ['task.added c', 'task.added b', 'task.added a', 'task.ready a'],
    ],
    [
      'is met in a pause, and by a recovery that ends what was called off',
      'a b:one_failed<a',
      [start('a'), cancel('a')],
      recover,
      ['run.recovered 2', 'task.cancelled a', 'task.ready b'],
    ],
    [
      'lets nothing start when a failure mode ends the run',
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
      'lets what is ready wait for the suspension when a run drains',
      'a b:all_done<a',
      [start('a'), drain],
      fail('a'),
      ['attempt.failed a 1 agent', 'task.dead a agent', 'task.ready b', 'run.suspended'],
      dead,
    ],
    [
      'does not hear of a failed attempt, only of the end',
      'a b:one_failed<a c:one_done<a',
      [start('a')],
      fail('a'),
      ['attempt.failed a 1 agent', 'task.delayed a 500'],
    ],
  ])

  test('that was met makes a run partial all the same when something died', () => {
    const scene = SchedulerFixture.of('a b:all_done<a', dead)
    expect(describeEvents(scene.play(start('a'), fail('a'), start('b'), ok('b')))).toEqual([
      'task.succeeded b',
      'run.settled partial',
    ])
  })

  test('that spared a task nothing makes a run complete: all that was let run has succeeded', () => {
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

  test('counts a dependency that is named twice as often as it is named', () => {
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
    ['keeps a task until it has ended', 'a b<-a', [], start('b'), []],
    ['lets it go when it has succeeded', 'a b<-a', [start('a')], ok('a'), ['task.succeeded a', 'task.ready b']],
    [
      'lets it go when it is dead',
      'a b<-a',
      [start('a')],
      fail('a'),
      ['attempt.failed a 1 agent', 'task.dead a agent', 'task.ready b'],
      dead,
    ],
    ['lets it go when it was called off', 'a b<-a c', [], cancel('a'), ['task.cancelled a', 'task.ready b']],
    [
      'lets it go when it was skipped',
      'z a<z b<-a',
      [],
      cancel('z'),
      ['task.cancelled z', 'task.skipped a because z', 'task.ready b'],
    ],
    ['does not let it go between two attempts', 'a b<-a', [start('a'), fail('a')], wake('a'), ['task.ready a']],
    [
      'that is a hard one, too, skips as that does',
      'a b<a,-a c',
      [start('a')],
      fail('a'),
      ['attempt.failed a 1 agent', 'task.dead a agent', 'task.skipped b because a'],
      dead,
    ],
    ['that is a hard one, too, lets go once', 'a b<a,-a', [start('a')], ok('a'), ['task.succeeded a', 'task.ready b']],
    [
      'of a live run that has ended already keeps nothing',
      'a z',
      [cancel('a')],
      add('b<-a'),
      ['task.added b', 'task.ready b'],
    ],
    ['that is named ahead is waited for', 'z', [], add('b<-a a'), ['task.added b', 'task.added a', 'task.ready a']],
    ['waits on while a hard one is open', 'a h b<h,-a', [start('a')], ok('a'), ['task.succeeded a']],
  ])
})

describe('a soft dependency', () => {
  table([
    ['is not waited for', 'a b<?a', [], start('b'), ['attempt.started b 1']],
    [
      'skips nothing when it fails',
      'a b<?a',
      [start('a')],
      fail('a'),
      ['attempt.failed a 1 agent', 'task.dead a agent'],
      dead,
    ],
    ['may go both ways', 'a<?b b<?a', [start('a')], start('b'), ['attempt.started b 1']],
  ])
})
