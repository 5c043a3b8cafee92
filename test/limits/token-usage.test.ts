import { AgentError, type AgentFunction, Orchestrator, type ReportedUsage, reply, type TaskSpec } from 'counterpoint'
import { VirtualClock } from 'counterpoint/testing'
import { describe, expect, test } from 'vitest'

/** Resolves once the attempt is stopped. */
const stopped = (signal: AbortSignal): Promise<void> =>
  new Promise(resolve => signal.addEventListener('abort', () => resolve()))

const forever = () => new Promise<never>(() => {})

const reporting =
  (usage: ReportedUsage, answer: () => unknown): AgentFunction =>
  (_request, { report }) => {
    report({ usage })
    return answer() as Promise<string>
  }

const onStop =
  (answer: () => unknown): AgentFunction =>
  async (_request, { signal }) => {
    await stopped(signal)
    return answer() as string
  }

/** How an attempt ends that has used this. */
type End = (usage: ReportedUsage) => AgentFunction

const ENDS: readonly (readonly [string, End, Partial<TaskSpec>])[] = [
  ['replies', usage => () => reply({ output: 1, usage }), {}],
  ['reports and answers', usage => reporting(usage, () => 'ok'), {}],
  ['fails', usage => () => Promise.reject(new AgentError('agent', 'no', { usage })), {}],
  ['is refused', usage => () => Promise.reject(new AgentError('refused', 'no', { usage })), {}],
  ['is given bad input', usage => () => Promise.reject(new AgentError('bad-input', 'no', { usage })), {}],
  ['gives no JSON', usage => reporting(usage, () => 10n as never), {}],
  ['times out and had reported', usage => reporting(usage, forever), { timeoutMs: 10 }],
  [
    'times out and throws it',
    usage => onStop(() => Promise.reject(new AgentError('agent', 'no', { usage }))),
    { timeoutMs: 10 },
  ],
  ['reports nothing for too long', usage => reporting(usage, forever), { idleTimeoutMs: 10 }],
]

const CANCELLED: readonly (readonly [string, End])[] = [
  ['had reported', usage => reporting(usage, forever)],
  ['replies when it is stopped', usage => onStop(() => reply({ output: 1, usage }))],
  ['throws when it is stopped', usage => onStop(() => Promise.reject(new AgentError('crashed', 'no', { usage })))],
]

const USAGES: readonly ReportedUsage[] = [
  { tokens: 10 },
  { inputTokens: 7, outputTokens: 3 },
  { totalTokens: 10, inputTokens: 900 },
  { input_tokens: 7, output_tokens: 3 },
]

function stage(backend: AgentFunction, isKeyed: boolean) {
  const clock = new VirtualClock()
  const limits = { tokens: { limit: 10_000, perMs: 3_600_000 } }
  const pool = { backend, graceMs: 1, concurrency: 2 }
  const orchestrator = new Orchestrator({
    clock,
    pools: { p: isKeyed ? { ...pool, limitKey: 'k' } : { ...pool, ...limits } },
    ...(isKeyed && { limits: { k: limits } }),
  })
  orchestrator.on('error', () => {})
  const used = () => (isKeyed ? orchestrator.limits.get('k') : orchestrator.pools.get('p'))?.stats().tokens?.used
  return { clock, orchestrator, used }
}

describe.each([
  ['of a pool', false],
  ['of a limit key', true],
])('the token window %s is corrected by what was really used, with an estimate and without', (_title, isKeyed) => {
  test.each(ENDS)('by an attempt that %s', async (_end, end, options) => {
    for (const usage of USAGES)
      for (const estimate of [{}, { estimate: { tokens: 900 } }]) {
        const { clock, orchestrator, used } = stage(end(usage), isKeyed)
        orchestrator.run({ tasks: [{ id: 'a', pool: 'p', retries: 0, ...options, ...estimate }] })
        await clock.advance(900)
        // A repaired attempt counts too.
        expect([10, 20]).toContain(used())
      }
  })

  test.each(CANCELLED)('by a cancelled attempt that %s', async (_end, end) => {
    for (const usage of USAGES)
      for (const estimate of [{}, { estimate: { tokens: 900 } }])
        for (const cancel of ['task', 'run', 'drain'] as const) {
          const { clock, orchestrator, used } = stage(end(usage), isKeyed)
          const run = orchestrator.run({ tasks: [{ id: 'a', pool: 'p', ...estimate }] })
          run.result.catch(() => {})
          await clock.advance(20)
          if (cancel === 'task') void run.cancelTask('a')
          else if (cancel === 'run') void run.cancel()
          else void orchestrator.drain({ timeoutMs: 1 })
          await clock.advance(100)
          expect([cancel, used()]).toEqual([cancel, 10])
        }
  })

  test('by more than was expected', async () => {
    const { clock, orchestrator, used } = stage(() => reply({ output: 1, usage: { tokens: 5_000 } }), isKeyed)
    orchestrator.run({
      tasks: [
        { id: 'a', pool: 'p' },
        { id: 'b', pool: 'p', estimate: { tokens: 10 } },
      ],
    })
    await clock.advance(20)
    expect(used()).toBe(10_000)
  })

  test('not by an attempt that reports nothing: what was expected counts', async () => {
    const { clock, orchestrator, used } = stage(() => 'ok', isKeyed)
    orchestrator.run({ tasks: [{ id: 'a', pool: 'p', estimate: { tokens: 900 } }] })
    await clock.advance(20)
    expect(used()).toBe(900)
  })
})

test('a window that an attempt has left room in by its end is used at once, by another pool of the key too', async () => {
  const clock = new VirtualClock()
  const orchestrator = new Orchestrator({
    clock,
    pools: {
      p: {
        limitKey: 'k',
        backend: async (_request, { signal }) => {
          await stopped(signal)
          return reply({ output: 1, usage: { tokens: 10 } })
        },
      },
      q: { limitKey: 'k', backend: () => 'ok' },
    },
    limits: { k: { tokens: { limit: 1_000, perMs: 86_400_000 } } },
  })
  const estimate = { tokens: 900 }
  const one = orchestrator.run({ tasks: [{ id: 'a', pool: 'p', estimate }] })
  const two = orchestrator.run({ tasks: [{ id: 'b', pool: 'q', estimate }] })
  await clock.advance(50)
  await one.cancel()
  await clock.advance(1)
  expect(two.progress().status).toBe('settled')
})
