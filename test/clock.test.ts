import { execFileSync } from 'node:child_process'
import { Orchestrator, systemClock } from 'counterpoint'
import { fail, hang, MockBackend, succeed } from 'counterpoint/testing'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { builtLibrary } from './package/built.js'
import { ROOT } from './package/source-tree.js'

afterEach(() => {
  vi.useRealTimers()
})

const TIMERS = ['setTimeout', 'clearTimeout', 'setImmediate', 'clearImmediate'] as const

/** What test runners fake, by their options. jest has the same fake timers as vitest. */
const WITH_TIME = [
  ['timers, Date and performance', {}],
  ['timers and Date', { toFake: [...TIMERS, 'Date'] }],
  ['timers and performance', { toFake: [...TIMERS, 'performance'] }],
  ['timers without setImmediate, and performance', { toFake: ['setTimeout', 'clearTimeout', 'performance'] }],
] as const
const TIMERS_ALONE = { toFake: [...TIMERS] } as const
const ALL = [...WITH_TIME, ['timers alone', TIMERS_ALONE]] as const

/** A copy, as vitest's type asks for a list that it may change. */
function fake(options: { readonly toFake?: readonly ('Date' | 'performance' | (typeof TIMERS)[number])[] }): void {
  vi.useFakeTimers(options.toFake === undefined ? {} : { toFake: [...options.toFake] })
}

