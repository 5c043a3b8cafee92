import type { RunEvent } from 'counterpoint'
import { describe, expect, test } from 'vitest'
import { eachDependent } from '../../../src/core/state/dependencies.js'
import { evolve, replay } from '../../../src/core/state/evolve.js'
import { copyState, emptyState } from '../../../src/core/state/new-state.js'
import type { RunState } from '../../../src/core/state/run-state.js'
import { unfinishedCount } from '../../../src/core/state/run-state.js'
import {
  add,
  cancel,
  expire,
  fail,
  ok,
  pause,
  SchedulerFixture,
  type Step,
  start,
  stopped,
  wake,
} from '../../support/scheduler-fixture.js'

/** The next event of a scene; `event` may override any member. */
function next(scene: SchedulerFixture, event: object): RunEvent {
  return { seq: scene.state.seq + 1, at: 5_000, runId: 'r', taskId: 'a', index: 0, ...event } as RunEvent
}

const failure = { kind: 'agent', message: 'no' }
const started = { type: 'attempt.started', attempt: 1, pool: 'p', backend: 'p', key: 'r/a/1', input: null }
const succeeded = { type: 'task.succeeded', attempt: 1, output: 1 }
const dead = { type: 'task.dead', failure }
const spec = { id: 'a', description: 'a' }

describe('evolve rejects an event that cannot follow:', () => {
  const wrongStates: readonly [string, readonly Step[], object][] = [
    ['a seq that leaves a gap', [], { type: 'run.paused', seq: 9 }],
    ['a repeated seq', [], { type: 'run.paused', seq: 1 }],
    ['a success of a ready task', [], succeeded],
    ['a success of a blocked task', [], { ...succeeded, taskId: 'b', index: 1 }],
    ['a second success', [start('a'), ok('a')], succeeded],
    ['a success of a task that is being stopped', [start('a'), cancel('a')], succeeded],
    ['the death of a succeeded task', [start('a'), ok('a')], dead],
    ['the death of a blocked task', [], { ...dead, taskId: 'b', index: 1 }],
    ['a start of a blocked task', [], { ...started, taskId: 'b', index: 1 }],
    ['a start of a running task', [start('a')], started],
    ['a start of a delayed task', [start('a'), fail('a')], { ...started, attempt: 2 }],
    ['a start of a cancelled task', [cancel('a')], started],
    [
      'a stop of a task that does not run',
      [],
      { type: 'attempt.stopping', attempt: 1, reason: { kind: 'cancel', reason: 'x' } },
    ],
    ['a delay of a ready task', [], { type: 'task.delayed', until: 9_000, failure }],
    ['a ready task that becomes ready', [], { type: 'task.ready' }],
    ['a running task that becomes ready', [start('a')], { type: 'task.ready' }],
    ['a skip of a ready task', [], { type: 'task.skipped', rootCause: 'z' }],
    ['a skip of a running task', [start('a')], { type: 'task.skipped', rootCause: 'z' }],
    ['a cancel of a succeeded task', [start('a'), ok('a')], { type: 'task.cancelled', reason: 'x' }],
    ['a cancel of a cancelled task', [cancel('a')], { type: 'task.cancelled', reason: 'x' }],
    ['an event of an unknown task', [], { type: 'task.ready', taskId: 'q', index: 7 }],
    ['a task that has already been added', [], { type: 'task.added', spec, index: 3 }],
    ['a task whose index leaves a gap', [], { type: 'task.added', taskId: 'q', spec: { ...spec, id: 'q' }, index: 9 }],
    ['an unknown event type', [], { type: 'task.forgotten' }],
  ]
  for (const [title, given, event] of wrongStates)
    test(title, () => {
      const scene = SchedulerFixture.of('a b<a c')
      scene.play(...given)
      expect(() => evolve(scene.state, next(scene, event))).toThrow(Error)
    })

  const outOfOrder: readonly [string, readonly Step[], object][] = [
    ['any event after the run has settled', [start('a'), cancel(), stopped('a')], { type: 'run.paused' }],
    ['the end of a pause in a run that is not paused', [], { type: 'run.unpaused' }],
    ['a second start of the run', [], { type: 'run.started', failureMode: 'continue' }],
    ['a task that becomes ready before its dependencies have ended', [], { type: 'task.ready', taskId: 'b', index: 1 }],
    ['an attempt whose number leaves a gap', [], { ...started, attempt: 5 }],
    ['a success of another attempt', [start('a')], { ...succeeded, attempt: 3 }],
    [
      'a failure of a task that does not run',
      [],
      { type: 'attempt.failed', attempt: 1, failure, verdict: { action: 'dead', reason: 'x' } },
    ],
    ['an attempt that is abandoned before it is stopped', [start('a')], { type: 'attempt.abandoned', attempt: 1 }],
    ['a start during a pause', [pause], started],
    ['time that goes back', [], { type: 'run.paused', at: 1 }],
    ['an event of another run', [], { type: 'run.paused', runId: 'other' }],
    ['an event whose id and index belong to different tasks', [], { ...started, taskId: 'c' }],
  ]
  for (const [title, given, event] of outOfOrder)
    test(title, () => {
      const scene = SchedulerFixture.of('a b<a c')
      scene.play(...given)
      expect(() => evolve(scene.state, next(scene, event))).toThrow(Error)
    })

  test('names the task and both states in the error', () => {
    const scene = SchedulerFixture.of('a b<a')
    expect(() => evolve(scene.state, next(scene, succeeded))).toThrow(/task a .*ready.*succeeded/)
  })

  test('leaves the state unchanged when it throws', () => {
    const scene = SchedulerFixture.of('a b<a')
    const before = copyState(scene.state)
    for (const event of [succeeded, { type: 'task.skipped', rootCause: 'z' }, { type: 'run.paused', seq: 9 }])
      expect(() => evolve(scene.state, next(scene, event))).toThrow(Error)
    expect(scene.state).toEqual(before)
  })
})

