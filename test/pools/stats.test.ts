import { memoryJournal, Orchestrator, type Run, TaskGraph } from 'counterpoint'
import { slowJournal, VirtualClock } from 'counterpoint/testing'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

/** A promise that the test settles later. */
function later<T>(): { readonly promise: Promise<T>; resolve(value: T): void } {
  let resolve: (value: T) => void = () => {}
  const promise = new Promise<T>(given => {
    resolve = given
  })
  return { promise, resolve }
}

const NOTHING = { running: 0, queued: 0 }

describe('after a run has ended in this process, a late answer takes no slot and is not counted:', () => {
  /** How a run ends while a function of the host is pending. */
  const ends = {
    'its journal fails': async ({ journal, run }) => {
      journal.fail()
      await run.setBudget({}).catch(() => {})
      await run.result.catch(() => {})
    },
    'it is drained': ({ orchestrator }) => orchestrator.drain({ timeoutMs: 0 }),
    'it is cancelled': ({ run }) => run.cancel(),
  } as const satisfies Record<string, (given: Given) => Promise<unknown>>

  interface Given {
    readonly orchestrator: Orchestrator<string>
    readonly journal: ReturnType<typeof slowJournal>
    readonly run: Run
  }

  type Asked = Promise<unknown>
  const functions: readonly [string, (asked: Asked) => object, unknown][] = [
    ['of an approval function that says no', asked => ({ approval: () => asked }), false],
    ['of an approval function that says yes', asked => ({ approval: () => asked }), true],
    ['of an approval function that fails', asked => ({ approval: () => asked }), 'nonsense'],
    ['of an input function', asked => ({ input: () => asked }), 'made'],
    [
      'of a schema',
      asked => ({ output: { '~standard': { version: 1, vendor: 'x', validate: () => asked } } }),
      { value: 1 },
    ],
  ]
  const cases = functions.flatMap(([title, options, answer]) =>
    Object.entries(ends).map(([end, act]) => [title, end, options, answer, act] as const),
  )

  test.each(cases)('%s, when %s', async (_title, _end, options, answer, end) => {
    const asked = later<unknown>()
    const clock = new VirtualClock()
    const journal = slowJournal({ clock, delayMs: 1 })
    const orchestrator = new Orchestrator({
      clock,
      journal,
      pools: { p: { backend: () => 1, concurrency: 1, queueLimit: 5, defaults: { retries: 0 } } },
    })
    orchestrator.on('error', () => {})
    const graph = new TaskGraph('late')
    graph.task('a', { pool: 'p', ...options(asked.promise) })
    const run = orchestrator.run(graph)
    await clock.advance(20)
    const ended = end({ orchestrator, journal, run })
    // More than the grace period of an attempt.
    await clock.advance(6_000)
    await ended
    asked.resolve(answer)
    await clock.advance(20)
    expect(orchestrator.pools.get('p')!.stats()).toMatchObject(NOTHING)
    await clock.runUntilIdle()
    expect(clock.pending).toBe(0)
  })

  test('of a distributor, when the run was cancelled or drained before it could begin', async () => {
    for (const end of ['cancel', 'drain'] as const) {
      const asked = later<{ kind: 'pool'; pool: string; confidence: number }>()
      const clock = new VirtualClock()
      const orchestrator = new Orchestrator({
        clock,
        pools: { p: { backend: () => 1, queueLimit: 1 } },
        distributor: () => asked.promise,
      })
      const run = orchestrator.run({ tasks: [{ id: 'a' }] })
      await clock.advance(0)
      const ended = end === 'cancel' ? run.cancel() : orchestrator.drain()
      await clock.advance(0)
      await ended
      asked.resolve({ kind: 'pool', pool: 'p', confidence: 1 })
      await clock.advance(0)
      expect([(await run.result).outcome, orchestrator.pools.get('p')!.stats()]).toMatchObject(['cancelled', NOTHING])
      if (end === 'drain') continue
      // The room in the queue has been given back.
      const next = orchestrator.run({ tasks: [{ id: 'b', pool: 'p' }] }, { whenFull: 'reject' })
      await clock.runUntilIdle()
      expect((await next.result).outcome).toBe('completed')
    }
  })
})

