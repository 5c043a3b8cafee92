import { type Clock, Orchestrator } from 'counterpoint'
import { expect, test } from 'vitest'

/**
 * A clock of a host, whose time is in the thousands of milliseconds since 1970 as that of `Date.now` is, and that adds delays to it as they
 * are: a delay that the sum swallows is due at once.
 */
class PlainClock implements Clock {
  #now = 1.7e12 + 0.1
  #timers: { readonly at: number; readonly callback: () => void }[] = []
  callbacks = 0

  now(): number {
    return this.#now
  }

  monotonic(): number {
    return this.#now
  }

  schedule(callback: () => void, delayMs: number): () => void {
    const timer = { at: this.#now + Math.max(0, delayMs), callback }
    this.#timers.push(timer)
    return () => {
      this.#timers = this.#timers.filter(other => other !== timer)
    }
  }

  /** Runs callbacks in the order of their times until nothing is scheduled, or `limit` have run. */
  async run(limit: number): Promise<void> {
    for (; this.callbacks < limit; this.callbacks++) {
      await new Promise(resolve => setImmediate(resolve))
      const [next] = [...this.#timers].sort((a, b) => a.at - b.at)
      if (next === undefined) return
      this.#timers = this.#timers.filter(timer => timer !== next)
      this.#now = Math.max(this.#now, next.at)
      next.callback()
    }
  }
}

test.each(['queueTimeoutMs', 'totalTimeoutMs', 'timeoutMs', 'idleTimeoutMs'])(
  'on a clock of a host, no timer of %s is set again and again by a fraction that its time swallows',
  async option => {
    const clock = new PlainClock()
    const orchestrator = new Orchestrator({
      clock,
      random: () => 0.123,
      pools: { p: { backend: () => new Promise(() => {}), requests: { limit: 5, perMs: 100.1 }, graceMs: 0.3 } },
    })
    const tasks = Array.from({ length: 40 }, (_, n) => ({
      id: `t${n}`,
      pool: 'p',
      retries: 0,
      timeoutMs: 900.01,
      [option]: 100 + n * 1.234_567_8,
    }))
    const run = orchestrator.run({ tasks })
    await new Promise(resolve => setImmediate(resolve))
    for (let i = 0; i < 5; i++) clock.schedule(() => orchestrator.pools.get('p')?.park(12.345_678_9), 33.333_3 * i)
    await clock.run(5_000)
    expect(run.progress().status).toBe('settled')
    expect(clock.callbacks).toBeLessThan(1_000)
  },
)
