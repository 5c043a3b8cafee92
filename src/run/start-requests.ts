import type { SharedBudget } from '../budget/shared-budget.js'
import type { Estimate } from '../core/budget/budget.js'
import type { Failure } from '../core/failure/failure.js'
import type { Json } from '../core/json.js'
import { isDegraded } from '../core/scheduler/budget-gate.js'
import type { Signal, StartSignal } from '../core/scheduler/signals.js'
import { EMPTY_TALLY } from '../core/state/new-state.js'
import type { RunState } from '../core/state/run-state.js'
import type { Tally, TaskSpec } from '../core/state/task.js'
import type { AttemptRequirements } from '../pools/run-queue.js'
import type { Attempts } from './attempt/attempts.js'

/** What {@link StartRequests} work with. */
export interface StartRequestsOptions {
  readonly head: RunState
  readonly attempts: Attempts
  /** What all runs together may use. */
  readonly budget: SharedBudget | undefined
  send(signal: Signal): void
  /** What the most wanted backend of a pool says that an attempt uses. */
  firstEstimate(pool: string): Estimate | undefined
}

/** What nearly every first attempt asks. */
const FIRST: AttemptRequirements = { isRetry: false, tokens: 0 }

/** What an attempt asks of its pool, and the signal that starts it once the budget of all runs has room for it. */
export class StartRequests {
  readonly #setup: StartRequestsOptions
  readonly #head: RunState
  readonly #attempts: Attempts
  readonly #budget: SharedBudget | undefined
  readonly #start: (signal: Signal) => void
  /** Tasks for which there was no room on the backend that they were given. */
  readonly #short = new Set<number>()

  constructor(setup: StartRequestsOptions) {
    this.#setup = setup
    this.#head = setup.head
    this.#attempts = setup.attempts
    this.#budget = setup.budget
    this.#start = setup.send
  }

  /** Undefined when the task is no longer ready. */
  terms(index: number): AttemptRequirements | undefined {
    const head = this.#head
    if (head.states[index]?.status !== 'ready') return undefined
    const { estimate } = head.specs[index] as TaskSpec
    const isDegraded = this.#isDegraded(index)
    if (head.tallies[index] === EMPTY_TALLY && estimate === undefined && !isDegraded) return FIRST
    const { failures, throttled, failovers, repairs, failedOverFrom } = head.tallies[index] as Tally
    return {
      // What our own end interrupted is no retry of a failure.
      isRetry: failures + throttled + failovers + repairs > 0,
      tokens: estimate?.tokens ?? 0,
      ...(failedOverFrom !== undefined && { after: failedOverFrom }),
      ...(isDegraded && { cheapest: true }),
    }
  }

  /** The input is there, or the failure that it is. */
  send(index: number, input: Json, failure?: Failure): void {
    const { pool = '' } = this.#head.specs[index] as TaskSpec
    const backend = this.#attempts.of(index)?.lease.backendName ?? pool
    if (failure) this.#start({ type: 'start', index, pool, backend, input, failure })
    else if (this.#head.accounts === undefined && this.#budget === undefined)
      this.#start({ type: 'start', index, pool, backend, input })
    else this.#spend({ type: 'start', index, pool, backend, input })
  }

  #spend(start: StartSignal): void {
    const [budget, attempts, head, send] = [this.#budget, this.#attempts, this.#head, this.#start]
    const { index } = start
    const attempt = attempts.of(index)
    const estimate = this.#estimateOf(index)
    const degraded = this.#isDegraded(index)
    // Another backend than the first one may be what does not fit: it goes back, and to the cheapest the next time.
    if (!degraded && this.#isShort(index, estimate)) this.#short.add(index)
    const { pool, backend, input } = start
    const signal: { -readonly [K in keyof StartSignal]: StartSignal[K] } = {
      type: 'start',
      index,
      pool,
      backend,
      input,
    }
    if (estimate) signal.estimate = estimate
    if (degraded) signal.degraded = true
    const goOn = (): void => send(signal)
    if (budget === undefined) return goOn()
    // It may be long before it is said: meanwhile the task may have lost its slot.
    const isThere = (): boolean => attempt !== undefined && attempts.of(index) === attempt
    budget.request({
      state: head,
      index,
      estimate,
      degraded,
      onReserved: () => isThere() && goOn(),
      onNotice: notice => isThere() && send({ type: 'exhaust', index, ...notice }),
    })
  }

  /** That of its backend, where it says so; a degraded attempt goes where the estimate of the task no longer holds. */
  #estimateOf(index: number): Estimate | undefined {
    const ofBackend = this.#attempts.of(index)?.lease.backend.estimate
    return ofBackend ?? (this.#isDegraded(index) ? undefined : this.#head.specs[index]?.estimate)
  }

  /** By what an attempt on the most wanted backend would use: the same before the claim and after it. */
  #isDegraded(index: number): boolean {
    if (this.#head.accounts === undefined && this.#budget === undefined) return false
    const { pool = '', estimate } = this.#head.specs[index] as TaskSpec
    return this.#short.has(index) || this.#isShort(index, this.#setup.firstEstimate(pool) ?? estimate)
  }

  #isShort(index: number, expected: Estimate | undefined): boolean {
    const { pool = '' } = this.#head.specs[index] as TaskSpec
    return isDegraded(this.#head, index, pool, expected) || this.#budget?.prefersCheapest(expected) === true
  }
}
