import { describe, expect, test } from 'vitest'
import { defaultOut, help, readFlags } from '../../examples/restaurant/flags.js'

describe('the command line', () => {
  test('has defaults, and resolves paths from the folder in which it was called', () => {
    expect(readFlags([], '/home')).toMatchObject({ out: defaultOut, wanted: { what: 'run', scale: 0.01, options: {} } })
    const given = ['plan.json', '--scale=0', '--only', 'a,b', '--only', 'c', '--failure-mode', 'kill', '--out', 'x']
    expect(readFlags(given, '/home')).toEqual({
      out: '/home/x',
      wanted: {
        what: 'run',
        planFile: '/home/plan.json',
        scale: 0,
        options: { only: ['a', 'b', 'c'], failureMode: 'kill' },
      },
    })
  })

  test('accepts an optional run id', () => {
    const wanted = (...args: string[]) => readFlags(args, '/').wanted
    expect(wanted('--continue')).toEqual({ what: 'continue', runId: undefined, scale: undefined })
    expect(wanted('--continue', 'r1', '--scale', '0')).toEqual({ what: 'continue', runId: 'r1', scale: 0 })
    expect(wanted('--show')).toEqual({ what: 'show', runId: undefined })
    expect(wanted('--delete', 'r1')).toEqual({ what: 'delete', runId: 'r1' })
    expect(wanted('--list')).toEqual({ what: 'list' })
  })

  test('--help prints every flag', () => {
    expect(readFlags(['-h'], '/').wanted.what).toBe('help')
    const flags = [
      '--scale',
      '--only',
      '--failure-mode',
      '--out',
      '--help',
      '--continue',
      '--list',
      '--show',
      '--delete',
    ]
    for (const flag of flags) expect(help.join()).toContain(flag)
  })

  test.each([
    [['--scale', 'fast'], '--scale: expected a number from 0 to 4, got "fast"'],
    [['--scale', ' '], '--scale: expected a number'],
    [['--fast'], "Unknown option '--fast'. For all flags"],
    [['a.json', 'b.json'], 'expected the path of one plan, got 2'],
    [['--only', ','], '--only: expected ids of tasks'],
    [['--failure-mode', 'stop'], 'expected continue, no-new or kill, got "stop"'],
    [['--list', '--continue'], '--list: expected no other command with it, got --continue'],
    [['--list', 'r1'], '--list: expected nothing with it, got "r1"'],
    [['--delete'], '--delete: expected the id of a run, got none'],
    [['--show', 'r1', 'r2'], 'expected the id of one run, got 2: r1, r2'],
    [
      ['--continue', '--only', 'a'],
      '--only: cannot be combined with --continue: the run continues with its original options',
    ],
    [['--show', '--scale', '1'], '--scale: cannot be combined with --show: nothing is started'],
  ])('rejects %j', (args, message) => {
    expect(() => readFlags(args, '/')).toThrow(message)
  })
})
