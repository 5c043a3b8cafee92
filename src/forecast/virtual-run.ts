import { CriticalRanks } from '../core/scheduler/critical-rank.js'
import { decideInto } from '../core/scheduler/decide.js'
import { type DecideContext, Decision } from '../core/scheduler/decision.js'
import { DEFAULT_PRIORITY, numberOf, type Order, type OrderFacts, priorityOrder } from '../core/scheduler/order.js'
import type { Signal } from '../core/scheduler/signals.js'
import { History } from '../core/state/history.js'
import { emptyState } from '../core/state/new-state.js'
import type { RunState } from '../core/state/run-state.js'
import type { TaskSpec } from '../core/state/task.js'
import type { RateWindow } from '../limits/rate-window.js'
import { Aging } from '../pools/aging.js'
import { AgingQueue } from '../pools/aging-queue.js'
import { ReadyQueue } from '../pools/ready-queue.js'

/** A pool in virtual time. */
export interface VirtualPool {
  readonly name: string
  readonly concurrency: number
  /** As in the options of a pool: by default, it follows how long its tasks take. */
  readonly agingMs: number | undefined
  /** Shared by the pools of one limit key. */
  readonly window: RateWindow | undefined
  /** The free slots of its limit key, which its pools take in turns. Default: it has no key. */
  readonly key?: { freeSlots: number } | undefined
}

/** The input of a {@link VirtualRun}. */
export interface VirtualRunOptions {
  readonly tasks: readonly TaskSpec[]
  /** How long each task takes, in milliseconds: 0 or more. */
  readonly durations: ArrayLike<number>
  readonly pools: readonly VirtualPool[]
  /** The index in `pools` of each task's pool. */
  readonly poolOf: ArrayLike<number>
  /** The most attempts that run at once, in all pools together. */
  readonly maxRunning: number
  /** Orders the ready tasks. Default: by priority and age. */
  readonly order?: Order | undefined
}

/** The state of a pool: its ready tasks and its slots. */
class PoolState {
  readonly pool: VirtualPool
  readonly ready: AgingQueue | ReadyQueue
  readonly aging: Aging
  freeSlots: number
  /** When its window allows the next start, while an entry of the schedule waits for that. */
  reopensAt: number | undefined

  constructor(pool: VirtualPool, hasOrder: boolean) {
    const aging = new Aging(pool.agingMs)
    this.pool = pool
    this.aging = aging
    this.ready = hasOrder ? new ReadyQueue() : new AgingQueue(() => aging.ms)
    this.freeSlots = pool.concurrency
  }
}

/**
 * A run in virtual time, with the scheduler, the ranks and the queues of a real one. Every attempt takes its expected time and succeeds.
 * Invariant: it starts what a run that has its pools to itself would start, at the same time.
 */
export class VirtualRun {
  /** When each task became ready, in milliseconds; NaN for one that was skipped. */
  readonly readyAt: Float64Array
  /** When each task ended, in milliseconds. */
  readonly endedAt: Float64Array
  /** The most attempts that ran at once. */
  width = 0
  readonly #options: VirtualRunOptions
  readonly #state: RunState = emptyState('forecast')
  readonly #history = new History(this.#state)
  readonly #context: { -readonly [K in keyof DecideContext]: DecideContext[K] }
  readonly #decision: Decision
  readonly #ranks = new CriticalRanks()
  readonly #pools: readonly PoolState[]
  /** The same, in the order in which they start tasks. */
  readonly #turns: PoolState[]
  /** What happens next, by time, then in the order of scheduling: task `i` ends, or the window of pool `i - tasks.length` reopens. */
  readonly #schedule = new ReadyQueue()
  #scheduled = 0
  #now = 0
  #running = 0

  constructor(options: VirtualRunOptions) {
    this.#options = options
    this.readyAt = new Float64Array(options.tasks.length).fill(Number.NaN)
    this.endedAt = new Float64Array(options.tasks.length).fill(Number.NaN)
    this.#context = { at: 0, random: () => 0, judge: () => ({ action: 'dead', reason: 'nothing fails in a forecast' }) }
    this.#decision = new Decision(this.#state, this.#history, this.#context)
    this.#pools = options.pools.map(pool => new PoolState(pool, options.order !== undefined))
    this.#turns = [...this.#pools]
  }

