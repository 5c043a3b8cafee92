import { isAmount } from '../amount.js'
import { usageOfAttempt } from '../budget/accounts.js'
import type { Estimate } from '../budget/budget.js'
import type { SharedScope } from '../budget/shared-scope.js'
import { type Failure, isThrottling } from '../failure/failure.js'
import type { JudgeFailure, PoolFacts } from '../failure/failure-facts.js'
import type { OutputTails } from '../failure/output-tails.js'
import type { Usage } from '../failure/usage.js'
import { type Verdict, verdictBy } from '../failure/verdict.js'
import type { AttemptStarted, BoundPart, BudgetReached, RunEvent } from '../state/events.js'
import { addTask, advance, evolve, makeReady, startAttempt, succeed } from '../state/evolve.js'
import type { History } from '../state/history.js'
import { keyOfTask } from '../state/idempotency-key.js'
import type { BoundParts, RunState } from '../state/run-state.js'
import { addSharedPlan } from '../state/shared-plan.js'
import type { HoldReason, StopReason, Tally, TaskSpec } from '../state/task.js'
import { assignedTo } from './assigned.js'
import type { PreparedPlan } from './prepared-plan.js'
import { shortText } from './short-text.js'
import type { StartSignal, SucceedSignal } from './signals.js'
import type { TriggerRule } from './trigger-rule.js'

/** What a decision depends on besides the state and the signal. */
export interface DecideContext {
  /** The time of the events, in milliseconds since 1970. */
  readonly at: number
  /** Returns numbers in [0, 1). */
  readonly random: () => number
  /** The failure handler. */
  readonly judge: JudgeFailure
  /** It threw, or returned no valid verdict. */
  readonly onJudgeFailed?: ((error: unknown) => void) | undefined
  /** The budget that all runs of the orchestrator share. */
  readonly shared?: SharedScope | undefined
}

/** An event without the members that the decision fills in. */
type Content<E> = E extends RunEvent ? Omit<E, 'seq' | 'at' | 'runId'> : never
type RunLevelEvent = Extract<RunEvent, { readonly type: `run.${string}` | `budget.${string}` }>
type TaskEventType = Extract<RunEvent, { readonly index: number }>['type']

/** The members of every event about a task. */
interface TaskEventHead<T extends TaskEventType> {
  readonly type: T
  readonly seq: number
  readonly at: number
  readonly runId: string
  readonly taskId: string
  readonly index: number
}

/**
 * Makes the events of a run. Each event is folded as soon as it is made, so that the next step of the same decision sees its effect, and
 * then appended to the history. One instance serves all signals of a run.
 */
export class Decision {
  readonly state: RunState
  readonly history: History
  readonly context: DecideContext
  #at = 0

  /** @param history The events are appended to it. */
  constructor(state: RunState, history: History, context: DecideContext) {
    this.state = state
    this.history = history
    this.context = context
  }

  /** Starts the decision on the next signal at the time of the context. The time of events never goes back, nor on to no number. */
  begin(): void {
    const { at } = this.context
    this.#at = at > this.state.at && isAmount(at) ? at : this.state.at
  }

  runEvent(content: Content<RunLevelEvent>): void {
    const { type, ...rest } = content
    this.#emit({ type, seq: this.state.seq + 1, at: this.#at, runId: this.state.runId, ...rest } as RunEvent)
  }

  budgetReached(content: Omit<BudgetReached, 'type' | 'seq' | 'at' | 'runId'>): void {
    this.runEvent({ type: 'budget.reached', ...content })
    if (content.scope === 'orchestrator') this.context.shared?.reached(content.level, content.measure)
  }

