// One account, two pools: they share its rate limit, and when the provider throttles one of them, both wait.
// Time is virtual, so that the output is the same on every machine.
import { AgentError, type AgentFunction, Orchestrator } from 'counterpoint'
import { VirtualClock } from 'counterpoint/testing'

/** What the account allows: the provider would refuse a seventh call. */
const LIMIT = { limit: 6, perMs: 300 }
const calls: { readonly atMs: number; readonly pool: string }[] = []
const clock = new VirtualClock()
const elapsedMs = (): number => Math.round(clock.monotonic())
const sleep = (ms: number): Promise<void> => new Promise(resolve => clock.schedule(resolve, ms))

/** Both pools call the same provider. It throttles the tenth call. */
const backend: AgentFunction = async ({ task }) => {
  calls.push({ atMs: elapsedMs(), pool: task.pool })
  if (calls.length === 10) throw new AgentError('throttled', 'slow down', { retryAfterMs: 200 })
  await sleep(40)
  return `${task.id}: done`
}

await using orchestrator = new Orchestrator({
  clock,
  random: () => 0.5,
  pools: {
    writer: { backend, limitKey: 'acme', concurrency: 8 },
    editor: { backend, limitKey: 'acme', concurrency: 8 },
  },
  // For all pools of the account together: 4 calls in flight, and 6 starts in any 300 ms.
  limits: { acme: { concurrency: 4, requests: LIMIT } },
})
orchestrator.on('pool.parked', ({ pool, key, reason, until, at }) =>
  console.log(`${elapsedMs()} ms: ${pool} is parked with all pools of ${key}: ${reason}, for ${until - at} ms`),
)
orchestrator.on('pool.opened', ({ pool }) => console.log(`${elapsedMs()} ms: ${pool} is open again`))

const tasks = ['writer', 'editor'].flatMap(pool => Array.from({ length: 14 }, (_, i) => ({ id: `${pool}-${i}`, pool })))
const run = orchestrator.run({ tasks })
await clock.runUntilIdle()
const { outcome } = await run.result

console.log('\nstarts of calls (w writer, e editor):')
for (let fromMs = 0; fromMs <= calls[calls.length - 1]!.atMs; fromMs += 100) {
  const began = calls.filter(({ atMs }) => atMs >= fromMs && atMs < fromMs + 100)
  console.log(`${String(fromMs).padStart(5)} ms  ${began.map(({ pool }) => pool[0]).join('')}`)
}

const inWindow = (from: number): number => calls.filter(({ atMs }) => atMs >= from && atMs < from + LIMIT.perMs).length
const most = Math.max(...calls.map(({ atMs }) => inWindow(atMs)))
console.log(`\n${outcome}: ${calls.length} calls for ${tasks.length} tasks, at most ${most} in any ${LIMIT.perMs} ms`)
