import type { OpeningTerms } from './entrance.js'
import type { RunOptions } from './options.js'
import type { Outlook } from './outlook.js'

/** How a run with these options begins. Where all runs `share` a budget each keeps accounts: its attempts reserve their estimates. */
export function openingTerms(options: RunOptions, outlook: Outlook, share: boolean): OpeningTerms {
  const { failureMode, budget, mode, auto, autoFallbackToSerial } = options
  const own = budget ?? (share ? {} : undefined)
  return {
    ...(failureMode && { failureMode }),
    ...(own && { budget: own }),
    ...(autoFallbackToSerial !== undefined && { autoFallbackToSerial }),
    ...(mode && { chooseMode: tasks => outlook.choose(tasks, mode, auto) }),
  }
}
