import { type AgentRequest, type AttemptContext, isCounterpointError, Orchestrator } from 'counterpoint'
import { fail, hang, ignoreAbort, succeed, type VirtualClock } from 'counterpoint/testing'
import { describe, expect, test } from 'vitest'
import { Fixture, turn } from './fixture.js'

const DAY_MS = 86_400_000

describe('an attempt that takes too long', () => {
  test('times out exactly at its timeout, is retried, and ends dead with kind timeout', async () => {
    const fixture = new Fixture()
    fixture.mock.answer('a', hang())
    const { tasks, events } = await fixture.run([{ id: 'a', timeoutMs: 1_000, retries: 1 }])
    expect(tasks.a).toMatchObject({
      status: 'dead',
      attempts: 2,
      abandoned: 0,
      failure: { kind: 'timeout', timeout: 'attempt', message: 'the attempt took longer than 1000 ms' },
    })
    expect(fixture.mock.calls.map(({ startedAt, endedAt }) => endedAt! - startedAt)).toEqual([1_000, 1_000])
    const types = events.filter(event => 'taskId' in event).map(({ type }) => type)
    expect(types.slice(2)).toEqual([
      ...['attempt.started', 'attempt.stopping', 'attempt.failed', 'task.delayed', 'task.ready'],
      ...['attempt.started', 'attempt.stopping', 'attempt.failed', 'task.dead'],
    ])
  })

  test('succeeds a millisecond before the timeout, and not a millisecond after', async () => {
    const fixture = new Fixture()
    fixture.mock.answer('early', succeed('x', { afterMs: 999 })).answer('late', succeed('x', { afterMs: 1_001 }))
    const { tasks } = await fixture.run(['early', 'late'].map(id => ({ id, timeoutMs: 1_000, retries: 0 })))
    expect([tasks.early?.status, tasks.late?.failure?.kind]).toEqual(['succeeded', 'timeout'])
  })

  test('has its own timeout with every attempt', async () => {
    const fixture = new Fixture()
    fixture.mock.answers('a', [hang(), hang(), succeed('third', { afterMs: 900 })])
    const { tasks } = await fixture.run([{ id: 'a', timeoutMs: 1_000, retries: 2 }])
    expect(tasks.a).toMatchObject({ status: 'succeeded', attempts: 3, busyMs: 2_900 })
  })

  test('has an hour by default; the option of the task overrides that of its pool', async () => {
    for (const [defaults, own, wallMs] of [
      [{}, {}, 3_600_000],
      [{ timeoutMs: 5_000 }, {}, 5_000],
      [{ timeoutMs: 5_000 }, { timeoutMs: 7_000 }, 7_000],
    ] as const) {
      const fixture = new Fixture(undefined, { pool: { defaults } })
      fixture.mock.answer('a', hang())
      const { result } = await fixture.run([{ id: 'a', retries: 0, ...own }])
      expect(result.times.wallMs).toBe(wallMs)
    }
  })
})

describe('a limit of more than 2^31 ms', () => {
  test.each([2 ** 31, 2 ** 31 + 5, 2 ** 32 + 1, 400 * DAY_MS])(
    'of %d ms is exact to the millisecond',
    async timeoutMs => {
      const fixture = new Fixture()
      fixture.mock.answer('long', succeed('x', { afterMs: timeoutMs - 1 })).answer('longer', hang())
      const { tasks } = await fixture.run(['long', 'longer'].map(id => ({ id, timeoutMs, retries: 0 })))
      expect(tasks.long?.status).toBe('succeeded')
      expect(tasks.longer).toMatchObject({ failure: { kind: 'timeout' }, busyMs: timeoutMs })
    },
  )

  test('never fires early in real time', async () => {
    const backend = (): Promise<string> => new Promise(resolve => setTimeout(resolve, 50, 'in time'))
    const tasks = [2 ** 31, 2 ** 32 + 1, Number.MAX_SAFE_INTEGER].map((timeoutMs, i) => ({
      id: `t${i}`,
      description: 'x',
      timeoutMs,
    }))
    const { outcome } = await new Orchestrator({ pools: { pool: { backend } } }).run({ tasks }).result
    expect(outcome).toBe('completed')
  })
})

describe('an invalid limit', () => {
  test.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY, '5'])(
    'rejects timeoutMs %s, and starts nothing',
    timeoutMs => {
      const fixture = new Fixture()
      expect(refusal(() => fixture.start([{ id: 'a', timeoutMs }]))).toMatch(/timeoutMs/)
      expect(fixture.orchestrator.runs.live).toEqual([])
      expect(refusal(() => new Fixture(undefined, { pool: { defaults: { timeoutMs: timeoutMs as number } } }))).toMatch(
        /^pools.pool.defaults.timeoutMs$/,
      )
    },
  )

  test.each([-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY])('rejects retries %d', retries => {
    expect(refusal(() => new Fixture().start([{ id: 'a', retries }]))).toMatch(/retries/)
    expect(refusal(() => new Fixture(undefined, { pool: { defaults: { retries } } }))).toMatch(/defaults.retries/)
  })

  test.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])('rejects concurrency %d', concurrency => {
    expect(refusal(() => new Fixture(undefined, { pool: { concurrency } }))).toMatch(/pools.pool.concurrency/)
  })

  test('retries 0 is one attempt', async () => {
    const fixture = new Fixture()
    fixture.mock.answer('a', hang())
    expect((await fixture.run([{ id: 'a', retries: 0 }])).tasks.a?.attempts).toBe(1)
  })

  function refusal(act: () => unknown): string {
    try {
      act()
    } catch (error) {
      if (isCounterpointError(error, 'INVALID_INPUT')) return error.details.issues.map(({ path }) => path).join(' ')
      throw error
    }
    return 'not refused'
  }
})

