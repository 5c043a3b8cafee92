import { Attempts, type AttemptsSetup, timeoutOf } from './attempts.js'
import type { JournalRecord } from './core/event.js'
import type { Failure } from './core/failure.js'
import type { Json } from './core/json.js'
import { Ranks } from './core/rank.js'
import type { RunState } from './core/run-state.js'
import type { Signal } from './core/signal.js'
import type { TaskSpec, TaskState } from './core/task.js'
import type { Admission } from './pools/admission.js'
import type { Claimant, Lane, Lease } from './pools/lane.js'
import { type InputFunction, makeInput, outputsFor } from './request.js'

const DEFAULT_PRIORITY = 3

/** What a {@link Pursuit} works with. */
export interface PursuitSetup extends Omit<AttemptsSetup, 'inputExpired'> {
  readonly admission: Admission
  readonly weight: number
}

/**
 * What a run does in the world, asked for by its state: queues what is ready, wakes what is delayed, calls backends, stops attempts.
 * Two kinds of effect: those that only lead to further decisions follow the state as decided (`decided`), those that can be
 * heard outside wait until their cause is durable (`published`).
 * Invariant: each state of a task is pursued once, however many events of a record name the task (trap 2).
 */
export class Pursuit implements Claimant {
  readonly attempts: Attempts
  readonly #setup: PursuitSetup
  readonly #head: RunState
  readonly #durable: RunState
  readonly #ranks = new Ranks()
  readonly #lanes = new Map<string, Lane>()
  readonly #seen: (TaskState | undefined)[] = []
  readonly #inputs = new Set<number>()
  readonly #inside = new Set<number>()
  readonly #wakes = new Map<number, () => void>()
  /** Tasks whose attempt has ended by the record that is pursued. */
  readonly #ended: number[] = []
  #ranked = 0
  #held = false

