import assert from 'node:assert/strict'
import type { EventOf, Outcome, RunEvent, TaskSpec, Verdict } from 'counterpoint'
import type { RunEventType } from '../../src/core/state/events.js'
import { airflow, doneAs } from './airflow.js'
import { UsageLedger } from './usage-ledger.js'

type Where = 'blocked' | 'ready' | 'held' | 'live' | 'failed' | 'delayed' | 'over'

/** The state of one task according to a history. Independent of the library's own fold, which is checked against it. */
interface CheckedTask {
  readonly id: string
  readonly spec: TaskSpec
  where: Where
  attempt: number
  /** Incremented with each failure that is fed back, because the request changes. */
  round: number
  approved: boolean
  heldFor: string | undefined
  /** The number of ended attempts and changed budgets when it was held. */
  heldAfter: number
  stopping: 'timeout' | 'cancel' | 'interrupt' | undefined
  abandoned: boolean
  owed: Verdict | undefined
  end: RunEvent | undefined
}

/** The result of {@link checkHistory}. */
export interface CheckedHistory {
  readonly outcome: Outcome | undefined
  /** The terminal event of each task that has one. */
  readonly ends: ReadonlyMap<string, RunEvent>
  readonly attempts: number
}

/** Checks a complete history. Throws an AssertionError that names the event. */
export function checkHistory(
  events: readonly RunEvent[],
  options: { readonly settled?: boolean } = {},
): CheckedHistory {
  const checker = new Checker()
  for (const event of events) {
    try {
      checker.take(event)
    } catch (error) {
      if (error instanceof Error) error.message = `${JSON.stringify(event)}: ${error.message}`
      throw error
    }
  }
  if (options.settled ?? true)
    assert.equal(events.at(-1)?.type, 'run.settled', 'the run has settled, and that is the last event')
  return checker.found()
}

type Phase = 'none' | 'running' | 'paused' | 'draining' | 'suspended' | 'fail-fast' | 'budget' | 'cancelled' | 'settled'

class Checker {
  readonly #tasks = new Map<string, CheckedTask>()
  readonly #ledger = new UsageLedger()
  readonly #live = new Set<string>()
  #seq = 0
  #at = 0
  /** The time of the last event of the previous process. */
  #leftAt = 0
  /** Tasks whose attempts ran when the previous process ended, until their interruption is recorded. */
  readonly #orphans = new Set<string>()
  #epoch = 1
  #runId = ''
  #phase: Phase = 'none'
  #serial = false
  /** The run was paused when it began to drain, and will be paused when it is resumed. */
  #pausedBefore = false
  #outcome: Outcome | undefined
  #attempts = 0
  /** The number of ended attempts and changed budgets: only these can free budget. */
  #releases = 0
  /** The task whose next event must come immediately. */
  #due: CheckedTask | undefined
  /** The required next event, and why. */
  #next: { readonly type: RunEventType; readonly why: string } | undefined

