import type { PoolForecast } from '../forecast/pool-forecast.js'
import type { RunOptions } from '../options.js'
import type { OpeningTerms } from './task-intake.js'

/** How a run with these options begins. Where all runs `share` a budget each keeps accounts: its attempts reserve their estimates. */
export function openingTerms(options: RunOptions, outlook: PoolForecast, share: boolean): OpeningTerms {
  const { failureMode, budget, mode, auto, autoFallbackToSerial } = options
  const own = budget ?? (share ? {} : undefined)
  return {
    ...(failureMode && { failureMode }),
    ...(own && { budget: own }),
    ...(autoFallbackToSerial !== undefined && { autoFallbackToSerial }),
    ...(mode && { chooseMode: tasks => outlook.choose(tasks, mode, auto) }),
  }
}
