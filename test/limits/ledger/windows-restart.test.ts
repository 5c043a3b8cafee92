import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  AgentError,
  type AgentFunction,
  type Journal,
  memoryJournal,
  Orchestrator,
  type OrchestratorOptions,
  type PoolOptions,
  type WindowLimit,
} from 'counterpoint'
import { fileJournal } from 'counterpoint/node'
import { VirtualClock } from 'counterpoint/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildProgram, Child } from '../../node/journal/child-process.js'
import { SeededRandom } from '../../support/seeded-random.js'

const HOUR = 3_600_000
const MINUTE = 60_000

/** A call of a backend: when, by the wall clock, and for how many tokens. */
interface Call {
  readonly at: number
  readonly tokens: number
}

/** The most that started in any closed window of `perMs`, wherever it begins: calls, or tokens. */
function fullest(calls: readonly Call[], perMs: number, weigh: (call: Call) => number): number {
  let most = 0
  let load = 0
  for (let from = 0, to = 0; to < calls.length; to++) {
    load += weigh(calls[to]!)
    while (calls[to]!.at - calls[from]!.at > perMs) load -= weigh(calls[from++]!)
    most = Math.max(most, load)
  }
  return most
}

const one = (): number => 1

function tasks(count: number, options: object = {}) {
  return Array.from({ length: count }, (_, n) => ({ id: `t${n}`, pool: 'p', ...options }))
}

/** What came of one life is there for the next: an orchestrator with a clock of its own that begins when the last one ended. */
class Lives {
  readonly calls: Call[] = []
  readonly #journal: Journal
  #at = Date.UTC(2026, 0, 1)
  #clock: VirtualClock | undefined

  constructor(journal: Journal = memoryJournal()) {
    this.#journal = journal
  }

