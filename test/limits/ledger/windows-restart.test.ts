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
} from 'counterpoint'
import { fileJournal } from 'counterpoint/node'
import { VirtualClock } from 'counterpoint/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { WindowLimit } from '../../../src/limits/rate-window.js'
import { buildProgram, Child } from '../../node/journal/child-process.js'
import { SeededRandom } from '../../support/seeded-random.js'

const HOUR = 3_600_000
const MINUTE = 60_000

/** A call of a backend: when, by the wall clock, and for how many tokens. */
interface Call {
  readonly at: number
  readonly tokens: number
}

/** The highest total of calls or tokens in any closed window of `perMs`. */
function maxInWindow(calls: readonly Call[], perMs: number, weigh: (call: Call) => number): number {
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

/** Processes that follow each other on one journal. Each has a clock of its own, which starts when the previous one ended. */
class Processes {
  readonly calls: Call[] = []
  readonly #journal: Journal
  #at = Date.UTC(2026, 0, 1)
  #clock: VirtualClock | undefined

  constructor(journal: Journal = memoryJournal()) {
    this.#journal = journal
  }

  /** Starts the next process. The previous one is drained, or killed: then its clock never advances again. */
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
    ['was killed', false],
  ])('counts what had started before, when the previous process %s', async (_how, drains) => {
    const processes = new Processes()
    const pool: PoolOptions = {
      backend: () => 'done',
      concurrency: 50,
      requests: { limit: 10, perMs: MINUTE },
      ...shared,
    }
    const first = processes.next(0, pool)
    first.orchestrator.run({ tasks: tasks(30) }, { runId: 'one' })
    await first.clock.advance(10_000)
    expect(processes.calls).toHaveLength(10)
    if (drains) await first.orchestrator.drain()

    const second = processes.next(20_000, pool)
    const run = await second.orchestrator.resume('one')
    await second.clock.advance(MINUTE - 30_000 - 1)
    expect(processes.calls).toHaveLength(10)
    await second.clock.advance(10)
    // After a crash, whatever was granted counts as used.
    expect(processes.calls.length).toSatisfy((calls: number) => (drains ? calls === 20 : calls > 15 && calls <= 20))
    await second.clock.runUntilIdle()
    expect((await run.result).outcome).toBe('completed')
    expect(maxInWindow(processes.calls, MINUTE, one)).toBe(10)
  })

  test('also bounds a new run that the crashed process did not know', async () => {
    const processes = new Processes()
    const pool: PoolOptions = { backend: () => 'done', requests: { limit: 4, perMs: MINUTE }, ...shared }
    const first = processes.next(0, pool)
    first.orchestrator.run({ tasks: tasks(4) })
    await first.clock.advance(0)
    const second = processes.next(1_000, pool)
    second.orchestrator.run({ tasks: tasks(4) })
    await second.clock.advance(50_000)
    expect(processes.calls).toHaveLength(4)
    await second.clock.runUntilIdle()
    expect([processes.calls.length, maxInWindow(processes.calls, MINUTE, one)]).toEqual([8, 4])
  })

  test('counts the tokens that were used', async () => {
    const processes = new Processes()
    const pool: PoolOptions = { backend: () => 'done', tokens: { limit: 1_000, perMs: MINUTE }, ...shared }
    const first = processes.next(0, pool)
    first.orchestrator.run({ tasks: tasks(3, { input: 300, estimate: { tokens: 300 } }) })
    await first.clock.advance(5_000)
    await first.orchestrator.drain()
    const second = processes.next(5_000, pool)
    second.orchestrator.run({ tasks: tasks(3, { input: 200, estimate: { tokens: 200 } }) })
    await second.clock.advance(40_000)
    expect(processes.calls).toHaveLength(3)
    await second.clock.runUntilIdle()
    expect([processes.calls.length, maxInWindow(processes.calls, MINUTE, ({ tokens }) => tokens)]).toEqual([6, 900])
  })
})