describe('the tally of a task', () => {
  function tally(...steps: readonly Step[]): RunState['tallies'][number] {
    const scene = SchedulerFixture.of('a z')
    scene.play(...steps)
    return scene.state.tallies[0]!
  }

  test('counts each failure under the bound that applies to it', () => {
    const again = [wake('a'), start('a')]
    const steps = [start('a'), fail('a'), ...again, fail('a', 'overloaded'), ...again, fail('a', 'quota'), ...again]
    expect(tally(...steps, fail('a', 'throttled'))).toMatchObject({
      attempts: 4,
      failures: 1,
      throttled: 3,
      interrupted: 0,
    })
  })

  test('counts a timeout as a failure, and an attempt that did not end after it as abandoned', () => {
    expect(tally(start('a'), expire('a'), stopped('a', true))).toMatchObject({ attempts: 1, failures: 1, abandoned: 1 })
  })

  test('sums the time and usage of all attempts, stopped ones included', () => {
    const scene = SchedulerFixture.of('a z')
    const usage = { inputTokens: 5, costUsd: 0.25 }
    scene.play(start('a'))
    scene.at += 90
    scene.send({ type: 'fail', index: 0, attempt: 1, failure: { kind: 'agent', message: 'no' }, usage })
    scene.play(wake('a'), start('a'), cancel('a'))
    scene.at += 40
    scene.send({ type: 'stopped', index: 0, attempt: 2, abandoned: false, usage: { ...usage, outputTokens: 1 } })
    expect(scene.state.tallies[0]).toMatchObject({
      attempts: 2,
      busyMs: 100 + 60,
      usage: { inputTokens: 10, outputTokens: 1, costUsd: 0.5 },
    })
  })
})

describe('a state', () => {
  test('is determined by its events: replaying any prefix leads to the same state', () => {
    const scene = new SchedulerFixture()
    const states: RunState[] = [copyState(scene.state)]
    scene.play(add('a b<a c<b,a d'))
    for (const step of [start('a'), fail('a'), wake('a'), pause, cancel('d')]) {
      states.push(copyState(scene.state))
      scene.play(step)
    }
    for (let i = 0; i < states.length; i++) expect(replay('r', scene.records.slice(0, i).flat())).toEqual(states[i])
  })

  test('and its copy change independently', () => {
    const scene = SchedulerFixture.of('a b<a')
    const copy = copyState(scene.state)
    const before = copyState(scene.state)
    scene.play(start('a'), ok('a'), add('c<z z'))
    expect(copy).toEqual(before)
    evolve(copy, next({ state: copy } as SchedulerFixture, { type: 'task.cancelled', reason: 'x' }))
    expect(scene.task('a').status).toBe('succeeded')
  })

  test('before the first event is that of a run in planning', () => {
    expect(replay('r', [])).toEqual(emptyState('r'))
    expect(emptyState('r').phase).toEqual({ status: 'planning' })
  })

  test('gives the number of unfinished tasks, and dependents in the order in which they were added', () => {
    const scene = SchedulerFixture.of('d<a a b c<a,b')
    const dependents: number[] = []
    eachDependent(scene.state, scene.index('a'), index => dependents.push(index))
    expect(dependents).toEqual([0, 3])
    expect(unfinishedCount(scene.state)).toBe(4)
    scene.play(start('a'), ok('a'), cancel('b'))
    expect(unfinishedCount(scene.state)).toBe(1)
  })
})
