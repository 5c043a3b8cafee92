import { Orchestrator } from 'counterpoint'
import { processBackend } from 'counterpoint/node'
import { expect, test } from 'vitest'

test.each<[object, number]>([
  [{ kind: 'quota', message: 'no', retryAfterMs: 9_000 }, 9_000],
  [{ kind: 'quota', message: 'no', resets_in_seconds: 18_000 }, 18_000_000],
  [{ kind: 'throttled', message: 'try again in 20s' }, 20_000],
  [{ kind: 'quota', message: 'no', rate_limits: { primary: { used_percent: 100, resets_in_seconds: 60 } } }, 60_000],
])('the pool of a program that reports %j waits for as long as it says', async (error, waitMs) => {
  const script = `console.log(JSON.stringify({ error: ${JSON.stringify(error)} }))`
  const backend = processBackend({ command: process.execPath, args: ['-e', script], output: 'jsonl' })
  const orchestrator = new Orchestrator({ random: () => 0, pools: { p: { backend } } })
  const parked = new Promise<number>(resolve => {
    orchestrator.on('pool.parked', ({ at, until }) => resolve(until - at))
  })
  const run = orchestrator.run({ tasks: [{ id: 'a', pool: 'p' }] })
  expect(await parked).toBeGreaterThan(waitMs - 50)
  expect(await parked).toBeLessThan(waitMs + 50)
  await run.cancel()
  await run.result
})
