import assert from 'node:assert/strict'
import {
  AgentError,
  type AgentRequest,
  type AttemptContext,
  type FailureKind,
  type Journal,
  type Json,
  Orchestrator,
  type PoolOptions,
  type RunEvent,
  reply,
  TaskGraph,
  type TaskSpec,
} from 'counterpoint'
import type { VirtualClock } from 'counterpoint/testing'
import { SeededRandom, seedOf } from './seeded-random.js'

/** The pools of the random agents. */
export const POOLS = ['red', 'green', 'blue'] as const

/** More than a single plan needs, less than several together. */
const QUEUE_LIMIT = 20

/** How the agents behave. `steady` agents always do the same for a task. */
export type Behaviour = 'steady' | 'wild'

const KINDS: readonly FailureKind[] = [
  'agent',
  'crashed',
  'throttled',
  'overloaded',
  'quota',
  'refused',
  'invalid-output',
  'incomplete-output',
  'bad-input',
]

/**
 * Random agents of every kind, from `seed`, in three pools of one orchestrator, with a clock. It records violations of what agents and
 * pools must never do.
 */
export class RandomAgents {
  readonly orchestrator: Orchestrator
  /** All calls of backends, by idempotency key and attempt. */
  readonly calls = new Map<string, number>()
  /** Observed violations, because errors thrown by listeners do not fail a test. */
  readonly #violations: string[] = []
  /** Pending timers of agents and hosts, in contrast to those of the library. */
  #foreignTimers = 0
  readonly #clock: VirtualClock
  readonly #seed: number
  readonly #behaviour: Behaviour
  readonly #prompt: boolean
  readonly #limited: readonly string[]
  readonly #live = new Map<string, Set<string>>(POOLS.map(pool => [pool, new Set<string>()]))