  take(event: RunEvent): void {
    assert.equal(event.seq, ++this.#seq, 'seq has no gap')
    assert.ok(event.at >= this.#at, 'at never decreases')
    assert.notEqual(this.#phase, 'settled', 'nothing comes after run.settled')
    if (this.#phase === 'suspended')
      assert.equal(event.type, 'run.recovered', 'a suspended run does nothing until it is recovered')
    if (event.type === 'run.recovered') {
      this.#leftAt = this.#at
      for (const taskId of this.#live) this.#orphans.add(taskId)
    }
    this.#at = event.at
    if (this.#seq === 1) this.#runId = event.runId
    assert.equal(event.runId, this.#runId, 'a history is about one run')
    if (this.#due)
      assert.equal('taskId' in event && event.taskId, this.#due.id, `the next event is about ${this.#due.id}`)
    if (this.#next) assert.equal(event.type, this.#next.type, this.#next.why)
    this.#due = undefined
    this.#next = undefined
    const check = this.#checks[event.type] as (event: RunEvent) => void
    check(event)
  }

  found(): CheckedHistory {
    const ends = new Map<string, RunEvent>()
    for (const { id, end } of this.#tasks.values()) if (end) ends.set(id, end)
    return { outcome: this.#outcome, ends, attempts: this.#attempts }
  }

  readonly #checks: { readonly [T in RunEventType]: (event: EventOf<T>) => void } = {
    'run.started': ({ budget }) => {
      this.#enter(['none'], 'running')
      if (budget) this.#ledger.change(budget)
    },
    'run.mode-chosen': ({ mode, reason }) => {
      this.#enter(['running', 'paused', 'draining', 'fail-fast', 'budget', 'cancelled'], this.#phase)
      assert.ok(reason.length > 0, 'a mode has a reason')
      this.#serial = mode === 'serial'
    },
    'run.paused': () => this.#enter(['running'], 'paused'),
    'run.unpaused': () => this.#enter(['paused'], 'running'),
    'run.stopping': ({ cause: reason }) => {
      const from = ['running', 'paused', 'draining']
      this.#enter(reason === 'cancelled' ? [...from, 'fail-fast', 'budget'] : from, reason)
    },
    'run.draining': () => {
      this.#pausedBefore = this.#phase === 'paused'
      this.#enter(['running', 'paused'], 'draining')
    },
    'run.suspended': () => {
      this.#enter(['draining'], 'suspended')
      assert.equal(this.#live.size, 0, 'no attempt runs in a suspended run')
      const tasks = [...this.#tasks.values()]
      assert.ok(
        tasks.some(task => task.end === undefined),
        'a run without unfinished tasks settles instead of being suspended',
      )
    },
    'run.recovered': ({ epoch }) => {
      assert.equal(epoch, ++this.#epoch, 'each recovery has the next epoch')
      if (this.#phase === 'draining' || this.#phase === 'suspended')
        this.#phase = this.#pausedBefore ? 'paused' : 'running'
    },
    'run.settled': event => this.#settled(event),
    'budget.changed': ({ budget }) => {
      this.#releases++
      this.#ledger.change(budget)
    },
    'budget.reached': event => this.#reached(event),
    'task.added': event => this.#added(event),
    'task.ready': event => this.#ready(event),
    'task.held': event => this.#held(event),
    'attempt.started': event => this.#started(event),
    'attempt.stopping': ({ taskId, attempt, reason }) => {
      const task = this.#attempt(taskId, attempt)
      assert.notEqual(task.stopping, 'cancel', 'an attempt is cancelled once')
      task.stopping = reason.kind
    },
    'attempt.abandoned': ({ taskId, attempt }) => {
      const task = this.#attempt(taskId, attempt)
      assert.ok(task.stopping !== undefined && !task.abandoned, 'abandoned once, and only while it is being stopped')
      task.abandoned = true
      this.#due = task
    },
    'attempt.failed': event => this.#failed(event),
    'task.delayed': ({ taskId, until, at }) => {
      const { owed } = this.#move(taskId, ['failed'], 'delayed')
      assert.ok(owed && owed.action !== 'dead' && owed.action !== 'hold', 'the event follows the verdict')
      assert.equal(until - at, waitOf(owed), 'the delay is that of the verdict')
    },
    'task.succeeded': event => {
      const { stopping } = this.#attempt(event.taskId, event.attempt)
      assert.equal(stopping, undefined, 'an attempt that is being stopped cannot succeed')
      this.#releases++
      this.#ledger.ended(event.taskId, event.usage, event.at)
      this.#end(event, ['live'])
    },
    'task.dead': event => this.#dead(event),
    'task.skipped': event => this.#skipped(event),
    'task.cancelled': event => {
      const { where, stopping } = this.#task(event.taskId)
      if (where === 'live')
        assert.equal(stopping, 'cancel', 'a running attempt is stopped before its task is cancelled')
      if (where === 'live') this.#releases++
      this.#ledger.ended(event.taskId, event.usage, this.#endOf(event.taskId, event.at))
      this.#end(event, ['blocked', 'ready', 'held', 'delayed', 'live'])
    },
  }

  #added({ taskId, index, spec }: EventOf<'task.added'>): void {
    assert.equal(index, this.#tasks.size, 'tasks are numbered in the order in which they are added')
    assert.ok(!this.#tasks.has(taskId), 'ids are unique')
    this.#tasks.set(taskId, {
      id: taskId,
      spec,
      where: 'blocked',
      attempt: 0,
      round: 1,
      approved: false,
      heldFor: undefined,
      heldAfter: 0,
      stopping: undefined,
      abandoned: false,
      owed: undefined,
      end: undefined,
    })
    this.#ledger.added(spec)
  }

  #ready({ taskId, approved, by }: EventOf<'task.ready'>): void {
    const task = this.#task(taskId)
    const { where, heldFor, heldAfter } = task
    this.#move(taskId, ['blocked', 'delayed', 'held'], 'ready')
    this.#checkDependencies(task)
    if (where !== 'held') assert.ok(!approved && by === undefined, 'only a held task can be approved')
    else assert.ok(approved || ofBudget(heldFor), 'a held task waits for approval or for budget')
    // Otherwise it might alternate between held and ready forever.
    if (where === 'held' && heldFor === 'reserved' && !approved)
      assert.ok(this.#releases > heldAfter, 'a task waits for reservations until an attempt has ended')
    if (!approved) return
    if (ofBudget(heldFor)) this.#ledger.excuse(taskId)
    else task.approved = true
  }

  #held({ taskId, reason, failure, estimate }: EventOf<'task.held'>): void {
    const task = this.#task(taskId)
    if (reason === 'reserved') this.#ledger.waits(taskId, task.spec.pool ?? '', estimate)
    else assert.equal(estimate, undefined, 'only a task that waits for reservations has its estimate in the event')
    if (task.where === 'failed') {
      assert.equal(task.owed?.action, 'hold', 'the event follows the verdict')
      assert.equal(reason, 'interrupted', 'an attempt that was interrupted may have had effects')
      assert.ok(failure, 'the event has the failure of the attempt')
    }
    this.#move(taskId, ['ready', 'failed'], 'held').heldFor = reason
    task.heldAfter = this.#releases
  }

  #started(event: EventOf<'attempt.started'>): void {
    const { taskId, attempt, key } = event
    assert.equal(this.#phase, 'running', 'nothing starts in a run that is paused or stopping')
    if (this.#serial) assert.equal(this.#live.size, 0, 'one at a time in a serial run')
    const task = this.#move(taskId, ['ready'], 'live')
    this.#checkDependencies(task)
    if (task.spec.approval) assert.ok(task.approved, 'a task that needs approval was approved')
    assert.equal(attempt, ++task.attempt, 'attempts are numbered without a gap')
    assert.equal(key, `${this.#runId}/${taskId}/${task.round}`, 'the key is the same until the request changes')
    Object.assign(task, { stopping: undefined, abandoned: false, owed: undefined })
    this.#attempts++
    this.#live.add(taskId)
    // An attempt whose input function failed costs nothing and ends in the same record, so it needs no budget.
    const short = this.#ledger.started(event)
    if (short !== undefined) this.#next = { type: 'attempt.failed', why: `no attempt starts without room: ${short}` }
  }

  /** An attempt that ran when its process ended does not count any longer time. */
  #endOf(taskId: string, at: number): number {
    return this.#orphans.delete(taskId) ? this.#leftAt : at
  }

  #failed({ taskId, attempt, verdict, failure, usage, at }: EventOf<'attempt.failed'>): void {
    const task = this.#attempt(taskId, attempt)
    task.where = 'failed'
    task.owed = verdict
    if (verdict.action === 'repair') task.round++
    if (task.spec.replay === 'never' && /interrupted|crashed|timeout|incomplete-output/.test(failure.kind))
      assert.ok(/hold|dead/.test(verdict.action), 'a task that must not be replayed is not retried')
    const isThrottling = /throttled|overloaded|quota/.test(failure.kind)
    this.#ledger.ended(taskId, usage, this.#endOf(taskId, at), isThrottling)
    this.#live.delete(taskId)
    this.#releases++
    this.#due = task
  }

  #dead(event: EventOf<'task.dead'>): void {
    const { failure, taskId } = event
    const { where, owed } = this.#task(taskId)
    this.#end(event, ['failed', 'ready', 'held', 'delayed'])
    const scope = failure.timeout
    if (where === 'failed') return assert.equal(owed?.action, 'dead', 'the event follows the verdict')
    if (where === 'held') return assert.equal(failure.code, 'REJECTED', 'a held task becomes dead only by rejection')
    const timedOut = failure.kind === 'timeout' && (scope === 'queue' || scope === 'total')
    assert.ok(
      timedOut || (where === 'ready' && failure.code === 'BUDGET'),
      `a ${where} task becomes dead by timeouts and budgets, not by ${failure.kind}`,
    )
  }

  #skipped(event: EventOf<'task.skipped'>): void {
    const { taskId, rootCause, rule } = event
    const task = this.#task(taskId)
    const decision = this.#ruleDecision(task)
    assert.ok(
      decision === 'skipped' || decision === 'upstream_failed',
      `skipped, although its trigger rule says ${decision}`,
    )
    assert.equal(
      rule,
      decision === 'skipped' ? (task.spec.triggerRule ?? 'all_success') : undefined,
      'the event names the trigger rule',
    )
    const causes = (task.spec.after ?? []).map(id => {
      const end = this.#task(id).end
      return end?.type === 'task.skipped' ? end.rootCause : end && id
    })
    assert.ok(causes.includes(rootCause), `the root cause is one of ${causes}, not ${rootCause}`)
    const cause = this.#task(rootCause).end?.type
    assert.notEqual(cause, 'task.skipped', 'the root cause was not skipped itself')
    if (decision === 'upstream_failed')
      assert.ok(
        cause === 'task.dead' || cause === 'task.cancelled',
        `the root cause failed or was cancelled, not ${cause}`,
      )
    this.#end(event, ['blocked'])
  }

  #reached(event: EventOf<'budget.reached'>): void {
    const { taskId = '' } = event
    this.#ledger.reached(event, this.#tasks.get(taskId)?.spec.estimate)
    const { scope, level, measure, action } = event
    if (level === 'soft') return
    const why = 'the action of a budget follows at once'
    if (action === 'stop') this.#next = { type: /run|orchestrator/.test(scope) ? 'run.stopping' : 'task.dead', why }
    else if (measure !== 'wallMs' || scope !== 'run') this.#next = { type: 'task.held', why }
  }

  #settled({ outcome }: EventOf<'run.settled'>): void {
    const ends = [...this.#tasks.values()].map(task => task.end?.type)
    assert.ok(!ends.includes(undefined), 'every task has ended')
    // Tasks skipped by a trigger rule do not prevent the outcome completed.
    const whole = !ends.includes('task.dead') && !ends.includes('task.cancelled')
    const expected = whole ? 'completed' : ends.includes('task.succeeded') ? 'partial' : 'failed'
    assert.equal(outcome, this.#phase === 'cancelled' ? 'cancelled' : expected, 'the outcome follows from the tasks')
    this.#phase = 'settled'
    this.#outcome = outcome
  }

  #enter(from: readonly string[], to: Phase): void {
    assert.ok(from.includes(this.#phase), `a run that is ${this.#phase} cannot be ${to}`)
    this.#phase = to
  }

  #task(id: string): CheckedTask {
    const task = this.#tasks.get(id)
    assert.ok(task, `task ${id} was added before its other events`)
    return task
  }

  #move(id: string, from: readonly Where[], to: Where): CheckedTask {
    const task = this.#task(id)
    assert.ok(from.includes(task.where), `task ${id} is ${task.where}, not ${from.join(' or ')}`)
    task.where = to
    return task
  }

  #end(event: Extract<RunEvent, { index: number }>, from: readonly Where[]): void {
    const task = this.#move(event.taskId, from, 'over')
    assert.equal(task.end, undefined, 'a task has one terminal event')
    task.end = event
    this.#live.delete(event.taskId)
  }

  #attempt(id: string, attempt: number): CheckedTask {
    const task = this.#task(id)
    assert.ok(task.where === 'live' && task.attempt === attempt, `attempt ${attempt} of ${id} is in flight`)
    return task
  }

  #ruleDecision({ spec }: CheckedTask): ReturnType<typeof airflow> {
    const ends = (spec.after ?? []).map(id => doneAs(this.#task(id).end))
    return airflow(spec.triggerRule ?? 'all_success', ends)
  }

  #checkDependencies(task: CheckedTask): void {
    assert.equal(this.#ruleDecision(task), 'run', `the trigger rule of ${task.id} is met`)
    for (const id of task.spec.orderAfter ?? [])
      assert.ok(this.#task(id).end, `${id} has ended before ${task.id} starts`)
  }
}

function waitOf(verdict: Exclude<Verdict, { readonly reason: string }>): number {
  if (verdict.action === 'failover') return 0
  return verdict.action === 'park' ? (verdict.taskDelayMs ?? verdict.delayMs) : verdict.delayMs
}

function ofBudget(reason: string | undefined): boolean {
  return reason === 'budget' || reason === 'reserved'
}
