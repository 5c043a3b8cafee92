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
  const serial = { mode: { mode: 'serial', reason: 'asked for' } } as const
  table([
    ['starts nothing while something runs', 'a b', [start('a')], start('b'), [], serial],
    ['nor while something is being stopped', 'a b', [start('a'), cancel('a')], start('b'), [], serial],
    ['starts the next when that has ended', 'a b', [start('a'), ok('a')], start('b'), ['attempt.started b 1'], serial],
    [
      'starts the next between two attempts of another',
      'a b',
      [start('a'), fail('a')],
      start('b'),
      ['attempt.started b 1'],
      serial,
    ],
    [
      'goes on in parallel when it is told to',
      'a b',
      [start('a'), mode('parallel')],
      start('b'),
      ['attempt.started b 1'],
      serial,
    ],
    ['was parallel until it was told so', 'a b', [start('a'), mode('serial')], start('b'), []],
    ['lets what runs side by side end', 'a b c', [start('a'), start('b'), mode('serial'), ok('a')], start('c'), []],
    [
      'stays so over a restart',
      'a b',
      [mode('serial'), start('a'), drain, ok('a'), recover, start('b')],
      ok('b'),
      ['task.succeeded b', 'run.settled completed'],
    ],
    ['is told', 'a b', [], mode('serial'), ['run.mode-chosen serial']],
    ['is not told of a run that has not begun', '', [], mode('serial'), []],
  ])

  test('begins so, and says why', () => {
    expect(describeEvents(SchedulerFixture.of('a', serial).events).slice(0, 2)).toEqual([
      'run.started',
      'run.mode-chosen serial',
    ])
    expect(SchedulerFixture.of('a').events.some(event => event.type === 'run.mode-chosen')).toBe(false)
  })
})

describe('autoFallbackToSerial', () => {
  const turnedAway = (times: number, kind: 'throttled' | 'overloaded' | 'quota' = 'throttled'): readonly Step[] =>
    Array.from({ length: times }, () => [start('a'), fail('a', kind), wake('a')]).flat()
  const auto = { autoFallbackToSerial: true }

  test('goes on one at a time when half of what was tried of late was turned away', () => {
    const scene = SchedulerFixture.of('a b', auto)
    scene.play(...turnedAway(6), start('a'))
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

  test('is said once', () => {
    const scene = SchedulerFixture.of('a b', auto)
    scene.play(...turnedAway(20, 'overloaded'))
    expect(scene.events.filter(event => event.type === 'run.mode-chosen')).toHaveLength(1)
  })

  test('is of no concern to one that was not asked for, to failures of the agents, or to a run where most succeed', () => {
    const calm = SchedulerFixture.of('a b')
    calm.play(...turnedAway(20))
    expect(calm.state.serial).toBe(false)
    const failing = SchedulerFixture.of('a b', { ...auto, retries: 99 })
    failing.play(...Array.from({ length: 30 }, () => [start('a'), fail('a'), wake('a')]).flat())
    expect(failing.state.serial).toBe(false)
    const good = SchedulerFixture.of(`a ${Array.from({ length: 60 }, (_, i) => `g${i}`).join(' ')}`, auto)
    const well = (i: number): readonly Step[] => [start(`g${i}`), ok(`g${i}`)]
    for (let i = 0; i < 60; i += 2) good.play(...well(i), ...well(i + 1), start('a'), fail('a', 'quota'), wake('a'))
    expect(good.state.serial).toBe(false)
  })

  test('is remembered over a restart', () => {
    const scene = SchedulerFixture.of('a b', auto)
    scene.play(...turnedAway(5), recover, ...turnedAway(2))
    expect(scene.state.serial).toBe(true)
    scene.checkReplay()
  })
})