describe('queued', () => {
  test('does not count a task that its approval function holds, beside one that waits', async () => {
    const clock = new VirtualClock()
    const orchestrator = new Orchestrator({ clock, pools: { p: { backend: () => 1, concurrency: 1 } } })
    orchestrator.pools.get('p')!.pause()
    const graph = new TaskGraph('one')
    graph.task('held', { pool: 'p', approval: async () => true })
    graph.task('waits', { pool: 'p' })
    const run = orchestrator.run(graph)
    await clock.advance(0)
    expect([run.progress().counts, orchestrator.pools.get('p')!.stats()]).toMatchObject([
      { held: 1, ready: 1 },
      { running: 0, queued: 1 },
    ])
    await run.cancelTask('held')
    expect(orchestrator.pools.get('p')!.stats()).toMatchObject({ running: 0, queued: 1 })
  })

  test('does not count a task whose path grows while its approval function is pending, and it does not start', async () => {
    const clock = new VirtualClock()
    const calls: string[] = []
    const orchestrator = new Orchestrator({
      clock,
      pools: { p: { backend: ({ task }) => calls.push(task.id), concurrency: 1, defaults: { durationMs: 10 } } },
    })
    const graph = new TaskGraph('one')
    graph.task('a', { pool: 'p', approval: () => new Promise<boolean>(() => {}) })
    graph.task('first', { pool: 'p' })
    const run = orchestrator.run(graph)
    await clock.advance(0)
    const tasks = [{ id: 'b', after: ['a'], durationMs: 5_000 }, { id: 'second' }]
    await run.add({ tasks: tasks.map(task => ({ ...task, pool: 'p' })) })
    await clock.advance(0)
    expect([calls, orchestrator.pools.get('p')!.stats()]).toMatchObject([['first', 'second'], NOTHING])
    await run.cancel()
    expect(orchestrator.pools.get('p')!.stats()).toMatchObject(NOTHING)
  })
})

/** What a random history does next. `at` chooses among the tasks or the runs. */
const actions = fc.array(
  fc.record({
    what: fc.constantFrom(
      'answer',
      'answer',
      'answer',
      'decide',
      'decide',
      'input',
      'run',
      'add',
      'cancelTask',
      'cancel',
      'pause',
      'unpause',
      'approve',
      'reject',
      'pausePool',
      'unpausePool',
      'park',
      'unpark',
      'slots',
      'wait',
    ),
    at: fc.nat(40),
    says: fc.boolean(),
  }),
  { minLength: 5, maxLength: 40 },
)

test('stats() counts what really waits and what really runs, in random histories', async () => {
  await fc.assert(
    fc.asyncProperty(actions, fc.boolean(), fc.boolean(), async (history, hasKey, isSlow) => {
      const clock = new VirtualClock()
      const journal = isSlow ? slowJournal({ clock, delayMs: 1 }) : memoryJournal()
      const world = new World(clock, hasKey, journal)
      for (const action of history) {
        world.act(action)
        await clock.advance(5)
        world.check()
      }
      await world.finish()
    }),
    { numRuns: 150 },
  )
})

type Action = { readonly what: string; readonly at: number; readonly says: boolean }

/** An orchestrator, and what is pending with its host. */
class World {
  readonly #clock: VirtualClock
  readonly #orchestrator: Orchestrator<'p'>
  readonly #runs: Run[] = []
  readonly #ids: [Run, string][] = []
  /** Approval functions that have not answered, by the name of run and task. */
  readonly #deciding = new Map<string, (answer: boolean) => void>()
  readonly #making = new Map<string, (input: string) => void>()
  readonly #answering = new Set<(fails: boolean) => void>()
  #count = 0

  constructor(clock: VirtualClock, hasKey: boolean, journal: ReturnType<typeof memoryJournal>) {
    this.#clock = clock
    const backend = (): Promise<unknown> =>
      new Promise((resolve, reject) => {
        const answer = (fails: boolean): void => {
          this.#answering.delete(answer)
          if (fails) reject(new Error('no'))
          else resolve(1)
        }
        this.#answering.add(answer)
      })
    const key = hasKey ? { limitKey: 'k', requests: { limit: 3, perMs: 20 } } : {}
    const defaults = { durationMs: 10, timeoutMs: 10_000_000 }
    const pools = { p: { backend, concurrency: 2, graceMs: 1, defaults, ...key } }
    this.#orchestrator = new Orchestrator({ clock, journal, random: () => 0.5, pools })
  }

