import { describe, expect, test } from 'vitest'
import { checkHistory } from '../../support/history.js'
import {
  cancel,
  describeEvents,
  drain,
  fail,
  mode,
  ok,
  recover,
  SchedulerFixture,
  type Step,
  start,
  wake,
} from '../../support/scheduler-fixture.js'
import { table } from '../../support/table.js'

describe('a run in serial mode', () => {
  const serial = { mode: { mode: 'serial', reason: 'requested' } } as const
  table([
    ['starts nothing while an attempt runs', 'a b', [start('a')], start('b'), [], serial],
    ['starts nothing while an attempt is being stopped', 'a b', [start('a'), cancel('a')], start('b'), [], serial],
    [
      'starts the next task when the attempt has ended',
      'a b',
      [start('a'), ok('a')],
      start('b'),
      ['attempt.started b 1'],
      serial,
    ],
    [
      'starts another task while one waits for its next attempt',
      'a b',
      [start('a'), fail('a')],
      start('b'),
      ['attempt.started b 1'],
      serial,
    ],
    ['can be switched to parallel', 'a b', [start('a'), mode('parallel')], start('b'), ['attempt.started b 1'], serial],
    [
      'can be switched from parallel: then nothing starts while an attempt runs',
      'a b',
      [start('a'), mode('serial')],
      start('b'),
      [],
    ],
    [
      'starts nothing until all attempts in flight have ended',
      'a b c',
      [start('a'), start('b'), mode('serial'), ok('a')],
      start('c'),
      [],
    ],
    [
      'stays serial over a restart',
      'a b',
      [mode('serial'), start('a'), drain, ok('a'), recover, start('b')],
      ok('b'),
      ['task.succeeded b', 'run.settled completed'],
    ],
    ['is recorded by an event', 'a b', [], mode('serial'), ['run.mode-chosen serial']],
    ['cannot be set before the run has begun', '', [], mode('serial'), []],
  ])

  test('records its mode at the start, unless it is the default', () => {
    expect(describeEvents(SchedulerFixture.of('a', serial).events).slice(0, 2)).toEqual([
      'run.started',
      'run.mode-chosen serial',
    ])
    expect(SchedulerFixture.of('a').events.some(event => event.type === 'run.mode-chosen')).toBe(false)
  })
})

describe('autoFallbackToSerial', () => {
  const throttle = (times: number, kind: 'throttled' | 'overloaded' | 'quota' = 'throttled'): readonly Step[] =>
    Array.from({ length: times }, () => [start('a'), fail('a', kind), wake('a')]).flat()
  const auto = { autoFallbackToSerial: true }

  test('switches to serial when half of the recent attempts were throttled', () => {
    const scene = SchedulerFixture.of('a b', auto)
    scene.play(...throttle(6), start('a'))
    expect(scene.state.serial).toBe(false)
    expect(describeEvents(scene.play(fail('a', 'throttled')))).toEqual([
      'attempt.failed a 7 throttled',
      expect.stringMatching(/^task\.delayed a/),
      'run.mode-chosen serial',
    ])
    scene.play(start('b'), wake('a'))
    expect(scene.play(start('a'))).toEqual([])
    checkHistory(scene.events, { settled: false })
  })

  test('is recorded once', () => {
    const scene = SchedulerFixture.of('a b', auto)
    scene.play(...throttle(20, 'overloaded'))
    expect(scene.events.filter(event => event.type === 'run.mode-chosen')).toHaveLength(1)
  })

  test('does not switch if it is not set, for failures of agents, or while most attempts succeed', () => {
    const disabled = SchedulerFixture.of('a b')
    disabled.play(...throttle(20))
    expect(disabled.state.serial).toBe(false)
    const failing = SchedulerFixture.of('a b', { ...auto, retries: 99 })
    failing.play(...Array.from({ length: 30 }, () => [start('a'), fail('a'), wake('a')]).flat())
    expect(failing.state.serial).toBe(false)
    const mostSucceed = SchedulerFixture.of(`a ${Array.from({ length: 60 }, (_, i) => `g${i}`).join(' ')}`, auto)
    const succeed = (i: number): readonly Step[] => [start(`g${i}`), ok(`g${i}`)]
    for (let i = 0; i < 60; i += 2)
      mostSucceed.play(...succeed(i), ...succeed(i + 1), start('a'), fail('a', 'quota'), wake('a'))
    expect(mostSucceed.state.serial).toBe(false)
  })

  test('counts attempts from before a restart', () => {
    const scene = SchedulerFixture.of('a b', auto)
    scene.play(...throttle(5), recover, ...throttle(2))
    expect(scene.state.serial).toBe(true)
    scene.checkReplay()
  })
})
