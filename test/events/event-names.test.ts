import type { Orchestrator } from 'counterpoint'
import { describe, expect, test, vi } from 'vitest'
import { Emitter } from '../../src/events/emitter.js'
import { CHANNELS, RUN_CHANNELS } from '../../src/events/event-map.js'
import { specs } from '../support/scheduler-fixture.js'
import { setUp } from '../support/set-up.js'

const messageOf = (call: () => unknown): string => {
  try {
    call()
  } catch (error) {
    expect(error).toMatchObject({ code: 'INVALID_INPUT' })
    return (error as Error).message
  }
  return 'no error'
}

describe('on and off', () => {
  const { orchestrator } = setUp()
  const run = orchestrator.run({ tasks: specs('a') })
  const listener = (): void => {}

  test.each([
    ['attempt.start', 'name: there is no event "attempt.start" here (did you mean "attempt.started"?)'],
    ['task.suceeded', 'name: there is no event "task.suceeded" here (did you mean "task.succeeded"?)'],
    ['Error', 'name: there is no event "Error" here (did you mean "error"?)'],
  ])('reject the name %s, which no event has', (name, message) => {
    const emitters: readonly Pick<Orchestrator, 'on' | 'off'>[] = [orchestrator, run as never]
    for (const emitter of emitters)
      for (const method of ['on', 'off'] as const)
        expect(messageOf(() => emitter[method](name as 'event', listener))).toBe(message)
  })

  test('list the names where none is near', () => {
    expect(messageOf(() => run.on('finish' as 'event', listener))).toMatch(
      /^name: there is no event "finish" here; expected one of event, error, run\.started, .*, budget\.changed$/,
    )
    expect(messageOf(() => run.on(undefined as never, listener))).toMatch(/^name: there is no event nothing here; /)
  })

  test('reject an event of pools at a run, which never emits one', () => {
    expect(messageOf(() => run.on('pool.parked' as 'event', listener))).toBe(
      'name: there is no event "pool.parked" here; pools emit it on the orchestrator: orchestrator.on',
    )
    expect(messageOf(() => orchestrator.on('pool.parked', listener)())).toBe('no error')
  })

  test('reject a listener that is not a function', () => {
    expect(messageOf(() => run.on('event', undefined as never))).toBe('listener: expected a function, got nothing')
  })

  test('accept every name', () => {
    for (const name of CHANNELS) orchestrator.on(name as 'event', listener)()
    for (const name of RUN_CHANNELS) run.on(name as 'event', listener)()
  })
})

test.each([
  ['journal', 'error in the journal'],
  ['listener of task.dead', 'error in the listener of task.dead'],
  ['usage of backend small in pool writer', 'error in the usage of backend small in pool writer'],
  ['method killOrphans of pool writer', 'error in the method killOrphans of pool writer'],
  ['journal: the torn tail of run "x" is ignored', 'journal: the torn tail of run "x" is ignored'],
])('what is printed without a listener of `error` is a sentence: %s', (where, what) => {
  const console = vi.spyOn(globalThis.console, 'error').mockImplementation(() => {})
  const emitter = new Emitter(CHANNELS)
  emitter.report({ type: 'error', error: undefined, where })
  emitter.report({ type: 'error', error: 'why', where })
  const text = `counterpoint: ${what}. To handle this yourself, listen to 'error'.`
  expect(console.mock.calls).toEqual([[text], [text, 'why']])
  console.mockRestore()
})
