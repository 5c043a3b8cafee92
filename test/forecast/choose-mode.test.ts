import { describe, expect, test } from 'vitest'
import { chooseMode, type ModeFigures, type ModeOptions } from '../../src/forecast/choose-mode.js'

describe('chooseMode', () => {
  const figures = { serialMs: 600_000, parallelMs: 220_000, speedup: 600 / 220, width: 4, known: 1 }
  const choices: readonly [string, ModeFigures, ModeOptions, string][] = [
    ['parallel where it is faster', figures, {}, 'parallel: parallel takes 220 s instead of 600 s, 2.73 times as fast'],
    [
      'parallel where it costs little more',
      { ...figures, costUsd: 2.4 },
      { maxExtraCostUsd: 0.12 },
      'parallel: parallel takes 220 s instead of 600 s, 2.73 times as fast, for about $0.12 more than the $2.40 of a serial run',
    ],
    [
      'serial where it costs too much',
      { ...figures, costUsd: 2.4 },
      { maxExtraCostUsd: 0.1, parallelCostFactor: 1.08 },
      'serial: parallel would take 220 s instead of 600 s, 2.73 times as fast, but cost about $0.19 more than the $2.40 of a serial run, and at most $0.10 is allowed',
    ],
    [
      'parallel whatever it costs, with a limit of Infinity',
      { ...figures, costUsd: 2.4 },
      { maxExtraCostUsd: Number.POSITIVE_INFINITY },
      'parallel: parallel takes 220 s instead of 600 s, 2.73 times as fast, for about $0.12 more than the $2.40 of a serial run',
    ],
    [
      'serial whatever it gains, with a least speedup of Infinity',
      figures,
      { minSpeedup: Number.POSITIVE_INFINITY },
      'serial: parallel would take 220 s instead of 600 s, 2.73 times as fast, and less than Infinity times is not worth it',
    ],
    [
      'serial where no tasks run at the same time',
      { ...figures, parallelMs: 600_000, speedup: 1, width: 1 },
      {},
      'serial: no tasks would run at the same time: 600 s in either mode',
    ],
    [
      'serial where it is hardly faster',
      { ...figures, parallelMs: 580_000, speedup: 600 / 580 },
      {},
      'serial: parallel would take 580 s instead of 600 s, 1.03 times as fast, and less than 1.1 times is not worth it',
    ],
    [
      'serial where it saves little time',
      { ...figures, serialMs: 40, parallelMs: 20, speedup: 2 },
      { minSavedMs: 60_000 },
      'serial: parallel would take 0.02 s instead of 0.04 s, 2 times as fast, and saving less than 60 s is not worth it',
    ],
    [
      'chosen by the number of steps where no duration is known',
      { ...figures, serialMs: 10, parallelMs: 1, speedup: 10, known: 0 },
      { minSavedMs: 60_000 },
      'parallel: parallel takes 1 step instead of 10 steps, 10 times as fast (no duration is known: every task counts as one step)',
    ],
    [
      'parallel, and the reason says how many durations are known',
      { ...figures, known: 0.999 },
      {},
      'parallel: parallel takes 220 s instead of 600 s, 2.73 times as fast (durations are known for 99 % of the tasks, the others count as average)',
    ],
  ]
  test.each(choices)('is %s', (_title, given, options, expected) => {
    const { mode, reason } = chooseMode(given, options)
    expect(`${mode}: ${reason}`).toBe(expected)
  })

  test('is parallel at exactly minSpeedup, minSavedMs and maxExtraCostUsd', () => {
    const exact = { ...figures, serialMs: 110, parallelMs: 100, speedup: 1.1, costUsd: 1 }
    expect(chooseMode(exact, { minSavedMs: 10, parallelCostFactor: 1.5, maxExtraCostUsd: 0.5 }).mode).toBe('parallel')
  })

  test('rejects an invalid or unknown option', () => {
    const act = (options: object) => () => chooseMode(figures, options)
    expect(act({ minSpeedup: -1 })).toThrow('invalid options of chooseMode: minSpeedup: expected at least 0, got -1')
    expect(act({ minSpedup: 2 })).toThrow('minSpedup: unknown key (did you mean "minSpeedup"?)')
  })
})
