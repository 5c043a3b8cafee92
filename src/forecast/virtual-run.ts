import { CriticalRanks } from '../core/scheduler/critical-rank.js'
import { decideInto } from '../core/scheduler/dag-scheduler.js'
import { type DecideContext, Decision } from '../core/scheduler/decision.js'
import type { Signal } from '../core/scheduler/signals.js'
import { History } from '../core/state/history.js'
import { emptyState } from '../core/state/new-state.js'
import { eachDependent, type RunState } from '../core/state/run-state.js'
import type { TaskSpec } from '../core/state/task.js'
import type { RateWindow } from '../limits/rate-window.js'
import { ReadyQueue } from '../pools/ready-queue.js'

/** A pool in virtual time. */
export interface VirtualPool {
  readonly name: string
  readonly concurrency: number
  readonly agingMs: number
  /** Pools of one limit key share theirs. */
  readonly window: RateWindow | undefined
}

/** What a {@link VirtualRun} is made of. */
export interface VirtualRunSetup {
  readonly tasks: readonly TaskSpec[]
  /** How long each task takes, in milliseconds: 0 or more. */
  readonly durations: ArrayLike<number>
  readonly pools: readonly VirtualPool[]
  /** The place of each task's pool in `pools`. */
  readonly poolOf: ArrayLike<number>
  /** How many attempts run at once in all pools together. */
  readonly atOnce: number
}

const DEFAULT_PRIORITY = 3

/** A pool, and what waits for it. */
class VirtualLane {
  readonly pool: VirtualPool
  readonly queue = new ReadyQueue()
  free: number
  /** When it looks again whether its window is open. */
  wakesAt: number | undefined

  constructor(pool: VirtualPool) {
    this.pool = pool
    this.free = pool.concurrency
  }
}

/**
 * A run in virtual time: the decisions, ranks and queues of a real one, and agents that take as long as they are expected to and never fail.
 * Trigger rules and kinds of dependencies hold by construction. Invariant: it starts what a run that is alone in its pools would start.
 */
export class VirtualRun {
  /** When each task ends; NaN for one that is skipped. */
  readonly endsAt: Float64Array
  /** When the last one ends. */
  endedAt = 0
  /** The most attempts that ran at once. */
  width = 0
  readonly #setup: VirtualRunSetup
  readonly #state: RunState = emptyState('forecast')
  readonly #history = new History(this.#state)
  readonly #context: { -readonly [K in keyof DecideContext]: DecideContext[K] }
  readonly #decision: Decision
  readonly #ranks = new CriticalRanks()
  readonly #lanes: readonly VirtualLane[]
  /** What comes next: task `i` ends, or lane `i - tasks` wakes. Due first goes first; of two, the one that was planned first. */
  readonly #agenda = new ReadyQueue()
  #planned = 0
  #now = 0
  #running = 0
  readonly #paths: CriticalPaths

  constructor(setup: VirtualRunSetup) {
    this.#setup = setup
    this.endsAt = new Float64Array(setup.tasks.length).fill(Number.NaN)
    this.#context = { at: 0, random: () => 0, judge: () => ({ action: 'dead', reason: 'nothing fails in a forecast' }) }
    this.#decision = new Decision(this.#state, this.#history, this.#context)
    this.#lanes = setup.pools.map(pool => new VirtualLane(pool))
    this.#paths = new CriticalPaths(setup.durations, setup.tasks.length)
  }

  /** The places of the tasks along the longest chain that had to wait for each other. */
  criticalPath(): readonly number[] {
    return this.#paths.longest()
  }

  /** Runs it to its end, once. */
  play(): this {
    const { tasks } = this.#setup
    this.#send({ type: 'add', tasks: tasks.map(unattended) })
    this.#fill()
    for (let next = this.#agenda.pop(); next !== -1; next = this.#agenda.pop()) {
      if (next < tasks.length) this.#finish(next)
      else this.#wake(this.#lanes[next - tasks.length] as VirtualLane)
      this.#fill()
    }
    this.endedAt = this.#now
    return this
  }

