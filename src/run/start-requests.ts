import type { AgentBackend } from '../backends/agent-backend.js'
import { estimateOf } from '../backends/estimate.js'
import type { RunShare } from '../budget/run-share.js'
import { accountsOf } from '../core/budget/accounts.js'
import { prefersCheapest } from '../core/budget/admission.js'
import type { Estimate } from '../core/budget/budget.js'
import type { Failure } from '../core/failure/failure.js'
import type { Json } from '../core/json.js'
import type { Signal, StartSignal } from '../core/scheduler/signals.js'
import type { RunState } from '../core/state/run-state.js'
import type { Tally, TaskSpec } from '../core/state/task.js'
import type { TaskBinding } from '../plan/bindings.js'
import type { OpenPool } from '../pools/pool-options.js'
import type { AttemptRequirements } from '../pools/run-queue.js'
import type { Attempts } from './attempt/attempts.js'
import { estimateIssues } from './attempt/backend-problems.js'

/** What {@link StartRequests} work with. */
export interface StartRequestsOptions {
  readonly head: RunState
  readonly attempts: Attempts
  readonly pools: ReadonlyMap<string, OpenPool>
  /** The budget that all runs of the orchestrator share. */
  readonly budget: RunShare | undefined
  /** The functions and the schema of task `index`; undefined when it has none. */
  binding(index: number): TaskBinding | undefined
  send(signal: Signal): void
}

/** What nearly every attempt requires. */
const FIRST_ATTEMPT: AttemptRequirements = { isRetry: false, tokens: 0 }

/** What an attempt requires of its pool, and the signal that starts it once the shared budget has room for it. */
export class StartRequests {
  readonly #options: StartRequestsOptions
  readonly #head: RunState
  readonly #budget: RunShare | undefined
  /** Tasks whose attempt on the backend that they were given did not fit into a budget: they get the cheapest backend next. */
  readonly #tooExpensive = new Set<number>()

  constructor(options: StartRequestsOptions) {
    this.#options = options
    this.#head = options.head
    this.#budget = options.budget
  }

  /** Undefined when the task is no longer ready. */
  requirements(index: number): AttemptRequirements | undefined {
    if (this.#head.states[index]?.status !== 'ready') return undefined
    const { failures, throttled, failovers, repairs, failedOverFrom, wasRefused } = this.#head.tallies[index] as Tally
    // An attempt that our own process interrupted, or that the provider did not accept, does not make the next one a retry.
    const isRetry = failures + throttled + failovers + repairs > 0 && !wasRefused
    const tokens = this.#spec(index).estimate?.tokens ?? 0
    const isDegraded = this.#isDegraded(index)
    const run = this.#options.binding(index)?.run
    if (failedOverFrom === undefined && !isDegraded && !isRetry && !wasRefused && tokens === 0 && !run)
      return FIRST_ATTEMPT
    const requirements: { -readonly [K in keyof AttemptRequirements]: AttemptRequirements[K] } = { isRetry, tokens }
    if (failedOverFrom !== undefined) requirements.after = failedOverFrom
    if (wasRefused) requirements.wasRefused = true
    if (isDegraded) requirements.cheapest = true
    if (run) requirements.run = run
    return requirements
  }

  /** Starts the attempt of a task that has a slot, with its input; or with the failure to make one. */
  send(index: number, input: Json, failure?: Failure): void {
    const { pool = '' } = this.#spec(index)
    const backend = this.#options.attempts.get(index)?.lease.backendName ?? pool
    const start: StartSignal = { type: 'start', index, pool, backend, input }
    if (failure) this.#options.send({ ...start, failure })
    else if (this.#hasBudget) this.#sendWithinBudget(start)
    else this.#options.send(start)
  }

  /** The pool of a ready task does not exist: its start fails. */
  sendWithoutPool(index: number): void {
    const { pool } = this.#spec(index)
    const known = [...this.#options.pools.keys()].join(', ')
    const problem = pool === undefined ? 'the task names no pool and none could be found' : `there is no pool "${pool}"`
    this.send(index, null, { kind: 'bad-input', code: 'NO_POOL', message: `${problem}; pools: ${known}` })
  }

  get #hasBudget(): boolean {
    return this.#head.accounts !== undefined || this.#budget !== undefined
  }

  #sendWithinBudget(start: StartSignal): void {
    const { attempts, send } = this.#options
    const { index } = start
    const attempt = attempts.get(index)
    // It may take long until the shared budget is known: the task may have lost its slot by then.
    const onOpen = (): void => void (attempt && attempts.get(index) === attempt && this.#sendWithinBudget(start))
    if (this.#budget?.isOpen(onOpen) === false) return
    const degraded = this.#isDegraded(index)
    // A cheaper backend may use less than the task states; the function of a task has no cheaper variant.
    const isCheaper = degraded && !this.#options.binding(index)?.run
    const estimate =
      this.#statedBy(index, attempt?.lease.backend) ?? (isCheaper ? undefined : this.#spec(index).estimate)
    // It may fit on the first backend of the pool and not on this one: then the task gives its slot back.
    if (!degraded && this.#doesNotFit(index, estimate)) this.#tooExpensive.add(index)
    const signal: StartSignal & { estimate?: Estimate; degraded?: boolean } = start
    if (estimate) signal.estimate = estimate
    if (degraded) signal.degraded = true
    send(signal)
  }

  /** Decided by what an attempt on the first backend of the pool would use, so that it is the same before the claim and after it. */
  #isDegraded(index: number): boolean {
    if (!this.#hasBudget) return false
    const { pool = '', estimate } = this.#spec(index)
    const backend = this.#options.binding(index)?.run ? undefined : this.#options.pools.get(pool)?.pool.backend
    const expected = estimateOf(backend) ?? estimate
    return this.#tooExpensive.has(index) || this.#doesNotFit(index, expected)
  }

  /** What the backend states, as far as it can be read. What cannot is reported once. */
  #statedBy(index: number, backend: AgentBackend | undefined): Estimate | undefined {
    return estimateOf(backend, unreadable =>
      this.#options.attempts.onBackendProblem(index, 'estimate', () => estimateIssues(backend, unreadable)),
    )
  }

  #doesNotFit(index: number, expected: Estimate | undefined): boolean {
    const { pool = '' } = this.#spec(index)
    const own = accountsOf(this.#head, index, pool)
    return prefersCheapest(this.#budget ? [this.#budget, ...own] : own, expected)
  }

  #spec(index: number): TaskSpec {
    return this.#head.specs[index] as TaskSpec
  }
}
