import { usageOfAttempt } from '../budget/accounts.js'
import type { Estimate } from '../budget/budget.js'
import { type Failure, isThrottling } from '../failure/failure.js'
import type { Usage } from '../failure/usage.js'
import { isVerdict, type Verdict } from '../failure/verdict.js'
import type { AttemptStarted, BudgetReached, RunEvent } from '../state/events.js'
import { addTask, evolve, makeReady, makeStart, makeSucceed, stamp } from '../state/evolve.js'
import type { History } from '../state/history.js'
import { idempotencyKey } from '../state/idempotency-key.js'
import { adoptPlan } from '../state/new-state.js'
import type { RunState } from '../state/run-state.js'
import type { Feedback, HoldReason, StopReason, Tally, TaskSpec } from '../state/task.js'
import type { PreparedPlan } from './prepared-plan.js'
import type { Signal, StartSignal, SucceedSignal } from './signals.js'
import type { TriggerRule } from './trigger-rule.js'

/** What a failure handler is told besides the failure itself. */
export interface FailureFacts {
  readonly runId: string
  readonly task: TaskSpec
  /** The attempt that failed, from 1. */
  readonly attempt: number
  /** How many attempts had failed by themselves before. */
  readonly failures: number
  /** How many had been turned away before (throttled, overloaded, quota). */
  readonly throttled: number
  /** How many had been interrupted before. */
  readonly interrupted: number
  /** How many had been passed on to another backend before. */
  readonly failovers: number
  /** How many had been fed back to the agent before. */
  readonly repairs: number
  /** What this attempt had been told of an earlier failure. */
  readonly feedback: Feedback | undefined
  /** How many other backends of the pool could take the next attempt now. */
  readonly alternatives: number
  /** A number in [0, 1), drawn when called. */
  readonly random: () => number
}

/** Gives the verdict on a failed attempt. Pure but for `facts.random`. */
export type JudgeFailure = (failure: Failure, facts: FailureFacts) => Verdict

/** What comes into a decision from outside. */
export interface DecideContext {
  /** The time of the events, in milliseconds since 1970. */
  readonly at: number
  /** Gives numbers in [0, 1). */
  readonly random: () => number
  /** The failure handler. */
  readonly judge: JudgeFailure
}

type Unstamped<E> = E extends RunEvent ? Omit<E, 'seq' | 'at' | 'runId'> : never
/** An event to which something may be put: to spread it costs more than to make it. */
type Draft<E> = { -readonly [K in keyof E]: E[K] }
type RunLevel = Extract<RunEvent, { readonly type: `run.${string}` | `budget.${string}` }>

/**
 * The decisions of one run, one at a time in the making. Each event is folded the moment it is decided, so the next step of the same decision sees it:
 * a handler never has to guess what its own events will do. What it decides is written to a history.
 */
export class Decision {
  readonly state: RunState
  readonly history: History
  readonly context: DecideContext
  #at = 0

  constructor(state: RunState, history: History, context: DecideContext) {
    this.state = state
    this.history = history
    this.context = context
  }

  /** Once for each signal, with the time that the context has now: a decision is made again and again for the signals of one run. */
  begin(): void {
    this.#at = Math.max(this.context.at, this.state.at)
  }

  runEvent(event: Unstamped<RunLevel>): void {
    const { type, ...rest } = event
    this.#emit({ type, seq: this.state.seq + 1, at: this.#at, runId: this.state.runId, ...rest } as RunEvent)
  }

