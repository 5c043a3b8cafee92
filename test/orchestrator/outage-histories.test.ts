import { AgentError, type AgentFunction, Orchestrator, type PoolOptions } from 'counterpoint'
import { VirtualClock } from 'counterpoint/testing'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { SeededRandom } from '../support/seeded-random.js'

const [SECOND, MINUTE, HOUR] = [1_000, 60_000, 3_600_000]

/** What the provider does for a while, one after the other; then it is well. */
interface Phase {
  readonly does:
    | 'works'
    | 'throttles'
    | 'throttles and says when'
    | 'throttles and says too little'
    | 'has no quota'
    | 'has no quota and says when'
    | 'is overloaded'
    | 'loses connections'
    | 'hangs'
    | 'refuses a few'
  readonly ms: number
}

const phase: fc.Arbitrary<Phase> = fc.record({
  does: fc.constantFrom<Phase['does']>(
    'works',
    'throttles',
    'throttles and says when',
    'throttles and says too little',
    'has no quota',
    'has no quota and says when',
    'is overloaded',
    'loses connections',
    'hangs',
    'refuses a few',
  ),
  ms: fc.oneof(fc.integer({ min: 1, max: 10 * SECOND }), fc.integer({ min: 1, max: 30 * MINUTE })),
})

const TIMEOUT_MS = 10 * MINUTE

function failureIn(does: Phase['does'], leftMs: number, dice: SeededRandom): AgentError | undefined {
  switch (does) {
    case 'throttles':
      return new AgentError('throttled', 'no')
    case 'throttles and says when':
      return new AgentError('throttled', 'no', { retryAfterMs: leftMs })
    case 'throttles and says too little':
      return new AgentError('throttled', `try again in ${Math.ceil(leftMs / 10)}ms`)
    case 'has no quota':
      return new AgentError('quota', 'no')
    case 'has no quota and says when':
      return new AgentError('quota', `reset after ${Math.ceil(leftMs)}ms`)
    case 'is overloaded':
      return new AgentError('overloaded', 'no')
    case 'loses connections':
      return new AgentError('crashed', 'no')
    case 'refuses a few':
      return dice.chance(0.3) ? new AgentError('throttled', 'no') : undefined
    default:
      return undefined
  }
}

/** A pool in which attempts may start, with what only it or its key remembers of attempts gone. */
async function play(phases: readonly Phase[], pool: Partial<PoolOptions>, seed: number): Promise<void> {
  const clock = new VirtualClock()
  const dice = new SeededRandom(seed)
  const ends: number[] = []
  for (const { ms } of phases) ends.push((ends.at(-1) ?? 0) + ms)
  const wellAt = ends.at(-1) ?? 0
  const pass = (ms: number): Promise<void> => new Promise(resolve => clock.schedule(resolve, ms))
  const backend: AgentFunction = async (_, { signal }) => {
    const now = clock.monotonic()
    const i = ends.findIndex(end => now < end)
    const does = phases[i]?.does ?? 'works'
    await pass(dice.chance(0.5) ? 50 : 2_000)
    if (does === 'hangs')
      return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    const failure = failureIn(does, (ends[i] ?? 0) - now, dice)
    if (failure) throw failure
    return 'done'
  }
  const defaults = { retries: 1_000, timeoutMs: TIMEOUT_MS }
  const options = { backend, defaults, graceMs: 1_000, ...pool }
  const orchestrator = new Orchestrator({ clock, random: () => dice.next(), pools: { p: options, q: options } })
  const tasks = (name: string, count: number) =>
    Array.from({ length: count }, (_, i) => ({ id: `${name}${i}`, pool: i % 3 === 0 ? 'q' : 'p' }))
  const kept = orchestrator.run({ tasks: tasks('kept', 60) })
  const dropped = orchestrator.run({ tasks: tasks('dropped', 30) })
  clock.schedule(() => void dropped.cancelTask('dropped0'), dice.next() * (wellAt + 1))
  clock.schedule(() => void dropped.cancel(), dice.next() * (wellAt + 1))
  await clock.runUntilIdle()
  const { outcome } = await kept.result
  expect(outcome).toBe('completed')
  // A quota that names no time may cost a quarter more; a breaker five minutes; what hangs, its timeout.
  expect(clock.monotonic()).toBeLessThan(1.4 * wellAt + TIMEOUT_MS + 15 * MINUTE)
  expect(clock.pending).toBe(0)
  for (const each of orchestrator.pools.values()) expect(each.stats()).toMatchObject({ running: 0, queued: 0 })
  // Nothing is left that would hold back the next run, except rests that have not ended.
  const next = orchestrator.run({ tasks: tasks('next', 20) })
  const startedAt = Math.max(clock.monotonic(), wellAt)
  await clock.runUntilIdle()
  expect((await next.result).outcome).toBe('completed')
  expect(clock.monotonic() - startedAt).toBeLessThan(0.4 * wellAt + TIMEOUT_MS + 7 * MINUTE)
}

test('whatever a provider does for a while, all tasks complete soon after it is well, and nothing is left behind', async () => {
  const pools = fc.record({
    concurrency: fc.constantFrom<PoolOptions['concurrency']>(1, 3, 16, { min: 1, max: 16 }),
    limitKey: fc.constantFrom(undefined, 'account'),
    breaker: fc.constantFrom(undefined, { failures: 1 }, { failures: 3, probeMs: 5_000 }),
    retryBudget: fc.constantFrom(undefined, { floor: Number.POSITIVE_INFINITY }, { floor: 20, ratio: 1 }),
  })
  await fc.assert(fc.asyncProperty(fc.array(phase, { maxLength: 6 }), pools, fc.nat(), play), { numRuns: 150 })
}, 120_000)

test('an hour of hours: the same for long outages', async () => {
  await play(
    [
      { does: 'has no quota', ms: 5 * HOUR },
      { does: 'is overloaded', ms: HOUR },
    ],
    { concurrency: 4 },
    1,
  )
})
