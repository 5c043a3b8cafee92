import { Limit, memoryJournal, Orchestrator, type Run, WorkerPool } from 'counterpoint'
import { MockBackend, slowJournal, VirtualClock } from 'counterpoint/testing'
import { describe, expect, test } from 'vitest'

const DAY = 86_400_000

/** What a test has in hand: `big` waits for the day of its window to end, and `small` waits behind it. */
interface Waiting {
  readonly clock: VirtualClock
  readonly limit: Limit
  /** The pool of `big`. */
  readonly pool: WorkerPool
  /** Of `big`. */
  readonly orchestrator: Orchestrator
  readonly run: Run
  readonly journal: ReturnType<typeof slowJournal>
  setHealthy(healthy: boolean): void
}

/** What `big` has, beside the tokens that do not fit. */
const BIG = { id: 'big', pool: 'p', estimate: { tokens: 500 }, queueTimeoutMs: 50_000, totalTimeoutMs: 60_000 }

/**
 * Pool `p` of one orchestrator and pool `q` of another one share an account. After a task of 900 tokens, `big` does not fit into the window,
 * and `small`, which would fit, must not overtake it. With `q` given as `p`, both tasks wait in one pool.
 */
async function waiting(
  q: 'p' | 'q',
  act: (given: Waiting) => unknown,
  ms: number,
): Promise<{ calledAt: number | undefined; pending: number }> {
  const clock = new VirtualClock()
  const limit = new Limit({ key: 'account', clock, tokens: { limit: 1_000, perMs: DAY } })
  let isHealthy = true
  const setHealthy = (healthy: boolean): void => {
    isHealthy = healthy
  }
  const backend = Object.assign(new MockBackend({ clock }).answer('*', 'done').hold('hung'), {
    health: () => isHealthy,
  })
  const pool = new WorkerPool({ name: 'p', backend, limit, clock, concurrency: 2, health: { everyMs: 1_000 } })
  const smallBackend = new MockBackend({ clock }).answer('*', 'done')
  const other = q === 'p' ? pool : new WorkerPool({ name: 'q', backend: smallBackend, limit, clock })
  const journal = slowJournal({ clock, delayMs: 1 })
  const orchestrator = new Orchestrator({ clock, journal, pools: { p: pool } })
  orchestrator.on('error', () => {})
  const rest = new Orchestrator({ clock, journal: memoryJournal(), pools: { q: other } })
  const first = rest.run({ tasks: [{ id: 'first', estimate: { tokens: 900 } }] })
  await clock.advance(0)
  await first.result
  // In one pool, it would give the run of `small` the next turn.
  if (q === 'q') orchestrator.run({ tasks: [{ id: 'hung', pool: 'p' }] })
  const run = orchestrator.run({ tasks: [BIG] })
  await clock.advance(10)
  const small = rest.run({ tasks: [{ id: 'small', estimate: { tokens: 10 } }] })
  await clock.advance(1_000)
  expect([run.task('big')?.status, small.task('small')?.status]).toEqual(['ready', 'ready'])
  const from = clock.monotonic()
  await act({ clock, limit, pool, orchestrator, run, journal, setHealthy })
  await clock.advance(ms)
  const call = [...backend.calls, ...smallBackend.calls].find(({ taskId }) => taskId === 'small')
  await rest.drain()
  return {
    calledAt: call && Math.floor(call.startedAt - clock.now() + clock.monotonic() - from),
    pending: clock.pending,
  }
}

/** Each way in which a task that waits for capacity goes away, and the longest time that this may take, in milliseconds. */
const WAYS: readonly [string, (given: Waiting) => unknown, number?][] = [
  ['it is cancelled', ({ run }) => void run.cancelTask('big')],
  ['its run is cancelled', ({ run }) => void run.cancel()],
  ['its run is paused', ({ run }) => void run.pause()],
  ['its queue timeout expires', () => {}, 49_100],
  ['its orchestrator is drained', ({ orchestrator }) => void orchestrator.drain({ timeoutMs: 0 })],
  [
    'its run loses its journal',
    ({ journal, run }) => {
      journal.fail()
      void run.setBudget({})
    },
  ],
  [
    'the window is raised',
    ({ limit }) => {
      limit.tokens = { limit: 2_000, perMs: DAY }
    },
  ],
  [
    'the window is removed',
    ({ limit }) => {
      limit.tokens = undefined
    },
  ],
  [
    'the window becomes shorter',
    ({ limit }) => {
      limit.tokens = { limit: 1_000, perMs: 1_000 }
    },
  ],
]

/** Those that let only other pools start. */
const WAYS_OF_A_POOL: readonly [string, (given: Waiting) => unknown, number?][] = [
  ['its pool is paused', ({ pool }) => pool.pause()],
  ['its pool is parked', ({ pool }) => pool.park(DAY)],
  ['its pool becomes unhealthy', ({ setHealthy }) => setHealthy(false), 1_000],
  [
    'its pool has no slot any more',
    ({ pool }) => {
      pool.concurrency = 1
    },
  ],
]

describe('a task that waits behind one that needs more tokens than are left starts', () => {
  test.each([...WAYS, ...WAYS_OF_A_POOL])('in another pool of the key, when %s', async (_, act, ms = 1) => {
    const { calledAt } = await waiting('q', act, ms + 1)
    expect(calledAt).toBeLessThanOrEqual(ms)
  })

  test.each(WAYS)('in the same pool, when %s', async (_, act, ms = 1) => {
    const { calledAt } = await waiting('p', act, ms + 1)
    expect(calledAt).toBeLessThanOrEqual(ms)
  })
})

test('a task that waits behind a larger one does not overtake it', async () => {
  expect((await waiting('q', () => {}, 40_000)).calledAt).toBeUndefined()
})