  added(spec: TaskSpec, bound: boolean): void {
    const { state } = this
    const index = state.specs.length
    addTask(state, spec, bound)
    stamp(state, this.#at)
    this.history.added(index, this.#at, bound)
  }

  /** All tasks of a wiring are added, the first of the run. */
  addedAll(wiring: PreparedPlan, bound: ReadonlySet<string> | undefined): void {
    const { state } = this
    adoptPlan(state, wiring.initialState)
    const { length } = state.specs
    // Mostly four events a task: added, ready, started, succeeded.
    this.history.reserve(4 * length + 8)
    for (let index = 0; index < length; index++) {
      const isBound = bound !== undefined && bound.size > 0 && bound.has(this.#id(index))
      if (isBound) state.bound.add(index)
      stamp(state, this.#at)
      this.history.added(index, this.#at, isBound)
    }
  }

  /** It was held, and a person lets it go. */
  approved(index: number, by: string | undefined): void {
    this.#emit({ type: 'task.ready', ...this.#task(index), approved: true, ...(by !== undefined && { by }) })
  }

  held(index: number, reason: HoldReason, failure?: Failure): void {
    this.#emit({ type: 'task.held', ...this.#task(index), reason, ...(failure && { failure }) })
  }

  /** It waits for what others have reserved. */
  heldForReservation(index: number, estimate: Estimate | undefined): void {
    this.#emit({ type: 'task.held', ...this.#task(index), reason: 'reserved', ...(estimate && { estimate }) })
  }

  budgetReached(event: Omit<BudgetReached, 'type' | 'seq' | 'at' | 'runId'>): void {
    this.runEvent({ type: 'budget.reached', ...event })
  }

  ready(index: number): void {
    makeReady(this.state, index, this.#at, false)
    stamp(this.state, this.#at)
    this.history.ready(index, this.#at)
  }

  /** Gives the number of the attempt. Where there are budgets, its estimate is set aside. */
  started({ index, pool, backend, input, estimate, failure }: StartSignal): number {
    const { state } = this
    const { attempts, repairs } = state.tallies[index] as Tally
    const attempt = attempts + 1
    // One whose input failed never comes to its backend, and uses nothing.
    const reserved = state.accounts && estimate && !failure ? estimate : undefined
    const spec = state.specs[index] as TaskSpec
    if (attempt === 1 && reserved === undefined && input === (spec.input ?? null) && pool === spec.pool) {
      makeStart(state, index, this.#at, attempt, pool, backend, input, undefined)
      stamp(state, this.#at)
      this.history.started(index, this.#at, pool, backend)
      return attempt
    }
    const event: Draft<AttemptStarted> = {
      type: 'attempt.started',
      seq: state.seq + 1,
      at: this.#at,
      runId: state.runId,
      taskId: spec.id,
      index,
      attempt,
      pool,
      backend,
      key: idempotencyKey(state.runId, spec.id, repairs + 1),
      input,
    }
    if (reserved) event.reserved = reserved
    this.#emit(event)
    return attempt
  }

  succeeded({ index, attempt, output, usage: reported }: SucceedSignal): void {
    const { state } = this
    makeSucceed(state, index, this.#at, attempt, output, usageOfAttempt(state, index, reported))
    stamp(state, this.#at)
    this.history.succeeded(index, this.#at)
  }

  stopping(index: number, attempt: number, reason: StopReason): void {
    this.#emit({ type: 'attempt.stopping', ...this.#task(index), attempt, reason })
  }

  abandoned(index: number, attempt: number): void {
    this.#emit({ type: 'attempt.abandoned', ...this.#task(index), attempt })
  }

  failed(index: number, attempt: number, failure: Failure, verdict: Verdict, reported: Usage | undefined): void {
    // What was turned away was not worked on.
    const usage = isThrottling(failure) ? reported : usageOfAttempt(this.state, index, reported)
    this.#emit({
      type: 'attempt.failed',
      ...this.#task(index),
      attempt,
      failure,
      verdict,
      ...(usage !== undefined && { usage }),
    })
  }

  delayed(index: number, delayMs: number, failure: Failure): void {
    this.#emit({ type: 'task.delayed', ...this.#task(index), until: this.#at + delayMs, failure })
  }

  dead(index: number, failure: Failure): void {
    this.#emit({ type: 'task.dead', ...this.#task(index), failure })
  }

  skipped(index: number, rootCause: string, rule?: TriggerRule): void {
    this.#emit({ type: 'task.skipped', ...this.#task(index), rootCause, ...(rule && { rule }) })
  }

  cancelled(index: number, reason: string, reported?: Usage): void {
    const usage = usageOfAttempt(this.state, index, reported)
    this.#emit({ type: 'task.cancelled', ...this.#task(index), reason, ...(usage !== undefined && { usage }) })
  }

  /** The host's judge may throw or answer nonsense: then the task is dead, and says why. */
  verdict(index: number, attempt: number, failure: Failure, alternatives: number): Verdict {
    const { failures, throttled, interrupted, failovers, repairs, feedback } = this.state.tallies[index] as Tally
    const { random, judge } = this.context
    const task = this.state.specs[index] as TaskSpec
    const counted = { failures, throttled, interrupted, failovers, repairs, feedback }
    try {
      const verdict = judge(failure, { runId: this.state.runId, task, attempt, ...counted, alternatives, random })
      return isVerdict(verdict) ? verdict : { action: 'dead', reason: 'the failure handler gave no valid verdict' }
    } catch {
      return { action: 'dead', reason: 'the failure handler threw' }
    }
  }

  #id(index: number): string {
    return (this.state.specs[index] as TaskSpec).id
  }

  #task(index: number): { seq: number; at: number; runId: string; taskId: string; index: number } {
    return { seq: this.state.seq + 1, at: this.#at, runId: this.state.runId, taskId: this.#id(index), index }
  }

  #emit(event: RunEvent): void {
    evolve(this.state, event)
    this.history.push(event)
  }
}

/** What follows from a signal, as events. `decide` is the default. */
export type Decide = (state: RunState, signal: Signal, context: DecideContext) => RunEvent[]