  #send(signal: Signal): void {
    this.#context.at = this.#now
    const from = this.#history.end + 1
    decideInto(this.#decision, signal)
    if (signal.type === 'add') this.#ranks.extend(this.#state, 0)
    for (let seq = from; seq <= this.#history.end; seq++) this.#follow(seq)
  }

  #follow(seq: number): void {
    const type = this.#history.typeOf(seq)
    const index = this.#history.indexOf(seq)
    if (type === 'task.ready') this.#enqueue(index)
    else if (type === 'task.succeeded' || type === 'task.skipped')
      this.#paths.ended(this.#state, index, type === 'task.succeeded')
  }

  #enqueue(index: number): void {
    this.#paths.ready(index)
    const { queue, pool } = this.#laneOf(index)
    const { priority = DEFAULT_PRIORITY } = this.#setup.tasks[index] as TaskSpec
    queue.push(index, priority + Math.floor(this.#now / pool.agingMs), this.#ranks.of(index))
  }

  #fill(): void {
    for (const lane of this.#lanes)
      while (lane.free > 0 && lane.queue.size > 0 && this.#running < this.#setup.atOnce && this.#isOpen(lane))
        this.#start(lane)
  }

  #isOpen(lane: VirtualLane): boolean {
    const opensAt = lane.pool.window?.nextAt(this.#now) ?? this.#now
    if (opensAt <= this.#now) return true
    if (lane.wakesAt === undefined) {
      lane.wakesAt = opensAt
      this.#plan(this.#setup.tasks.length + this.#lanes.indexOf(lane), opensAt)
    }
    return false
  }

  #wake(lane: VirtualLane): void {
    this.#now = lane.wakesAt ?? this.#now
    lane.wakesAt = undefined
  }

  #start(lane: VirtualLane): void {
    const index = lane.queue.pop()
    const { name, window } = lane.pool
    this.#send({ type: 'start', index, pool: name, backend: name, input: null })
    if (this.#state.states[index]?.status !== 'running') return
    window?.add(this.#now)
    lane.free--
    this.#running++
    this.width = Math.max(this.width, this.#running)
    const endsAt = this.#now + (this.#setup.durations[index] as number)
    this.endsAt[index] = endsAt
    this.#plan(index, endsAt)
  }

  #finish(index: number): void {
    this.#now = this.endsAt[index] as number
    this.#laneOf(index).free++
    this.#running--
    this.#send({ type: 'succeed', index, attempt: 1, output: null })
  }

  #plan(entry: number, at: number): void {
    this.#agenda.push(entry, at, -this.#planned++)
  }

  #laneOf(index: number): VirtualLane {
    return this.#lanes[this.#setup.poolOf[index] as number] as VirtualLane
  }
}

/** No forecast can say how long a person takes, or what a task really uses: nothing is held. */
function unattended(task: TaskSpec): TaskSpec {
  if (!('approval' in task || 'budget' in task)) return task
  const { approval, budget, ...rest } = task
  return rest
}

/** The longest chain of tasks up to each one. Only what ended before a task was ready is in its chain: a trigger rule may not wait for all. */
class CriticalPaths {
  readonly #durations: ArrayLike<number>
  readonly #lengths: Float64Array
  readonly #before: Int32Array
  readonly #isReady: Uint8Array
  #last = -1

  constructor(durations: ArrayLike<number>, tasks: number) {
    this.#durations = durations
    this.#lengths = new Float64Array(tasks)
    this.#before = new Int32Array(tasks).fill(-1)
    this.#isReady = new Uint8Array(tasks)
  }

  ready(index: number): void {
    this.#isReady[index] = 1
  }

  /** One that was skipped (it never `ran`) takes no time; its chain goes on through it. */
  ended(state: RunState, index: number, ran: boolean): void {
    const length = (this.#lengths[index] as number) + (ran ? (this.#durations[index] as number) : 0)
    this.#lengths[index] = length
    if (ran && (this.#last === -1 || length > (this.#lengths[this.#last] as number))) this.#last = index
    const through = ran ? index : (this.#before[index] as number)
    eachDependent(state, index, dependent => {
      if (this.#isReady[dependent] === 1 || through === -1 || length < (this.#lengths[dependent] as number)) return
      this.#lengths[dependent] = length
      this.#before[dependent] = through
    })
  }

  longest(): readonly number[] {
    const path: number[] = []
    for (let at = this.#last; at !== -1; at = this.#before[at] as number) path.push(at)
    return path.reverse()
  }
}