describe.each(SHARING)('after a restart, the cooldown %s', (_title, shared) => {
  /** Throttles calls before `until`. */
  const busyUntil = (until: () => number, now: () => number): AgentFunction => {
    return () => {
      if (now() >= until()) return 'done'
      throw new AgentError('throttled', 'come back later', { retryAfterMs: until() - now() })
    }
  }

  test.each([
    ['was drained', true],
    ['was killed', false],
  ])('lasts for the remaining time, and is shown in progress, when the previous process %s', async (_how, drains) => {
    const processes = new Processes()
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
    const first = processes.next(0, pool, { random: () => 0 })
    clock = first.clock
    const before = first.orchestrator.run({ tasks: tasks(8) }, { runId: 'one' })
    await first.clock.advance(10 * MINUTE)
    expect(before.progress().parked).toEqual([{ pool: 'p', until: opensAt, leftMs: 50 * MINUTE, reason: 'throttled' }])
    if (drains) await first.orchestrator.drain()

    const called = processes.calls.length
    const second = processes.next(10 * MINUTE, pool, { random: () => 0 })
    clock = second.clock
    const events: string[] = []
    second.orchestrator.on('pool.parked', ({ until, reason }) => void events.push(`${reason} until ${until}`))
    second.orchestrator.on('pool.opened', ({ at }) => void events.push(`opened at ${at}`))
    const run = await second.orchestrator.resume('one')
    await second.clock.advance(0)
    expect(run.progress().parked).toEqual([{ pool: 'p', until: opensAt, leftMs: 40 * MINUTE, reason: 'throttled' }])
    await second.clock.advance(40 * MINUTE - 1)
    expect(processes.calls).toHaveLength(called)
    expect(run.progress().parked).toMatchObject([{ leftMs: 1 }])
    await second.clock.runUntilIdle()
    expect((await run.result).outcome).toBe('completed')
    expect(run.progress().parked).toEqual([])
    expect(events).toEqual([`throttled until ${opensAt}`, `opened at ${opensAt}`])
  })

  test('has ended if its end fell into the downtime', async () => {
    const processes = new Processes()
    let clock = new VirtualClock()
    const opensAt = clock.now() + HOUR
    const pool: PoolOptions = {
      backend: busyUntil(
        () => opensAt,
        () => clock.now(),
      ),
      ...shared,
    }
    const first = processes.next(0, pool)
    clock = first.clock
    first.orchestrator.run({ tasks: tasks(3) }, { runId: 'one' })
    await first.clock.advance(1_000)
    const second = processes.next(2 * HOUR, pool)
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
    expect(maxInWindow(history.processes.calls, requests.perMs, one), `seed ${seed}: requests`).toBeLessThanOrEqual(
      requests.limit,
    )
    if (tokens)
      expect(
        maxInWindow(history.processes.calls, tokens.perMs, c => c.tokens),
        `seed ${seed}: tokens`,
      ).toBeLessThanOrEqual(tokens.limit)
    expect(history.broken, `seed ${seed}`).toEqual([])
    expect(new Set(history.outcomes), `seed ${seed}`).toEqual(new Set(['completed']))
    calls += history.processes.calls.length
    parkings += history.parkings
  }
  expect(calls).toBeGreaterThan(4_000)
  expect(parkings).toBeGreaterThan(100)
})

/** Several processes in turn that share an account. Each resumes unfinished runs. */
class History {
  readonly processes: Processes
  readonly requests: WindowLimit
  readonly tokens: WindowLimit | undefined
  /** Calls during a cooldown of their pool. */
  readonly broken: string[] = []
  parkings = 0
  /** The outcomes of all runs, from the last process. */
  readonly outcomes: unknown[] = []
  readonly #dice: SeededRandom
  readonly #pool: PoolOptions
  #parkedUntil = 0
  #throttledAt = 0
  #clock = new VirtualClock()
  #process = 0

  constructor(seed: number) {
    const dice = new SeededRandom(seed)
    this.#dice = dice
    this.processes = new Processes()
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
    for (this.#process = 1; this.#process <= count; this.#process++) await this.#live(this.#process === count)
  }

  async #live(isLast: boolean): Promise<void> {
    const dice = this.#dice
    const { clock, orchestrator } = this.processes.next(dice.below(2_000), this.#pool, { random: () => dice.next() })
    this.#clock = clock
    for (let before = 1; before < this.#process; before++)
      if (isLast || dice.chance(0.7)) await orchestrator.resume(`run-${before}`)
    const estimate = (): object => ({ estimate: { tokens: 1 + dice.below(100) } })
    orchestrator.run(
      { tasks: tasks(5 + dice.below(20)).map(task => ({ ...task, ...estimate() })) },
      { runId: `run-${this.#process}` },
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

  /** Answers at once or a little later; sometimes throttles with a time to wait. */
  #answer(): unknown {
    const dice = this.#dice
    const now = this.#clock.now()
    // Calls that started together with the throttled one are not counted.
    if (now > this.#throttledAt && now < this.#parkedUntil)
      this.broken.push(`called at ${now}, parked until ${this.#parkedUntil}`)
    if (dice.chance(0.03)) {
      const retryAfterMs = 500 + dice.below(4_000)
      this.#parkedUntil = Math.max(this.#parkedUntil, now + retryAfterMs)
      this.#throttledAt = now
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

/** Other processes may use the CPU between the start that the limit counts and the time that the backend records. */
const TOLERANCE_MS = 100

describe.concurrent('with a journal in files, over the end of a process', () => {
  let folder: string
  let path: string
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'counterpoint-windows-'))
    path = await buildProgram(folder, SOURCE)
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  /** The lines that the process prints, up to and including the first for which `isLast` is true. */
  const readLines = async (
    child: Child,
    isLast: (line: string, lines: readonly string[]) => boolean,
  ): Promise<string[]> => {
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
    const first = new Child(path, join(folder, 'window'), 'healthy')
    const before = await readLines(first, (_, lines) => callsIn(lines).length === 5)
    await first.kill()
    const second = new Child(path, join(folder, 'window'), 'healthy')
    const after = await readLines(second, line => line.startsWith('settled'))
    await second.exit
    expect(after.at(-1)).toBe('settled completed')
    const calls = [...callsIn(before), ...callsIn(after)]
    expect(calls.length).toBeGreaterThanOrEqual(9)
    expect(maxInWindow(calls, 1_500 - TOLERANCE_MS, one)).toBeLessThanOrEqual(5)
  })

  test('that was killed a cooldown lasts for the remaining time', async () => {
    const first = new Child(path, join(folder, 'parking'), 'busy')
    const before = await readLines(first, line => line.startsWith('parked'))
    // It is emitted at once, and durable a little later.
    await new Promise(resolve => setTimeout(resolve, 300))
    await first.kill()
    const second = new Child(path, join(folder, 'parking'), 'healthy')
    const after = await readLines(second, line => line.startsWith('settled'))
    await second.exit
    expect(after.at(-1)).toBe('settled completed')
    const parked = [...before, ...after].filter(line => line.startsWith('parked')).map(line => line.split(' '))
    expect(parked.map(([, , , reason]) => reason)).toEqual(['throttled', 'throttled'])
    const [[, until, leftMs], [, untilThen, leftThen]] = parked.map(words => words.map(Number)) as [number[], number[]]
    // Both are read at different times, in whole milliseconds, and further throttled calls may have extended the cooldown.
    expect(Math.abs(untilThen! - until!)).toBeLessThan(TOLERANCE_MS + 150)
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
    expect(maxInWindow(calls, 800 - TOLERANCE_MS, one)).toBe(3)
  })
})
