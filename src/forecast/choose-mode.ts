import type { RunMode } from '../core/state/events.js'

/** What is compared to choose a mode: a `Forecast` has it all. */
export interface ModeFigures {
  /** How long all tasks take one after the other, in milliseconds. */
  readonly serialMs: number
  /** How long they take side by side, as far as dependencies and pools allow, in milliseconds. */
  readonly parallelMs: number
  /** `serialMs / parallelMs`: 2 is twice as fast. 1 when there is nothing to run. */
  readonly speedup: number
  /** The most attempts that ever run at once. */
  readonly width: number
  /** The share of the tasks whose durations are known, 0 to 1. With 0 every task counts as one millisecond: the figures compare, and tell no time. */
  readonly known: number
  /** US dollars; not there when no task tells an estimate. */
  readonly costUsd?: number
}

/** When running in parallel is worth it. */
export interface ModeOptions {
  /** How much faster parallel must be: under it, serial. Default 1.1. */
  readonly minSpeedup?: number
  /** How much time parallel must save, in milliseconds. Looked at only where durations are known. Default 0. */
  readonly minSavedMs?: number
  /**
   * What a parallel run costs, by what a serial one does: agents that work side by side know less of each other, and their results
   * have to be brought together. Default 1.05, 5 % more.
   */
  readonly parallelCostFactor?: number
  /** How much more a parallel run may cost, in US dollars. Looked at only where tasks tell their estimates. Default: no bound. */
  readonly maxExtraCostUsd?: number
}

/** A mode, and why it was chosen. */
export interface ModeChoice {
  readonly mode: RunMode
  /** One sentence, with the figures. */
  readonly reason: string
}

/**
 * Chooses how to run, by a forecast: serial where nothing would run side by side, or parallel gains too little or costs too much; else parallel.
 *
 * ```ts
 * const { mode, reason } = chooseMode(forecast(tasks, { pools }), { maxExtraCostUsd: 0.5 })
 * ```
 */
export function chooseMode(figures: ModeFigures, options: ModeOptions = {}): ModeChoice {
  const { minSpeedup = 1.1, minSavedMs = 0, parallelCostFactor = 1.05, maxExtraCostUsd = Infinity } = options
  const { speedup, width, costUsd, known } = figures
  const time = timesOf(figures)
  if (width <= 1) return serial(`nothing would run side by side: ${time.serial} either way${time.caveat}`)
  const faster = `${time.parallel} instead of ${time.serial}, ${round(speedup)} times as fast`
  if (speedup < minSpeedup)
    return serial(`parallel would take ${faster}, and less than ${minSpeedup} times is not worth it${time.caveat}`)
  const savedMs = figures.serialMs - figures.parallelMs
  if (known > 0 && savedMs < minSavedMs)
    return serial(
      `parallel would take ${faster}, and to save less than ${seconds(minSavedMs)} is not worth it${time.caveat}`,
    )
  const extraUsd = costUsd === undefined ? 0 : costUsd * (parallelCostFactor - 1)
  const extra = `about ${dollars(extraUsd)} more than the ${dollars(costUsd ?? 0)} of a serial run`
  // Products of fractions leave a rest.
  if (extraUsd > maxExtraCostUsd + 1e-9)
    return serial(
      `parallel would take ${faster}, but cost ${extra}, and ${dollars(maxExtraCostUsd)} is allowed${time.caveat}`,
    )
  const price = extraUsd > 0 ? `, for ${extra}` : ''
  return { mode: 'parallel', reason: `parallel takes ${faster}${price}${time.caveat}` }
}

function serial(reason: string): ModeChoice {
  return { mode: 'serial', reason }
}

/** Where no duration is known there are steps to count, and no seconds. */
function timesOf({ serialMs, parallelMs, known }: ModeFigures): { serial: string; parallel: string; caveat: string } {
  const time = known > 0 ? seconds : steps
  return { serial: time(serialMs), parallel: time(parallelMs), caveat: caveatOf(known) }
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

/** Three digits are enough to compare. */
function round(value: number): number {
  return value >= 100 ? Math.round(value) : Number(value.toPrecision(3))
}