  /** Runs all tasks, once. Returns the time at which the last one ended. */
  play(): number {
    const { tasks } = this.#options
    this.#send({ type: 'add', tasks: tasks.map(withoutHolds) })
    this.#startReady()
    for (let next = this.#schedule.pop(); next !== -1; next = this.#schedule.pop()) {
      if (next < tasks.length) this.#finish(next)
      else this.#reopen(this.#pools[next - tasks.length] as PoolState)
      this.#startReady()
    }
    return this.#now
  }

  #send(signal: Signal): void {
    this.#context.at = this.#now
    const from = this.#history.end + 1
    decideInto(this.#decision, signal)
    if (signal.type === 'add') this.#ranks.extend(this.#state, 0)
    for (let seq = from; seq <= this.#history.end; seq++) this.#apply(seq)
  }

  #apply(seq: number): void {
    const type = this.#history.typeOf(seq)
    const index = this.#history.indexOf(seq)
    if (type === 'task.ready') this.#enqueue(index)
    else if (type === 'task.skipped') this.endedAt[index] = this.#now
  }

  #enqueue(index: number): void {
    this.readyAt[index] = this.#now
    const { ready, pool, aging } = this.#poolOf(index)
    const { tasks, order } = this.#options
    const task = tasks[index] as TaskSpec
    const { priority = DEFAULT_PRIORITY } = task
    const path = this.#ranks.of(index)
    if (order === undefined || ready instanceof AgingQueue) return ready.push(index, priority, this.#now, path)
    const number = numberOf(order, task, this.#factsOf(index, pool.name, aging.ms), () => {})
    ready.push(index, number ?? priorityOrder(priority, this.#now, aging.ms), path)
  }

  #factsOf(index: number, pool: string, agingMs: number): OrderFacts {
    return { runId: 'forecast', pool, readyAt: this.#now, agingMs, remainingPath: this.#ranks.of(index), attempt: 1 }
  }

  #startReady(): void {
    const { maxRunning } = this.#options
    for (let turn = 0; turn < this.#turns.length; ) {
      const pool = this.#turns[turn] as PoolState
      const isFree = hasSlot(pool) && pool.ready.size > 0 && this.#running < maxRunning
      if (!isFree || !this.#isOpen(pool)) turn++
      else {
        this.#start(pool)
        if (pool.pool.key !== undefined) this.#turns.push(...this.#turns.splice(turn, 1))
      }
    }
  }

  #isOpen(state: PoolState): boolean {
    const opensAt = state.pool.window?.nextAt(this.#now) ?? this.#now
    if (opensAt <= this.#now) return true
    if (state.reopensAt === undefined) {
      state.reopensAt = opensAt
      this.#scheduleAt(opensAt, this.#options.tasks.length + this.#pools.indexOf(state))
    }
    return false
  }

  #reopen(state: PoolState): void {
    this.#now = state.reopensAt ?? this.#now
    state.reopensAt = undefined
  }

  #start(state: PoolState): void {
    const index = state.ready.pop()
    const { name, window } = state.pool
    this.#send({ type: 'start', index, pool: name, backend: name, input: null })
    if (this.#state.states[index]?.status !== 'running') return
    window?.add(this.#now)
    takeSlots(state, 1)
    this.#running++
    this.width = Math.max(this.width, this.#running)
    const endsAt = this.#now + (this.#options.durations[index] as number)
    this.endedAt[index] = endsAt
    this.#scheduleAt(endsAt, index)
  }

  #finish(index: number): void {
    this.#now = this.endedAt[index] as number
    const pool = this.#poolOf(index)
    pool.aging.succeeded(this.#options.durations[index] as number)
    takeSlots(pool, -1)
    this.#running--
    this.#send({ type: 'succeed', index, attempt: 1, output: null })
  }

  #scheduleAt(at: number, entry: number): void {
    this.#schedule.push(entry, at, -this.#scheduled++)
  }

  #poolOf(index: number): PoolState {
    return this.#pools[this.#options.poolOf[index] as number] as PoolState
  }
}

/** Of the pool, and of its limit key. */
function hasSlot({ freeSlots, pool }: PoolState): boolean {
  return freeSlots > 0 && (pool.key === undefined || pool.key.freeSlots > 0)
}

function takeSlots(state: PoolState, count: 1 | -1): void {
  state.freeSlots -= count
  if (state.pool.key) state.pool.key.freeSlots -= count
}

/** Nothing is held: how long a person takes to approve cannot be known, nor what a task really uses. */
function withoutHolds(task: TaskSpec): TaskSpec {
  if (!('approval' in task || 'budget' in task)) return task
  const { approval, budget, ...rest } = task
  return rest
}
