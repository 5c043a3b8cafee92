import { AgentError, Orchestrator } from 'counterpoint'
import { VirtualClock } from 'counterpoint/testing'
import { expect, test } from 'vitest'

const PER_SECOND = 200

/** A provider that accepts 200 requests a second and returns an exact retry-after. */
class Provider {
  calls = 0
  throttled = 0
  readonly #clock: VirtualClock
  readonly #random: () => number
  readonly #starts: number[] = []

  constructor(clock: VirtualClock, random: () => number) {
    this.#clock = clock
    this.#random = random
  }

  async answer(meanMs: number): Promise<string> {
    this.calls++
    const now = this.#clock.monotonic()
    while (this.#starts.length > 0 && this.#starts[0]! <= now - 1_000) this.#starts.shift()
    if (this.#starts.length >= PER_SECOND) {
      this.throttled++
      await this.#pass(5)
      throw new AgentError('throttled', 'slow down', { retryAfterMs: Math.ceil(this.#starts[0]! + 1_000 - now) })
    }
    this.#starts.push(now)
    await this.#pass(meanMs * (0.5 + this.#random()))
    return 'done'
  }

  #pass(ms: number): Promise<void> {
    return new Promise(resolve => this.#clock.schedule(resolve, ms))
  }
}

function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 16_807) % 2_147_483_647
    return state / 2_147_483_647
  }
}

test.each([
  [20, 1],
  [20, 2],
  [20, 3],
  [200, 1],
])('a pool adapts to a provider of %i ms, with few throttled requests (seed %i)', async (meanMs, seed) => {
  const clock = new VirtualClock()
  const random = randomFrom(seed)
  const provider = new Provider(clock, random)
  const orchestrator = new Orchestrator({
    clock,
    random,
    failureHandler: ({ retryAfterMs = 0 }) => ({ action: 'park', delayMs: retryAfterMs }),
    pools: { p: { backend: () => provider.answer(meanMs), concurrency: { min: 1, max: 64 } } },
  })
  const tasks = Array.from({ length: 6_000 }, (_, i) => ({ id: `t${i}`, pool: 'p' }))
  const run = orchestrator.run({ tasks })
  await clock.runUntilIdle()
  expect((await run.result).outcome).toBe('completed')
  expect(provider.throttled / provider.calls).toBeLessThan(0.03)
  const perSecond = tasks.length / (clock.monotonic() / 1_000)
  expect(perSecond).toBeGreaterThan(meanMs === 20 ? 0.85 * PER_SECOND : 0.75 * PER_SECOND)
})