  act({ what, at, says }: Action): void {
    const pool = this.#orchestrator.pools.get('p')!
    const run = this.#runs[at % Math.max(1, this.#runs.length)]
    const [owner, id] = this.#ids[at % Math.max(1, this.#ids.length)] ?? []
    const ignore = (done: Promise<unknown> | undefined): void => void done?.catch(() => {})
    if (what === 'answer') [...this.#answering][at % Math.max(1, this.#answering.size)]?.(says && at % 3 === 0)
    if (what === 'decide') settleOne(this.#deciding, at, says)
    if (what === 'input') settleOne(this.#making, at, 'made')
    if (what === 'run') this.#start(at)
    if (what === 'add' && owner) ignore(this.#add(owner, id!, at))
    if (what === 'cancelTask') ignore(owner?.cancelTask(id!))
    if (what === 'cancel' && at % 4 === 0) ignore(run?.cancel())
    if (what === 'pause') ignore(run?.pause())
    if (what === 'unpause') ignore(run?.unpause())
    if (what === 'approve') ignore(owner?.approve(id!))
    if (what === 'reject') ignore(owner?.reject(id!))
    if (what === 'pausePool') pool.pause()
    if (what === 'unpausePool') pool.unpause()
    if (what === 'park') pool.park(1 + at)
    if (what === 'unpark') pool.unpark()
    if (what === 'slots') pool.concurrency = 1 + (at % 4)
  }

  /** Every task that is ready, and not with its approval function, waits or has a slot; so does every one that is running. */
  check(): void {
    let [expected, live] = [0, 0]
    for (const [run, id] of this.#ids) {
      const status = run.task(id)?.status
      if (status === 'running' || status === 'stopping') live++
      if (status === 'ready' && !this.#deciding.has(`${run.id}/${id}`)) expected++
    }
    const { running, queued } = this.#orchestrator.pools.get('p')!.stats()
    expect(running + queued).toBe(expected + live)
    expect(queued).toBeGreaterThanOrEqual(0)
  }

  /** Every run ends, and leaves nothing. */
  async finish(): Promise<void> {
    for (const run of this.#runs) void run.cancel()
    for (let i = 0; i < 3; i++) {
      await this.#clock.advance(5)
      for (const answer of [...this.#answering]) answer(false)
    }
    await this.#clock.runUntilIdle()
    await Promise.all(this.#runs.map(run => run.result))
    expect(this.#orchestrator.pools.get('p')!.stats()).toMatchObject(NOTHING)
    for (const decide of this.#deciding.values()) decide(false)
    for (const make of this.#making.values()) make('late')
    await this.#clock.advance(5)
    expect(this.#orchestrator.pools.get('p')!.stats()).toMatchObject(NOTHING)
  }

  #start(at: number): void {
    const runId = `r${this.#count++}`
    const graph = new TaskGraph(runId)
    const a = graph.task('a', { pool: 'p', approval: () => this.#ask(this.#deciding, `${runId}/a`) })
    graph.task('b', { pool: 'p', input: () => this.#ask(this.#making, `${runId}/b`), priority: 1 + (at % 5) })
    graph.task('c', { pool: 'p', retries: 1 })
    graph.task('d', { pool: 'p', after: [a] })
    const run = this.#orchestrator.run(graph, { runId, ...(at % 5 === 0 && { mode: 'serial' as const }) })
    this.#runs.push(run)
    for (const id of ['a', 'b', 'c', 'd']) this.#ids.push([run, id])
  }

  /** A task after another one, whose remaining path grows by it. */
  async #add(run: Run, after: string, at: number): Promise<void> {
    const id = `t${this.#count++}`
    await run.add({ tasks: [{ id, pool: 'p', after: [after], durationMs: 100 * at }] })
    this.#ids.push([run, id])
  }

  #ask<T>(asked: Map<string, (value: T) => void>, name: string): Promise<T> {
    return new Promise(resolve => {
      asked.set(name, resolve)
    })
  }
}

function settleOne<T>(asked: Map<string, (value: T) => void>, at: number, value: T): void {
  const name = [...asked.keys()][at % Math.max(1, asked.size)]
  if (name === undefined) return
  asked.get(name)?.(value)
  asked.delete(name)
}
