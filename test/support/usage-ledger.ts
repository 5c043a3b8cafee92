import assert from 'node:assert/strict'
import type { EventOf, TaskSpec } from 'counterpoint'

type Budget = NonNullable<TaskSpec['budget']>
type RunBudget = NonNullable<EventOf<'run.started'>['budget']>
type Usage = NonNullable<EventOf<'task.succeeded'>['usage']>
type Estimate = NonNullable<EventOf<'attempt.started'>['reserved']>

/** An attempt in the ledger. */
interface Entry {
  readonly taskId: string
  readonly pool: string
  reserved: Estimate | undefined
  readonly startedAt: number
  endedAt: number | undefined
  usage: Usage | undefined
}

interface Scope {
  readonly scope: string
  readonly budget: Budget
  readonly mine: (entry: Entry) => boolean
}

const ROUNDING_ERROR = 1e-6

/** A ledger of a run, from its events alone. It recomputes all sums on each query: slow, but simple. */
export class UsageLedger {
  readonly #entries: Entry[] = []
  readonly #live = new Map<string, Entry>()
  readonly #ofTasks = new Map<string, Budget>()
  readonly #excused = new Set<string>()
  readonly #estimates = new Map<string, Estimate>()
  #ofRun: RunBudget | undefined
  #isOpen = false

  change(budget: RunBudget): void {
    this.#open()
    this.#ofRun = budget
  }

  added({ id, budget, estimate }: TaskSpec): void {
    if (estimate) this.#estimates.set(id, estimate)
    if (budget) this.#open()
    if (budget) this.#ofTasks.set(id, budget)
  }

