import { EventEmitter } from 'node:events'
import { expect, onTestFinished, test, vi } from 'vitest'
import { AttemptEnd } from '../../../src/node/process/attempt-end.js'
import type { Child } from '../../../src/node/process/spawn.js'

test('looks for an answer the less often the longer a look takes', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'clearImmediate'] })
  onTestFinished(() => void vi.useRealTimers())
  let now = 0
  vi.spyOn(performance, 'now').mockImplementation(() => now)
  const looksIn = async (lookMs: number): Promise<number> => {
    let looks = 0
    const isAnswered = () => {
      looks++
      now += lookMs
      return false
    }
    const terms = { drainMs: 1_000, maxDrainMs: 1_000, answerGraceMs: 60_000, isAnswered, onWait: () => {} }
    const abort = new AbortController()
    const end = new AttemptEnd(new EventEmitter() as Child, abort.signal, terms)
    for (let i = 0; i < 40; i++) {
      end.onOutput()
      await vi.advanceTimersByTimeAsync(100)
    }
    abort.abort()
    expect(await end.reached).toBe('aborted')
    return looks
  }
  expect(await looksIn(0)).toBe(40)
  // Output that comes every 100 ms puts off a look that is due after 2 s.
  expect(await looksIn(100)).toBe(1)
})
