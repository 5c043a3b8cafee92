import type { Usage } from '../failure/usage.js'
import type { BudgetMeasure, Estimate, ScopedAccount } from './budget.js'

/**
 * The budget of an orchestrator, as one run has it. The run admits its attempts to this account as to its own ones, in the same decision,
 * and counts them in it.
 */
export interface SharedScope extends ScopedAccount {
  /**
   * True when a waiting task of this run may have what has become free: then this run is the last next time. False when other runs have
   * waited longer: they are asked first, then this one, by a signal. `isGiven`: this is that signal.
   */
  takesTurn(isGiven: boolean): boolean
  /** An attempt starts: its estimate is reserved. */
  started(index: number, attempt: number, estimate: Estimate | undefined, at: number): void
  /** The attempt of task `index`, if it has one, ends at `at`: what it used replaces what was reserved. Called before the state changes. */
  ended(index: number, usage: Usage | undefined, at: number): void
  /** A task of the run waits until reservations are settled. */
  waits(): void
  /** The run has reported a bound as reached. */
  reached(level: 'soft' | 'hard', measure: BudgetMeasure): void
  /** This process has taken over the run: what an earlier one had reserved for it is settled, or about to be. */
  recovered(): void
}
