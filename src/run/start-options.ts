import type { RunBudget } from '../core/budget/budget.js'
import type { AddSignal } from '../core/scheduler/signals.js'
import type { FailureMode } from '../core/state/events.js'
import type { TaskSpec } from '../core/state/task.js'
import type { ModeChoice } from '../forecast/choose-mode.js'
import type { PoolForecast } from '../forecast/pool-forecast.js'
import type { RunOptions } from '../options.js'
import type { CheckedPlan } from '../plan/check-plan.js'

/** How a run starts, besides its plan. */
export interface StartOptions {
  /** Default: that of the plan. */
  readonly failureMode?: FailureMode | undefined
  readonly budget?: RunBudget | undefined
  readonly autoFallbackToSerial?: boolean | undefined
  /** Called with the tasks once their pools are known. */
  chooseMode?(tasks: readonly TaskSpec[]): ModeChoice | undefined
}

/** Where the runs share a budget, a run without one of its own keeps accounts too: its attempts reserve their estimates. */
export function startOptionsOf(options: RunOptions, forecast: PoolForecast, hasSharedBudget: boolean): StartOptions {
  const { failureMode, budget = hasSharedBudget ? {} : undefined, mode, auto, autoFallbackToSerial } = options
  return {
    ...(failureMode && { failureMode }),
    ...(budget && { budget }),
    ...(autoFallbackToSerial !== undefined && { autoFallbackToSerial }),
    ...(mode && { chooseMode: tasks => forecast.choose(tasks, mode, auto) }),
  }
}

/** The signal with which a run starts with these tasks of its plan. */
export function startSignal(plan: CheckedPlan, options: StartOptions, tasks: readonly TaskSpec[]): AddSignal {
  const { name, version, only } = plan
  const { failureMode = plan.failureMode, budget, autoFallbackToSerial } = options
  return {
    type: 'add',
    tasks,
    ...(name !== undefined && { name }),
    ...(version !== undefined && { version }),
    ...(only && { only }),
    ...(failureMode && { failureMode }),
    ...(budget && { budget }),
    ...(autoFallbackToSerial && { autoFallbackToSerial }),
  }
}