  constructor(setup: PursuitSetup, head: RunState, durable: RunState) {
    this.attempts = new Attempts({ ...setup, inputExpired: index => this.#inputExpired(index) }, head)
    this.#setup = setup
    this.#head = head
    this.#durable = durable
  }

  /** Effects of a decision that nobody can hear. */
  decided(signal: Signal, record: JournalRecord): void {
    const { specs, phase } = this.#head
    if (this.#ranked < specs.length) this.#takeIn(signal.type === 'recover')
    this.#hold(phase.status !== 'running')
    if (signal.type === 'start') this.#takeSlot(signal.index)
    for (const event of record) {
      const { index } = event as { readonly index?: number }
      if (index !== undefined) this.#pursue(index)
    }
    if (signal.type === 'recover') for (let index = 0; index < specs.length; index++) this.#pursue(index)
    // Only now are slots given back: what this record made ready is there to be claimed, too.
    if (this.#ended.length > 0) for (const index of this.#ended.splice(0)) this.attempts.finish(index)
  }

  /** Effects of a record that is durable. */
  published(record: JournalRecord): void {
    this.attempts.published(record)
    if (this.#inputs.size === 0) return
    for (const event of record)
      if (event.type === 'task.ready' && this.#inputs.delete(event.index)) this.#makeInput(event.index)
  }

  /** The run is over: nothing of it is left in pools or timers. */
  close(): void {
    for (const lane of this.#lanes.values()) lane.close()
    for (const index of this.#inside) this.#left(index)
    for (const callOff of this.#wakes.values()) callOff()
    this.attempts.close()
    this.#wakes.clear()
  }

  path(index: number): number {
    return this.#ranks.of(index)
  }

  claim(index: number, lease: Lease): boolean {
    if (this.#head.states[index]?.status !== 'ready' || this.attempts.of(index)) return false
    this.attempts.claim(index, lease)
    const { id, input } = this.#head.specs[index] as TaskSpec
    if (typeof this.#setup.binding(id)?.input !== 'function') this.#start(index, input ?? null)
    else if (this.#durable.states[index]?.status === 'ready') this.#makeInput(index)
    else this.#inputs.add(index)
    return true
  }

  #takeIn(recovered: boolean): void {
    this.#ranks.extend(this.#head, this.#ranked, index => this.#raise(index))
    this.attempts.grow(this.#head.specs.length)
    for (; this.#ranked < this.#head.specs.length; this.#ranked++) this.#enter(this.#ranked, recovered)
  }

  #hold(held: boolean): void {
    if (held === this.#held) return
    this.#held = held
    for (const lane of this.#lanes.values()) lane.hold(held)
  }

  #pursue(index: number): void {
    const state = this.#head.states[index] as TaskState
    const before = this.#seen[index]
    if (state === before) return
    this.#seen[index] = state
    if (before?.status === 'delayed') this.#callOffWake(index)
    if (before?.status === 'ready' && state.status !== 'running') this.#withdraw(index)
    if (state.status === 'running' || state.status === 'stopping') return this.#left(index)
    if (this.attempts.of(index)) this.#ended.push(index)
    if (state.status === 'ready') this.#enqueue(index, state.since)
    else if (state.status === 'delayed') this.#sleep(index, state.until)
    else if (state.status !== 'blocked') this.#left(index)
  }

  /** Task `index` came in, and holds a place in the admission of its pool until it starts or ends. */
  #enter(index: number, recovered: boolean): void {
    const { pool } = this.#head.specs[index] as TaskSpec
    if (pool === undefined || !this.#setup.admission.counts(pool)) return
    if (recovered) {
      const { status } = this.#head.states[index] as TaskState
      if ((status !== 'blocked' && status !== 'ready') || this.#head.tallies[index]?.attempts !== 0) return
      this.#setup.admission.occupy(new Map([[pool, 1]]))
    }
    this.#inside.add(index)
  }

  /** Frees its place, once: it has started or ended. */
  #left(index: number): void {
    if (this.#inside.delete(index)) this.#setup.admission.leave((this.#head.specs[index] as TaskSpec).pool as string)
  }

  #enqueue(index: number, since: number): void {
    const spec = this.#head.specs[index] as TaskSpec
    const lane = spec.pool === undefined ? undefined : this.#lane(spec.pool)
    if (lane) return lane.push(index, spec.priority ?? DEFAULT_PRIORITY, since)
    const known = [...this.#setup.pools.keys()].join(', ')
    const message = `${spec.pool === undefined ? 'the task names no pool and none could be found' : `there is no pool "${spec.pool}"`}; pools: ${known}`
    this.#start(index, null, { kind: 'bad-input', code: 'NO_POOL', message })
  }

  /** Its path has grown: a ready task takes its new place. Its old entry is passed over when it is met. */
  #raise(index: number): void {
    const state = this.#seen[index]
    if (state?.status !== 'ready' || this.attempts.of(index)) return
    const { pool = '', priority = DEFAULT_PRIORITY } = this.#head.specs[index] as TaskSpec
    this.#lanes.get(pool)?.raise(index, priority, state.since)
  }

  #lane(name: string): Lane | undefined {
    const open = this.#lanes.get(name)
    if (open) return open
    const lane = this.#setup.pools.get(name)?.pool.open(this, this.#setup.weight)
    if (lane === undefined) return undefined
    lane.hold(this.#held)
    this.#lanes.set(name, lane)
    return lane
  }

  /** Ready no more, and not because it runs. */
  #withdraw(index: number): void {
    this.#inputs.delete(index)
    if (this.attempts.of(index)) this.attempts.finish(index)
    else this.#lanes.get((this.#head.specs[index] as TaskSpec).pool ?? '')?.drop()
  }

  #sleep(index: number, until: number): void {
    // After a restart the wall clock may say anything: no wait grows longer than it was meant to be.
    const delayMs = Math.min(until - this.#setup.now(), until - this.#head.at)
    this.#wakes.set(
      index,
      this.#setup.clock.schedule(
        () => {
          this.#wakes.delete(index)
          this.#setup.send({ type: 'wake', index })
        },
        Math.max(0, delayMs),
      ),
    )
  }

  #callOffWake(index: number): void {
    this.#wakes.get(index)?.()
    this.#wakes.delete(index)
  }

  #makeInput(index: number): void {
    const { id } = this.#head.specs[index] as TaskSpec
    const make = this.#setup.binding(id)?.input as InputFunction
    const attempt = this.attempts.of(index)
    attempt?.limitInput(timeoutOf(this.#head.specs[index] as TaskSpec))
    makeInput(make, outputsFor(this.#head, index), (input, failure) => {
      // It may come too late: for a task that was cancelled, or an attempt that did not get it in time.
      if (attempt && this.attempts.of(index) === attempt) this.#start(index, input, failure)
    })
  }

  #inputExpired(index: number): void {
    const timeoutMs = timeoutOf(this.#head.specs[index] as TaskSpec)
    const message = `the input function took longer than ${timeoutMs} ms`
    this.#start(index, null, { kind: 'timeout', timeout: 'attempt', message })
  }

  #start(index: number, input: Json, failure?: Failure): void {
    const { pool = '' } = this.#head.specs[index] as TaskSpec
    const backend = this.#setup.pools.get(pool)?.pool.backend.name ?? pool
    this.#setup.send({ type: 'start', index, pool, backend, input, ...(failure && { failure }) })
  }

  /** The slot of a task whose start has been decided: for its attempt, or back. */
  #takeSlot(index: number): void {
    if (!this.attempts.of(index)) return
    const state = this.#head.states[index] as TaskState
    // It left its lane when it was claimed: there is nothing to withdraw.
    this.#seen[index] = state.status === 'ready' ? state : undefined
    if (state.status === 'running') return this.attempts.prepare(index, state)
    this.attempts.finish(index)
    if (state.status === 'ready') this.#enqueue(index, state.since)
  }
}