  /**
   * `prompt`: nothing happens between a claim and its start, or between the return of a slot and the event that explains it. This requires
   * a synchronous journal, no input functions, and a single run.
   */
  constructor(clock: VirtualClock, seed: number, behaviour: Behaviour, journal: Journal, prompt = true) {
    this.#prompt = prompt
    this.#clock = clock
    this.#seed = seed
    this.#behaviour = behaviour
    const dice = new SeededRandom(seed)
    const pool = (): PoolOptions => ({
      backend: (request, context) => this.#act(request, context),
      concurrency: 1 + dice.below(4),
      ...(dice.chance(0.3) && { queueLimit: QUEUE_LIMIT }),
      graceMs: dice.below(2) * 50,
      defaults: { timeoutMs: 200 + dice.below(100), backoff: { baseMs: 20, maxMs: 100 } },
    })
    const pools = Object.fromEntries(POOLS.map(name => [name, pool()]))
    this.#limited = POOLS.filter(name => pools[name]?.queueLimit !== undefined)
    this.orchestrator = new Orchestrator({ clock, random: () => dice.next(), pools, journal })
    this.orchestrator.on('event', event => this.#watch(event as RunEvent))
    this.orchestrator.on('error', () => {})
  }

  /** Schedules a timer of an agent or a host. */
  schedule(act: () => unknown, delayMs: number): void {
    this.#foreignTimers++
    this.#clock.schedule(() => {
      this.#foreignTimers--
      act()
    }, delayMs)
  }

  /** The plan as a graph in which every other task has an input function: synchronous, asynchronous, or failing. */
  graphOf(tasks: readonly TaskSpec[]): TaskGraph {
    const graph = new TaskGraph('random')
    for (const { id, input: _, ...options } of tasks) {
      const draw = seedOf(this.#seed, id) >>> 0
      graph.task(
        id,
        draw % 2 === 0 ? options : { ...options, input: outputs => this.#inputOf(draw, Object.keys(outputs)) },
      )
    }
    return graph
  }

  #inputOf(draw: number, from: readonly string[]): readonly string[] | Promise<readonly string[]> {
    if (draw % 13 === 0) throw new Error('no input')
    if (draw % 11 === 0) return Promise.reject(new Error('no input, later'))
    return draw % 3 === 0 ? from : this.#later(() => from, draw % 50)
  }

  /** Checks that nothing is left of settled runs, except for work of agents and hosts. */
  checkEmpty(): void {
    assert.equal(this.#clock.pending, this.#foreignTimers, 'no timer of the library outlives its runs')
    for (const [name, pool] of this.orchestrator.pools) {
      const { running, queued } = pool.stats()
      assert.deepEqual({ name, running, queued }, { name, running: 0, queued: 0 })
    }
    assert.deepEqual(this.#violations, [])
    for (const [call, times] of this.calls) assert.equal(times, 1, `attempt ${call} called its backend ${times} times`)
  }

  /** Checks that every slot of every pool is free again. */
  async checkRoom(): Promise<void> {
    for (const pool of this.#limited) {
      const tasks = Array.from({ length: QUEUE_LIMIT }, (_, i) => ({ id: `${i}`, pool }))
      const run = this.orchestrator.run({ tasks }, { runId: `room in ${pool}`, whenFull: 'reject' })
      await run.cancel()
    }
  }

  #watch(event: RunEvent): void {
    if (!('taskId' in event)) return
    const key = `${event.runId} ${event.taskId}`
    if (event.type === 'attempt.started') this.#started(event.pool, key)
    else if (/succeeded|failed|cancelled|abandoned|dead/.test(event.type))
      for (const live of this.#live.values()) live.delete(key)
  }

  #started(name: string, key: string): void {
    const live = this.#live.get(name)!
    const { concurrency, paused } = this.orchestrator.pools.get(name)!.stats()
    live.add(key)
    if (!this.#prompt) return
    if (live.size > concurrency)
      this.#violations.push(`pool ${name} runs ${live.size} attempts, and may run ${concurrency}`)
    if (paused) this.#violations.push(`pool ${name} is paused, and starts ${key}`)
  }

  #act({ runId, task }: AgentRequest, context: AttemptContext): unknown {
    const call = `${context.idempotencyKey} ${context.attempt}`
    this.calls.set(call, (this.calls.get(call) ?? 0) + 1)
    const output = { task: task.id, draw: seedOf(this.#seed, runId, task.id) % 1_000 }
    const steady = new SeededRandom(seedOf(this.#seed, runId, task.id))
    if (this.#behaviour === 'steady') return this.#steady(output, steady, context, task.context)
    return this.#wild(output, new SeededRandom(seedOf(this.#seed, runId, task.id, context.attempt)), context)
  }

  /** One in eight always fails, one in eight always hangs, some fail as often as retries allow and then succeed. */
  #steady(output: object, dice: SeededRandom, context: AttemptContext, options: Json | undefined): unknown {
    const { retries = 0 } = (options ?? {}) as { readonly retries?: number }
    const behaviour = dice.below(8)
    if (behaviour === 0) throw new AgentError(dice.pick(KINDS), 'as always')
    if (behaviour === 1) return this.#until(context.signal)
    if (behaviour === 2 && context.attempt <= retries) throw new AgentError('crashed', 'not yet')
    if (behaviour === 3 && context.attempt <= 3) throw new AgentError('throttled', 'not yet')
    return dice.chance(0.5) ? output : this.#later(() => output, dice.below(60))
  }

  #wild(output: object, dice: SeededRandom, context: AttemptContext): unknown {
    const usage = { inputTokens: dice.below(100), costUsd: dice.below(10) }
    context.report({ progress: dice.next(), message: 'at it', usage })
    return dice.pick<() => unknown>([
      () => output,
      () => Promise.resolve(reply({ output, usage })),
      () => this.#later(() => output, dice.below(150)),
      () => this.#later(() => output, dice.below(50)),
      () => this.#fail(dice, usage),
      () => this.#later(() => this.#fail(dice, usage), dice.below(150)),
      () => this.#until(context.signal),
      () => new Promise(() => {}),
      () => this.#later(() => output, 200 + dice.below(300)),
      () => this.#later(() => this.#fail(dice, usage), 200 + dice.below(300)),
      () => ({ cyclic: 10n }),
      () => hostile(dice, output),
    ])()
  }

  #fail(dice: SeededRandom, usage: object): never {
    if (dice.chance(0.2))
      throw dice.pick([undefined, null, 'a string', Symbol('x'), Object.create(null), new TypeError('x')])
    const retryAfterMs = dice.pick([0, 30, 1e12, -1, Number.NaN])
    throw new AgentError(dice.pick(KINDS), 'no', { usage, ...(dice.chance(0.5) && { retryAfterMs }) })
  }

  /** Responds to its abort with a delay. */
  #until(signal: AbortSignal): Promise<never> {
    return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
  }

  #later<T>(answer: () => T, delayMs: number): Promise<T> {
    return new Promise<void>(resolve => this.schedule(resolve, 1 + delayMs)).then(answer)
  }
}

/** A thenable that is not a promise. */
function hostile(dice: SeededRandom, output: object): unknown {
  type Settle = (value: unknown) => void
  const thens: readonly ((resolve: Settle, reject: Settle) => void)[] = [
    (resolve, reject) => {
      resolve(output)
      reject(new Error('late'))
      resolve('double')
    },
    (_resolve, reject) => {
      reject(new Error('no'))
      reject(new Error('double'))
    },
    resolve => {
      resolve(output)
      throw new Error('after its answer')
    },
    () => {
      throw new Error('instead of an answer')
    },
  ]
  // biome-ignore lint/suspicious/noThenProperty: that is what a hostile backend does.
  const thenable = { then: dice.pick(thens) }
  if (dice.chance(0.2))
    Object.defineProperty(thenable, 'then', {
      get: () => {
        throw new Error('no then')
      },
    })
  return thenable
}