  /** `planned`: the task as it is in its graph, where it got a pool or defaults. */
  added(spec: TaskSpec, bound: readonly BoundPart[] | undefined, planned: TaskSpec | undefined): void {
    addTask(this.state, spec, bound, assignedTo(spec, planned))
    advance(this.state, this.#at)
    this.history.added(this.state.specs.length - 1, this.#at)
  }

  /** Adds all tasks of a prepared plan to a run without tasks. */
  planAdded({ initialState }: PreparedPlan, bound?: BoundParts): void {
    addSharedPlan(this.state, initialState, this.#at, bound)
    const { length } = this.state.specs
    for (let index = 0; index < length; index++) this.history.added(index, this.#at)
  }

  ready(index: number): void {
    makeReady(this.state, index, this.#at, false)
    advance(this.state, this.#at)
    this.history.ready(index, this.#at)
  }

  /** A held task is ready because a person, `by`, approved it. */
  approved(index: number, by: string | undefined): void {
    this.#emit({ ...this.#head('task.ready', index), approved: true, ...(by !== undefined && { by: shortText(by) }) })
  }

  held(index: number, reason: HoldReason, failure?: Failure): void {
    this.#emit({ ...this.#head('task.held', index), reason, ...(failure && { failure }) })
  }

  /** The task is held until reservations of other attempts are settled. */
  heldForReservation(index: number, estimate: Estimate | undefined): void {
    this.#emit({ ...this.#head('task.held', index), reason: 'reserved', ...(estimate && { estimate }) })
    this.context.shared?.waits()
  }

  /** Returns the number of the attempt. */
  started(signal: StartSignal): number {
    const { state } = this
    const { index, pool, backend, input, estimate, failure } = signal
    const { id: taskId, input: ownInput = null, pool: ownPool } = state.specs[index] as TaskSpec
    const attempt = (state.tallies[index] as Tally).attempts + 1
    // An attempt whose input could not be made never reaches its backend and uses nothing.
    const { shared } = this.context
    const reserved = (state.accounts || shared) && failure === undefined ? estimate : undefined
    if (failure === undefined) shared?.started(index, attempt, reserved, this.#at)
    if (attempt === 1 && reserved === undefined && input === ownInput && pool === ownPool) {
      startAttempt(state, this.#at, signal, attempt, undefined)
      advance(state, this.#at)
      this.history.started(index, this.#at, backend)
    } else {
      const key = keyOfTask(state, index)
      const { runId, seq } = state
      // No spread, which takes a microsecond: with a budget or an input function every attempt starts here.
      const event: AttemptStarted & { reserved?: Estimate } = {
        type: 'attempt.started',
        seq: seq + 1,
        at: this.#at,
        runId,
        taskId,
        index,
        attempt,
        pool,
        backend,
        key,
        input,
      }
      if (reserved) event.reserved = reserved
      this.#emit(event)
    }
    return attempt
  }

  succeeded(signal: SucceedSignal): void {
    const { state } = this
    const usage = usageOfAttempt(state, signal.index, signal.usage)
    this.context.shared?.ended(signal.index, usage, this.#at)
    succeed(state, this.#at, signal, usage)
    advance(state, this.#at)
    this.history.succeeded(signal.index, this.#at, signal.tails)
  }

  stopping(index: number, attempt: number, reason: StopReason): void {
    this.#emit({ ...this.#head('attempt.stopping', index), attempt, reason })
  }

  abandoned(index: number, attempt: number): void {
    this.#emit({ ...this.#head('attempt.abandoned', index), attempt })
  }

  failed(index: number, attempt: number, failure: Failure, verdict: Verdict, reported: Usage | undefined): void {
    // A throttled attempt was not worked on: its estimate does not count as used.
    const usage = isThrottling(failure) ? reported : usageOfAttempt(this.state, index, reported)
    this.context.shared?.ended(index, usage, this.#at)
    this.#emit({ ...this.#head('attempt.failed', index), attempt, failure, verdict, ...(usage && { usage }) })
  }

  delayed(index: number, delayMs: number, failure: Failure): void {
    this.#emit({ ...this.#head('task.delayed', index), until: this.#at + delayMs, failure })
  }

  dead(index: number, failure: Failure): void {
    this.#emit({ ...this.#head('task.dead', index), failure })
  }

  skipped(index: number, rootCause: string, rule?: TriggerRule): void {
    this.#emit({ ...this.#head('task.skipped', index), rootCause, ...(rule && { rule }) })
  }

  cancelled(index: number, reason: string, reported?: Usage, tails?: OutputTails): void {
    const usage = usageOfAttempt(this.state, index, reported)
    this.context.shared?.ended(index, usage, this.#at)
    const short = shortText(reason, this.state.specs.length)
    const rest = { ...(usage && { usage }), ...(tails && { tails }) }
    this.#emit({ ...this.#head('task.cancelled', index), reason: short, ...rest })
  }

  /** The verdict of the failure handler. When it throws or returns no valid verdict, the task is dead and the reason says so. */
  verdict(index: number, attempt: number, failure: Failure, { alternatives = 0, refusals }: PoolFacts): Verdict {
    const { failures, throttled, interrupted, failovers, repairs, feedback } = this.state.tallies[index] as Tally
    const { random, judge, onJudgeFailed } = this.context
    const task = this.state.specs[index] as TaskSpec
    const tally = { failures, throttled, interrupted, failovers, repairs, feedback }
    const facts = { runId: this.state.runId, task, attempt, ...tally, alternatives, refusals, random }
    return verdictBy(() => judge(failure, facts), onJudgeFailed)
  }

  #head<T extends TaskEventType>(type: T, index: number): TaskEventHead<T> {
    const { seq, runId, specs } = this.state
    return { type, seq: seq + 1, at: this.#at, runId, taskId: (specs[index] as TaskSpec).id, index }
  }

  #emit(event: RunEvent): void {
    evolve(this.state, event)
    this.history.push(event)
  }
}