describe('a backend that never settles and ignores its abort', () => {
  test('is abandoned after the grace period: its slot is free, and others continue', async () => {
    const fixture = new Fixture(undefined, { pool: { concurrency: 1, graceMs: 5_000 } })
    fixture.mock.answer('stuck', ignoreAbort()).answer('next', 'x')
    const { tasks, events, result } = await fixture.run([{ id: 'stuck', timeoutMs: 1_000, retries: 0 }, 'next'])
    expect(tasks.stuck).toMatchObject({ status: 'dead', abandoned: 1, failure: { kind: 'timeout' } })
    const at = (type: string): number => events.find(event => event.type === type)!.at - result.startedAt
    expect([at('attempt.stopping'), at('attempt.abandoned'), at('task.dead')]).toEqual([1_000, 6_000, 6_000])
    expect(tasks.next).toMatchObject({ status: 'succeeded', startedAt: result.startedAt + 6_000 })
    expect(fixture.mock.running).toBe(1)
    expect(fixture.orchestrator.pools.get('pool')?.stats().running).toBe(0)
  })

  test('is abandoned once for each attempt', async () => {
    const fixture = new Fixture(undefined, { pool: { graceMs: 0 } })
    fixture.mock.answer('a', ignoreAbort())
    const { tasks } = await fixture.run([{ id: 'a', timeoutMs: 10, retries: 2 }])
    expect(tasks.a).toMatchObject({ status: 'dead', attempts: 3, abandoned: 3 })
  })

  test('keeps its slot with awaitsTermination', async () => {
    const HOUR_MS = 3_600_000
    const clock = (): VirtualClock => fixture.clock
    // Takes an hour to end after its abort.
    const slow = ({ task }: AgentRequest, { signal }: AttemptContext): unknown =>
      task.id !== 'slow' ||
      new Promise((_, reject) => {
        signal.addEventListener('abort', () => clock().schedule(() => reject(signal.reason), HOUR_MS))
      })
    const fixture = new Fixture({ run: slow, awaitsTermination: true }, { pool: { concurrency: 1 } })
    const { tasks, result } = await fixture.run([{ id: 'slow', timeoutMs: 1_000, retries: 0 }, 'next'])
    expect(tasks.slow).toMatchObject({ status: 'dead', abandoned: 0, busyMs: HOUR_MS + 1_000 })
    expect(tasks.next?.startedAt).toBe(result.startedAt + HOUR_MS + 1_000)
  })
})

describe('a wall clock that jumps', () => {
  const YEARS_MS = 10 * 365 * DAY_MS

  test.each([-3_600_000, YEARS_MS])(
    'by %d ms makes no timeout or delay early or late, and event times do not decrease',
    async byMs => {
      const fixture = new Fixture()
      fixture.mock.answer('stuck', hang()).answers('flaky', [fail('agent'), succeed('x', { afterMs: 2_000 })])
      const run = fixture.start([{ id: 'stuck', timeoutMs: 10_000, retries: 0 }, 'flaky'])
      await fixture.clock.advance(100)
      fixture.clock.jump(byMs)
      const { tasks, events, result } = await fixture.finish(run)
      expect([tasks.stuck?.busyMs, tasks.flaky?.busyMs, result.times.wallMs]).toEqual([10_000, 2_000, 10_000])
      const times = events.map(({ at }) => at)
      expect(times).toEqual(times.toSorted((a, b) => a - b))
      expect(fixture.clock.monotonic()).toBe(10_000)
    },
  )
})

describe('an event loop that is blocked for longer than the limits', () => {
  const block = (ms: number): void => {
    const end = performance.now() + ms
    while (performance.now() < end);
  }

  test('makes timeouts late: they keep their order, and an answer in time succeeds', async () => {
    const answers: Record<string, () => unknown> = {
      'in time': () => new Promise(resolve => setTimeout(resolve, 5, 'x')),
      'stuck for 30': () => new Promise(() => {}),
      'stuck for 20': () => new Promise(() => {}),
      blocker: async () => {
        await turn()
        block(80)
        return 'done'
      },
    }
    const backend = ({ task }: { task: { id: string } }): unknown => answers[task.id]?.()
    const orchestrator = new Orchestrator({ pools: { pool: { backend, graceMs: 0 } } })
    const tasks = Object.keys(answers).map(id => ({
      id,
      description: id,
      retries: 0,
      timeoutMs: Number(/\d+/.exec(id)?.[0] ?? 60),
    }))
    const run = orchestrator.run({ tasks })
    const dead: string[] = []
    run.on('task.dead', ({ taskId }) => dead.push(taskId))
    const { outcome } = await run.result
    expect(outcome).toBe('partial')
    expect(dead).toEqual(['stuck for 20', 'stuck for 30'])
    expect([run.task('in time')?.status, run.task('blocker')?.status]).toEqual(['succeeded', 'succeeded'])
  })
})