  /** When the first budget is set while attempts run, their estimates are reserved. */
  #open(): void {
    if (this.#isOpen) return
    this.#isOpen = true
    for (const [taskId, entry] of this.#live) entry.reserved = this.#estimates.get(taskId)
  }

  /** A person allowed it to exceed its budgets. */
  excuse(taskId: string): void {
    this.#excused.add(taskId)
  }

  /** Why this start exceeded a budget; undefined if there was room for it. */
  started({ taskId, pool, reserved, at }: EventOf<'attempt.started'>): string | undefined {
    const entry: Entry = { taskId, pool, reserved, startedAt: at, endedAt: undefined, usage: undefined }
    this.#entries.push(entry)
    this.#live.set(taskId, entry)
    if (this.#excused.has(taskId)) return undefined
    for (const { scope, budget, mine } of this.#scopes(taskId, pool)) {
      const counted = this.#entries.filter(mine)
      // Without an estimate of the cheapest backend, a degraded attempt only needs settled usage below the limit.
      const looked = budget.onHard === 'degrade' && reserved === undefined ? counted.filter(isOver) : counted
      for (const measure of ['costUsd', 'tokens', 'wallMs'] as const) {
        const limit = budget[measure]
        if (limit === undefined || (scope === 'run' && measure === 'wallMs')) continue
        // An estimate of 0 always fits.
        const wanted = measure === 'wallMs' ? undefined : reserved?.[measure]
        if (wanted === 0) continue
        const used = sum(looked, measure)
        // Without an estimate, something must be left.
        if (wanted === undefined ? used > limit - ROUNDING_ERROR : used > limit + ROUNDING_ERROR)
          return `the ${scope} has used ${used} of ${limit} (${measure})`
      }
    }
    return undefined
  }

  /** A task is held as `reserved`: it would fit without the reservations of others. */
  waits(taskId: string, pool: string, estimate: Estimate | undefined): void {
    const found = this.#scopes(taskId, pool).some(({ scope, budget, mine }) =>
      (['costUsd', 'tokens'] as const).some(measure => {
        const limit = budget[measure]
        if (limit === undefined) return false
        const [counted, wanted] = [this.#entries.filter(mine), estimate?.[measure]]
        const [used, settled] = [sum(counted, measure), sum(counted.filter(isOver), measure)]
        assert.ok(used >= settled, `the ${scope} has settled no more than it has used`)
        const room = (of: number): boolean =>
          wanted === undefined ? of < limit - ROUNDING_ERROR : of + wanted <= limit + ROUNDING_ERROR
        return !room(used) && room(settled)
      }),
    )
    assert.ok(found, 'a task that waits for reservations would fit without them')
  }

  /** The attempt of a task has ended, if it had one. `at`: the time of its last event. */
  ended(taskId: string, usage: Usage | undefined, at: number, isThrottled = false): void {
    const entry = this.#live.get(taskId)
    if (entry === undefined) return
    this.#live.delete(taskId)
    const { reserved } = entry
    // A throttled attempt did no work: it used what it reports, else nothing.
    if (reserved?.costUsd !== undefined && !isThrottled)
      assert.ok(usage?.costUsd !== undefined, 'a reserved cost is settled')
    if (reserved?.tokens !== undefined && !isThrottled)
      assert.ok(tokensIn(usage) !== undefined, 'reserved tokens are settled')
    entry.endedAt = at
    entry.usage = usage
  }

  /** Checks the figures of a budget event. */
  reached(event: EventOf<'budget.reached'>, estimate: Estimate | undefined): void {
    const { scope, level, measure, limit, used, pool, taskId = '', action } = event
    const found = this.#scopes(taskId, pool ?? '').find(one => one.scope === scope)
    if (scope === 'orchestrator') return
    assert.ok(found, `there is a budget of the ${scope}`)
    assert.equal(limit, found.budget[measure], 'the limit is that of the budget')
    const [onSoft, onHard] = [found.budget.onSoft ?? 'tell', found.budget.onHard ?? 'stop']
    const expected = level === 'soft' ? onSoft : onHard === 'degrade' ? 'stop' : onHard
    assert.equal(action, expected, 'the action is that of the budget')
    if (scope === 'run' && measure === 'wallMs') return
    const mine = sum(this.#entries.filter(found.mine), measure)
    assert.ok(Math.abs(mine - used) < ROUNDING_ERROR, `${used} are used of ${limit} (${measure}), instead of ${mine}`)
    const settled = sum(this.#entries.filter(found.mine).filter(isOver), measure)
    const wanted = (measure === 'wallMs' ? undefined : estimate?.[measure]) ?? 0
    // Without an estimate on the task it may be that of its backend, which is in no event.
    if (level === 'hard' && estimate)
      assert.ok(
        used - settled < ROUNDING_ERROR || settled + wanted > limit - ROUNDING_ERROR,
        `${used} of ${limit} (${measure}) are used, and the settled ${settled} leave no room`,
      )
    if (level === 'soft')
      assert.ok(used >= limit * (found.budget.soft ?? 0.8) - ROUNDING_ERROR, 'the soft bound is reached')
  }

  #scopes(taskId: string, pool: string): readonly Scope[] {
    const ofPool = this.#ofRun?.pools?.[pool]
    const ofTask = this.#ofTasks.get(taskId)
    return [
      ...(this.#ofRun ? [{ scope: 'run', budget: this.#ofRun, mine: () => true }] : []),
      ...(ofPool ? [{ scope: 'pool', budget: ofPool, mine: (entry: Entry) => entry.pool === pool }] : []),
      ...(ofTask ? [{ scope: 'task', budget: ofTask, mine: (entry: Entry) => entry.taskId === taskId }] : []),
    ]
  }
}

function isOver({ endedAt }: Entry): boolean {
  return endedAt !== undefined
}

function tokensIn(usage: Usage | undefined): number | undefined {
  if (usage?.tokens !== undefined) return usage.tokens
  const { inputTokens, outputTokens } = usage ?? {}
  return inputTokens === undefined && outputTokens === undefined ? undefined : (inputTokens ?? 0) + (outputTokens ?? 0)
}

function sum(entries: readonly Entry[], measure: 'costUsd' | 'tokens' | 'wallMs'): number {
  let total = 0
  for (const { startedAt, endedAt, usage, reserved } of entries) {
    if (measure === 'wallMs') total += endedAt === undefined ? 0 : endedAt - startedAt
    else if (endedAt === undefined) total += reserved?.[measure] ?? 0
    else total += (measure === 'tokens' ? tokensIn(usage) : usage?.costUsd) ?? 0
  }
  return total
}