  /** The next process. The one before is drained, or gone without a word: then its clock stands still for ever. */
  next(downMs: number, pool: PoolOptions, options: Partial<OrchestratorOptions> = {}) {
    if (this.#clock) this.#at = this.#clock.now() + downMs
    const clock = new VirtualClock({ startAt: this.#at })
    this.#clock = clock
    const answer = pool.backend as AgentFunction
    const backend: AgentFunction = (request, context) => {
      this.calls.push({ at: clock.now(), tokens: Number(request.input ?? 0) })
      return answer(request, context)
    }
    const pools = { p: { ...pool, backend } }
    const orchestrator = new Orchestrator({ clock, random: () => 0.5, journal: this.#journal, pools, ...options })
    return { clock, orchestrator }
  }
}

const SHARING: readonly [string, Partial<PoolOptions>][] = [
  ['of a pool', {}],
  ['of a limit key', { limitKey: 'account' }],
]

describe.each(SHARING)('after a restart, the window %s', (_title, shared) => {
  test.each([
    ['was drained', true],
    ['ended without a word', false],
  ])('counts what had started before, when the previous process %s', async (_how, drains) => {
    const lives = new Lives()
    const pool: PoolOptions = {
      backend: () => 'done',
      concurrency: 50,
      requests: { limit: 10, perMs: MINUTE },
      ...shared,
    }
    const first = lives.next(0, pool)
    first.orchestrator.run({ tasks: tasks(30) }, { runId: 'one' })
    await first.clock.advance(10_000)
    expect(lives.calls).toHaveLength(10)
    if (drains) await first.orchestrator.drain()

    const second = lives.next(20_000, pool)
    const run = await second.orchestrator.resume('one')
    await second.clock.advance(MINUTE - 30_000 - 1)
    expect(lives.calls).toHaveLength(10)
    await second.clock.advance(10)
    // Of a process that said nothing it is not known whether it used all that it had been granted: that counts as used.
    expect(lives.calls.length).toSatisfy((calls: number) => (drains ? calls === 20 : calls > 15 && calls <= 20))
    await second.clock.runUntilIdle()
    expect((await run.result).outcome).toBe('completed')
    expect(fullest(lives.calls, MINUTE, one)).toBe(10)
  })

  test('also bounds a new run that the crashed process did not know', async () => {
    const lives = new Lives()
    const pool: PoolOptions = { backend: () => 'done', requests: { limit: 4, perMs: MINUTE }, ...shared }
    const first = lives.next(0, pool)
    first.orchestrator.run({ tasks: tasks(4) })
    await first.clock.advance(0)
    const second = lives.next(1_000, pool)
    second.orchestrator.run({ tasks: tasks(4) })
    await second.clock.advance(50_000)
    expect(lives.calls).toHaveLength(4)
    await second.clock.runUntilIdle()
    expect([lives.calls.length, fullest(lives.calls, MINUTE, one)]).toEqual([8, 4])
  })

  test('counts the tokens that were used', async () => {
    const lives = new Lives()
    const pool: PoolOptions = { backend: () => 'done', tokens: { limit: 1_000, perMs: MINUTE }, ...shared }
    const first = lives.next(0, pool)
    first.orchestrator.run({ tasks: tasks(3, { input: 300, estimate: { tokens: 300 } }) })
    await first.clock.advance(5_000)
    await first.orchestrator.drain()
    const second = lives.next(5_000, pool)
    second.orchestrator.run({ tasks: tasks(3, { input: 200, estimate: { tokens: 200 } }) })
    await second.clock.advance(40_000)
    expect(lives.calls).toHaveLength(3)
    await second.clock.runUntilIdle()
    expect([lives.calls.length, fullest(lives.calls, MINUTE, ({ tokens }) => tokens)]).toEqual([6, 900])
  })
})

describe.each(SHARING)('after a restart, the cooldown %s', (_title, shared) => {
  /** Turns away what comes before `until`. */
  const busyUntil = (until: () => number, now: () => number): AgentFunction => {
    return () => {
      if (now() >= until()) return 'done'
      throw new AgentError('throttled', 'come back later', { retryAfterMs: until() - now() })
    }
  }

  test.each([
    ['was drained', true],
    ['ended without a word', false],
  ])('lasts for the remaining time, and is shown in progress, when the previous process %s', async (_how, drains) => {
    const lives = new Lives()
    let clock = new VirtualClock()
    const opensAt = clock.now() + HOUR
    const pool: PoolOptions = {
      backend: busyUntil(
        () => opensAt,
        () => clock.now(),
      ),
      concurrency: 2,
      ...shared,
    }
    const first = lives.next(0, pool, { random: () => 0 })
    clock = first.clock
    const before = first.orchestrator.run({ tasks: tasks(8) }, { runId: 'one' })
    await first.clock.advance(10 * MINUTE)
    expect(before.progress().parked).toEqual([{ pool: 'p', until: opensAt, leftMs: 50 * MINUTE, reason: 'throttled' }])
    if (drains) await first.orchestrator.drain()

    const called = lives.calls.length
    const second = lives.next(10 * MINUTE, pool, { random: () => 0 })
    clock = second.clock
    const events: string[] = []
    second.orchestrator.on('pool.parked', ({ until, reason }) => void events.push(`${reason} until ${until}`))
    second.orchestrator.on('pool.opened', ({ at }) => void events.push(`opened at ${at}`))
    const run = await second.orchestrator.resume('one')
    await second.clock.advance(0)
    expect(run.progress().parked).toEqual([{ pool: 'p', until: opensAt, leftMs: 40 * MINUTE, reason: 'throttled' }])
    await second.clock.advance(40 * MINUTE - 1)
    expect(lives.calls).toHaveLength(called)
    expect(run.progress().parked).toMatchObject([{ leftMs: 1 }])
    await second.clock.runUntilIdle()
    expect((await run.result).outcome).toBe('completed')
    expect(run.progress().parked).toEqual([])
    expect(events).toEqual([`throttled until ${opensAt}`, `opened at ${opensAt}`])
  })

  test('has ended if its end fell into the downtime', async () => {
    const lives = new Lives()
    let clock = new VirtualClock()
    const opensAt = clock.now() + HOUR
    const pool: PoolOptions = {
      backend: busyUntil(
        () => opensAt,
        () => clock.now(),
      ),
      ...shared,
    }
    const first = lives.next(0, pool)
    clock = first.clock
    first.orchestrator.run({ tasks: tasks(3) }, { runId: 'one' })
    await first.clock.advance(1_000)
    const second = lives.next(2 * HOUR, pool)
    clock = second.clock
    const run = await second.orchestrator.resume('one')
    await second.clock.advance(0)
    expect([run.progress().parked, run.progress().counts.succeeded]).toEqual([[], 3])
  })
})

test('no window is exceeded and no cooldown broken over any number of processes, drained or killed', async () => {
  let calls = 0
  let parkings = 0
  for (let seed = 1; seed <= 200; seed++) {
    const history = new History(seed)
    await history.play()
    const { requests, tokens } = history
    expect(fullest(history.lives.calls, requests.perMs, one), `seed ${seed}: requests`).toBeLessThanOrEqual(
      requests.limit,
    )
    if (tokens)
      expect(
        fullest(history.lives.calls, tokens.perMs, c => c.tokens),
        `seed ${seed}: tokens`,
      ).toBeLessThanOrEqual(tokens.limit)
    expect(history.broken, `seed ${seed}`).toEqual([])
    expect(new Set(history.outcomes), `seed ${seed}`).toEqual(new Set(['completed']))
    calls += history.lives.calls.length
    parkings += history.parkings
  }
  expect(calls).toBeGreaterThan(4_000)
  expect(parkings).toBeGreaterThan(100)
})

/** Several processes that share an account, each of which resumes all unfinished runs. */
class History {
  readonly lives: Lives
  readonly requests: WindowLimit
  readonly tokens: WindowLimit | undefined
  /** Calls that came while their pool was to be parked. */
  readonly broken: string[] = []
  parkings = 0
  /** Of all runs, in the last life. */
  readonly outcomes: unknown[] = []
  readonly #dice: SeededRandom
  readonly #pool: PoolOptions
  #parkedUntil = 0
  #refusedAt = 0
  #clock = new VirtualClock()
  #life = 0

  constructor(seed: number) {
    const dice = new SeededRandom(seed)
    this.#dice = dice
    this.lives = new Lives()
    this.requests = { limit: 1 + dice.below(8), perMs: 500 + dice.below(3_000) }
    this.tokens = dice.chance(0.5) ? { limit: 100 + dice.below(400), perMs: 500 + dice.below(3_000) } : undefined
    this.#pool = {
      backend: () => this.#answer(),
      concurrency: 1 + dice.below(10),
      requests: this.requests,
      ...(this.tokens && { tokens: this.tokens }),
      ...(dice.chance(0.5) && { limitKey: 'account' }),
    }
  }

  async play(): Promise<void> {
    const count = 2 + this.#dice.below(4)
    for (this.#life = 1; this.#life <= count; this.#life++) await this.#live(this.#life === count)
  }

  async #live(isLast: boolean): Promise<void> {
    const dice = this.#dice
    const { clock, orchestrator } = this.lives.next(dice.below(2_000), this.#pool, { random: () => dice.next() })
    this.#clock = clock
    for (let before = 1; before < this.#life; before++)
      if (isLast || dice.chance(0.7)) await orchestrator.resume(`run-${before}`)
    const estimate = (): object => ({ estimate: { tokens: 1 + dice.below(100) } })
    orchestrator.run(
      { tasks: tasks(5 + dice.below(20)).map(task => ({ ...task, ...estimate() })) },
      { runId: `run-${this.#life}` },
    )
    if (isLast) {
      await clock.runUntilIdle()
      this.outcomes.push(...orchestrator.runs.live.map(run => run.progress().outcome))
      return
    }
    await clock.advance(dice.below(5_000))
    if (dice.chance(0.6)) return
    const drained = orchestrator.drain({ timeoutMs: 100 })
    await clock.advance(10_000)
    await drained
  }

  /** Now or a little later; now and then it says that everybody is to wait. */
  #answer(): unknown {
    const dice = this.#dice
    const now = this.#clock.now()
    // What started together with the one that is turned away could not know.
    if (now > this.#refusedAt && now < this.#parkedUntil)
      this.broken.push(`called at ${now}, parked until ${this.#parkedUntil}`)
    if (dice.chance(0.03)) {
      const retryAfterMs = 500 + dice.below(4_000)
      this.#parkedUntil = Math.max(this.#parkedUntil, now + retryAfterMs)
      this.#refusedAt = now
      this.parkings++
      throw new AgentError('throttled', 'slow down', { retryAfterMs })
    }
    if (dice.chance(0.3)) return 'done'
    return new Promise(resolve => this.#clock.schedule(() => resolve('done'), dice.below(800)))
  }
}

/** A process that reports its backend calls. `busy`: its first call is throttled for 1,500 ms. */
const SOURCE = `
import { writeSync } from 'node:fs'
import { AgentError, Orchestrator } from 'counterpoint'
import { fileJournal } from 'counterpoint/node'
const [folder, manner] = process.argv.slice(2)
const say = (...words) => writeSync(1, words.join(' ') + '\\n')
const backend = () => {
  say('call', Date.now())
  if (manner === 'busy') throw new AgentError('throttled', 'later', { retryAfterMs: 1_500 })
  return 'done'
}
const requests = { limit: 5, perMs: 1_500 }
const orchestrator = new Orchestrator({ journal: fileJournal({ folder }), pools: { p: { backend, concurrency: 10, requests } } })
const tasks = Array.from({ length: 9 }, (_, n) => ({ id: 't' + n, pool: 'p' }))
const run = await orchestrator.resume('one').catch(() => orchestrator.run({ tasks }, { runId: 'one' }))
const look = setInterval(() => {
  const [parked] = run.progress().parked
  if (parked === undefined) return
  say('parked', parked.until, parked.leftMs, parked.reason)
  clearInterval(look)
}, 5)
say('settled', (await run.result).outcome)
clearInterval(look)
await orchestrator.drain()
`

/** Between the moment that the limit counts and the one that a backend writes down others may have had the processor. */
const BLUR_MS = 100

describe.concurrent('with a journal in files, over the end of a process', () => {
  let folder: string
  let path: string
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'counterpoint-windows-'))
    path = await buildProgram(folder, SOURCE)
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  /** What it says, up to the line that `isLast` is true of, or to its end. */
  const hear = async (child: Child, isLast: (line: string, lines: readonly string[]) => boolean): Promise<string[]> => {
    const lines: string[] = []
    for (let line = await child.line(); line !== undefined; line = await child.line()) {
      lines.push(line)
      if (isLast(line, lines)) break
    }
    return lines
  }
  const callsIn = (lines: readonly string[]): Call[] =>
    lines.flatMap(line => (line.startsWith('call ') ? [{ at: Number(line.slice(5)), tokens: 0 }] : []))

  test('that was killed no window is exceeded', async () => {
    const first = new Child(path, join(folder, 'window'), 'well')
    const before = await hear(first, (_, lines) => callsIn(lines).length === 5)
    await first.kill()
    const second = new Child(path, join(folder, 'window'), 'well')
    const after = await hear(second, line => line.startsWith('settled'))
    await second.exit
    expect(after.at(-1)).toBe('settled completed')
    const calls = [...callsIn(before), ...callsIn(after)]
    expect(calls.length).toBeGreaterThanOrEqual(9)
    expect(fullest(calls, 1_500 - BLUR_MS, one)).toBeLessThanOrEqual(5)
  })

  test('that was killed a cooldown lasts for the remaining time', async () => {
    const first = new Child(path, join(folder, 'parking'), 'busy')
    const before = await hear(first, line => line.startsWith('parked'))
    // It is emitted at once, and durable a little later.
    await new Promise(resolve => setTimeout(resolve, 300))
    await first.kill()
    const second = new Child(path, join(folder, 'parking'), 'well')
    const after = await hear(second, line => line.startsWith('settled'))
    await second.exit
    expect(after.at(-1)).toBe('settled completed')
    const parked = [...before, ...after].filter(line => line.startsWith('parked')).map(line => line.split(' '))
    expect(parked.map(([, , , reason]) => reason)).toEqual(['throttled', 'throttled'])
    const [[, until, leftMs], [, untilThen, leftThen]] = parked.map(words => words.map(Number)) as [number[], number[]]
    // Each reading is of a moment of its own, in whole milliseconds; five that were turned away at once may have moved it since.
    expect(Math.abs(untilThen! - until!)).toBeLessThan(BLUR_MS + 150)
    expect(leftThen!).toBeLessThan(leftMs!)
    for (const { at } of callsIn(after)) expect(at).toBeGreaterThanOrEqual(untilThen! - 2)
  })

  test('that was drained no window is exceeded', async () => {
    const calls: Call[] = []
    const requests = { limit: 3, perMs: 800 }
    const backend: AgentFunction = () => {
      calls.push({ at: Date.now(), tokens: 0 })
      return 'done'
    }
    const make = (): Orchestrator => {
      const journal = fileJournal({ folder: join(folder, 'drained') })
      return new Orchestrator({ journal, pools: { p: { backend, requests } } })
    }
    const first = make()
    expect((await first.run({ tasks: tasks(3) }).result).outcome).toBe('completed')
    await first.drain()
    const second = make()
    const run = second.run({ tasks: tasks(3) })
    expect((await run.result).outcome).toBe('completed')
    await second.drain()
    expect(calls).toHaveLength(6)
    expect(fullest(calls, 800 - BLUR_MS, one)).toBe(3)
  })
})
