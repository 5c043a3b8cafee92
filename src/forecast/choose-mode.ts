import * as z from 'zod'
import { once } from '../core/once.js'
import type { RunMode } from '../core/state/events.js'
import { checkMembers, checkOptions, type MemberTypes, nonNegative, optionsOf } from '../options-check.js'

/** The figures that decide the mode: a `Forecast` has them. */
export type ModeFigures = {
  /** How long the tasks take one after the other, in milliseconds. */
  readonly serialMs: number
  /** How long they take in parallel, as far as dependencies and pools allow, in milliseconds. */
  readonly parallelMs: number
  /** `serialMs / parallelMs`: 2 is twice as fast. 1 when there is nothing to run. */
  readonly speedup: number
  /** The most attempts that run at once. */
  readonly width: number
  /** The share of the tasks whose durations are known, 0 to 1. With 0 every task counts as one millisecond: the figures can be compared, but are not times. */
  readonly known: number
  /** US dollars; missing when no task has an estimate. */
  readonly costUsd?: number
}

const FIGURES: MemberTypes = {
  serialMs: 'number',
  parallelMs: 'number',
  speedup: 'number',
  width: 'number',
  known: 'number',
}

/** When running in parallel is worth it. */
export type ModeOptions = {
  /** The least speedup for which a run is parallel. Default 1.1. */
  readonly minSpeedup?: number | undefined
  /** The least time that parallel must save, in milliseconds. Ignored where no duration is known. Default 0. */
  readonly minSavedMs?: number | undefined
  /**
   * The cost of a parallel run, as a multiple of a serial one: agents that work at the same time know less of each other's work, and
   * their results have to be merged. Default 1.05, 5 % more.
   */
  readonly parallelCostFactor?: number | undefined
  /** The most that a parallel run may cost more than a serial one, in US dollars. Ignored where no task has an estimate. Default: no limit. */
  readonly maxExtraCostUsd?: number | undefined
}

/** The rule for {@link ModeOptions}. */
export const modeRule: () => z.ZodType = once(() =>
  optionsOf({
    minSpeedup: nonNegative,
    minSavedMs: nonNegative,
    parallelCostFactor: z.number().min(0),
    maxExtraCostUsd: nonNegative,
  }).partial(),
)

/** A mode, and why it was chosen. */
export type ModeChoice = {
  readonly mode: RunMode
  /** One sentence, with the figures. */
  readonly reason: string
}

/**
 * Chooses how to run, by a forecast: serial when nothing can run in parallel, or when parallel gains too little or costs too much; else
 * parallel.
 *
 * ```ts
 * const { mode, reason } = chooseMode(forecast(tasks, { pools }), { maxExtraCostUsd: 0.5 })
 * ```
 *
 * @throws CounterpointError `INVALID_INPUT` for an invalid option.
 */
export function chooseMode(figures: ModeFigures, options: ModeOptions = {}): ModeChoice {
  checkMembers(figures, FIGURES, 'figures')
  checkOptions(modeRule(), options, { of: 'chooseMode' })
  const { minSpeedup = 1.1, minSavedMs = 0, parallelCostFactor = 1.05, maxExtraCostUsd = Infinity } = options
  const { speedup, width, costUsd = 0, known } = figures
  const time = known > 0 ? seconds : steps
  const caveat = caveatOf(known)
  const serial = (reason: string): ModeChoice => ({ mode: 'serial', reason: `${reason}${caveat}` })
  if (width <= 1) return serial(`no tasks would run at the same time: ${time(figures.serialMs)} in either mode`)
  const faster = `${time(figures.parallelMs)} instead of ${time(figures.serialMs)}, ${round(speedup)} times as fast`
  if (speedup < minSpeedup)
    return serial(`parallel would take ${faster}, and less than ${minSpeedup} times is not worth it`)
  if (known > 0 && figures.serialMs - figures.parallelMs < minSavedMs)
    return serial(`parallel would take ${faster}, and saving less than ${seconds(minSavedMs)} is not worth it`)
  const extraUsd = costUsd * (parallelCostFactor - 1)
  const extra = `about ${dollars(extraUsd)} more than the ${dollars(costUsd)} of a serial run`
  // The tolerance absorbs rounding errors.
  if (extraUsd > maxExtraCostUsd + 1e-9)
    return serial(
      `parallel would take ${faster}, but cost ${extra}, and at most ${dollars(maxExtraCostUsd)} is allowed`,
    )
  const price = extraUsd > 0 ? `, for ${extra}` : ''
  return { mode: 'parallel', reason: `parallel takes ${faster}${price}${caveat}` }
}

function caveatOf(known: number): string {
  if (known >= 1) return ''
  if (known <= 0) return ' (no duration is known: every task counts as one step)'
  return ` (durations are known for ${Math.floor(known * 100)} % of the tasks, the others count as average)`
}

function steps(count: number): string {
  return `${round(count)} ${count === 1 ? 'step' : 'steps'}`
}

function seconds(ms: number): string {
  return `${round(ms / 1_000)} s`
}

function dollars(usd: number): string {
  return `$${usd.toFixed(usd > 0 && usd < 0.1 ? 4 : 2)}`
}

/** To three digits. */
function round(value: number): number {
  return value >= 100 ? Math.round(value) : Number(value.toPrecision(3))
}