describe.each(ALL)('with %s faked', (_name, options) => {
  test('a callback comes when its time has passed, once and not before', () => {
    fake(options)
    const callback = vi.fn()
    systemClock.schedule(callback, 90_000.5)
    vi.advanceTimersByTime(90_000)
    expect(callback).not.toHaveBeenCalled()
    vi.advanceTimersByTime(1)
    expect(callback).toHaveBeenCalledTimes(1)
    vi.advanceTimersByTime(100_000)
    expect(callback).toHaveBeenCalledTimes(1)
    expect(vi.getTimerCount()).toBe(0)
  })

  test('a callback comes after a delay above 2^31 ms, and a cancelled one does not', () => {
    fake(options)
    const callback = vi.fn()
    systemClock.schedule(callback, 2 ** 32)
    vi.advanceTimersByTime(2 ** 32 - 1)
    expect(callback).not.toHaveBeenCalled()
    vi.advanceTimersByTime(1)
    expect(callback).toHaveBeenCalledTimes(1)
    systemClock.schedule(callback, 5)()
    systemClock.schedule(callback, 0)()
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe.each(WITH_TIME)('with %s faked', (_name, options) => {
  test('a run retries after its delay, and ends an attempt after its timeout', async () => {
    fake(options)
    const backend = new MockBackend().answers('a', [fail('overloaded'), succeed('done')]).answer('b', hang())
    const orchestrator = new Orchestrator({ random: () => 0.5, pools: { agents: { backend, concurrency: 2 } } })
    const run = orchestrator.run({ tasks: [{ id: 'a' }, { id: 'b', retries: 0, timeoutMs: 60_000 }] })
    await vi.advanceTimersByTimeAsync(499)
    expect(backend.callsOf('a')).toHaveLength(1)
    await vi.advanceTimersByTimeAsync(59_500)
    expect(run.progress().counts).toMatchObject({ succeeded: 1, running: 1 })
    await vi.advanceTimersByTimeAsync(1)
    const { outcome, rootCauses } = await run.result
    expect(outcome).toBe('partial')
    expect(rootCauses[0]).toMatchObject({ taskId: 'b', failure: { kind: 'timeout' } })
    await vi.advanceTimersByTimeAsync(1)
    expect(vi.getTimerCount()).toBe(0)
  })
})

test('a timer that fires a little early is armed again, at most once', () => {
  vi.useFakeTimers({ toFake: [...TIMERS, 'performance'] })
  const callback = vi.fn()
  const now = vi.spyOn(performance, 'now').mockReturnValue(100)
  systemClock.schedule(callback, 10)
  now.mockReturnValue(109.5)
  vi.advanceTimersByTime(10)
  expect(callback).not.toHaveBeenCalled()
  now.mockReturnValue(109.9)
  vi.advanceTimersByTime(1)
  expect(callback).toHaveBeenCalledTimes(1)
})

test('a fake of the time that stands still ends in no endless loop of short timers', () => {
  vi.useFakeTimers({ toFake: [...TIMERS] })
  const callback = vi.fn()
  systemClock.schedule(callback, 1)
  vi.runAllTimers()
  expect(callback).toHaveBeenCalledTimes(1)
})

describe.each(ALL)('when %s are faked and real again', (_name, options) => {
  test('the clock never decreases, and does not jump', () => {
    const readings = [systemClock.monotonic()]
    const read = (): number => readings.push(systemClock.monotonic())
    for (let round = 0; round < 2; round++) {
      fake(options)
      read()
      vi.advanceTimersByTime(5_000)
      read()
      vi.useRealTimers()
      read()
    }
    expect(readings).toEqual(readings.toSorted((a, b) => a - b))
    const fakedMs = options === TIMERS_ALONE ? 0 : 10_000
    const passedMs = (readings.at(-1) as number) - (readings[0] as number) - fakedMs
    expect(passedMs).toBeGreaterThanOrEqual(0)
    expect(passedMs).toBeLessThan(5_000)
  })
})

describe.each(WITH_TIME)('when %s are faked and real again', (_name, options) => {
  test('an orchestrator that is older and younger than the fake timers still ends its rate windows', async () => {
    const perMs = 50
    const backend = new MockBackend().answer('*', 'done')
    const orchestrator = new Orchestrator({ pools: { agents: { backend, requests: { limit: 1, perMs } } } })
    const runOne = async (): Promise<string> => (await orchestrator.run({ tasks: [{ id: 'a' }] }).result).outcome
    expect(await runOne()).toBe('completed')
    fake(options)
    const second = runOne()
    await vi.advanceTimersByTimeAsync(2 * perMs)
    expect(await second).toBe('completed')
    vi.useRealTimers()
    expect(await runOne()).toBe('completed')
  })
})

test('a fake clock that is set back does not decrease, and advances again', () => {
  fake({ toFake: [...TIMERS, 'Date'] })
  const before = systemClock.monotonic()
  vi.setSystemTime(0)
  expect(systemClock.monotonic() - before).toBeLessThan(5)
  vi.advanceTimersByTime(1_000)
  expect(systemClock.monotonic() - before).toBeGreaterThanOrEqual(1_000)
})

test('a fake Date without timers changes no duration', () => {
  const before = systemClock.monotonic()
  vi.setSystemTime(0)
  expect(systemClock.now()).toBeLessThan(1_000)
  expect(systemClock.monotonic() - before).toBeLessThan(100_000)
})

test('a long timeout ends with the mock timers of node:test, which fake no performance', () => {
  const script = `
    import { mock } from 'node:test'
    import { Orchestrator } from 'counterpoint'
    const turn = setImmediate
    mock.timers.enable({ apis: ['setTimeout', 'Date'] })
    const backend = (_request, { signal }) => new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    const run = new Orchestrator({ pools: { p: { backend } } }).run({ tasks: [{ id: 'a', retries: 1, timeoutMs: 3_600_000, backoff: { baseMs: 60_000, maxMs: 60_000 } }] })
    run.result.then(({ rootCauses, times }) => console.log(rootCauses[0].failure.kind, times.wallMs >= 7_200_000))
    for (const ms of [0, 3_600_000, 60_000, 3_600_000, 10_000]) {
      mock.timers.tick(ms)
      await new Promise(resolve => turn(resolve))
    }`
  builtLibrary()
  const argv = ['--no-warnings', '--input-type=module', '--eval', script]
  expect(execFileSync(process.execPath, argv, { cwd: ROOT, encoding: 'utf8', timeout: 20_000 })).toBe('timeout true\n')
})
