import { type Clock, checkOptions, optionsOf, rules } from 'counterpoint'
import { type ConformanceCase, MAKE, must } from './cases.js'

/** Options of {@link clockConformance}. */
export interface ClockConformanceOptions<C extends Clock = Clock> {
  /** Lets `ms` milliseconds of the clock pass. Default: `schedule` and wait. For a `VirtualClock`: `(ms, clock) => clock.advance(ms)`. */
  readonly pass?: ((ms: number, clock: C) => Promise<void>) | undefined
}

const OPTIONS = optionsOf({ pass: rules.fn }).partial()

/**
 * The requirements of a clock, as cases for any test runner. `make` returns a clock for each case; together they take about 300 ms of its time.
 *
 * ```ts
 * for (const { name, run } of clockConformance(() => systemClock)) test(name, run)
 * ```
 *
 * @throws CounterpointError `INVALID_INPUT` for unknown or invalid options.
 */
export function clockConformance<C extends Clock>(
  make: () => C,
  options: ClockConformanceOptions<C> = {},
): readonly ConformanceCase[] {
  checkOptions(MAKE, { make }, { of: 'clockConformance' })
  checkOptions(OPTIONS, options, { of: 'clockConformance' })
  const { pass = (ms, clock) => new Promise(resolve => void clock.schedule(resolve, ms)) } = options
  const on = (check: (clock: C, wait: (ms: number) => Promise<void>) => Promise<void>) => (): Promise<void> => {
    const clock = make()
    return check(clock, ms => pass(ms, clock))
  }
  return [
    { name: 'returns the time in milliseconds since 1970', run: on(returnsTheTime) },
    { name: 'has a monotonic time that grows', run: on(growsMonotonically) },
    { name: 'calls back once, and not early', run: on(callsBackOnce) },
    { name: 'calls back in the order of the due times', run: on(callsBackInOrder) },
    { name: 'calls back asynchronously for a delay of 0 or less', run: on(callsBackLater) },
    { name: 'does not call back after cancellation', run: on(cancels) },
    { name: 'lets a callback schedule another', run: on(schedulesFromCallback) },
    { name: 'does not call back early for a delay above 2^31 ms', run: on(waitsLong) },
  ]
}

type Wait = (ms: number) => Promise<void>

/** From 2001 to 2286: times in seconds or microseconds are outside. */
async function returnsTheTime(clock: Clock): Promise<void> {
  const now = clock.now()
  must(now > 1e12 && now < 1e13, `expected now() to be milliseconds since 1970, got ${now}`)
}

async function growsMonotonically(clock: Clock, wait: Wait): Promise<void> {
  const seen = [clock.monotonic()]
  for (let i = 0; i < 3; i++) {
    await wait(2)
    seen.push(clock.monotonic())
  }
  const grows = seen.every((at, i) => Number.isFinite(at) && (i === 0 || at > (seen[i - 1] as number)))
  must(grows, `expected monotonic() to grow while time passes, got ${seen.join(', ')}`)
}

async function callsBackOnce(clock: Clock, wait: Wait): Promise<void> {
  const calls: number[] = []
  const from = clock.monotonic()
  clock.schedule(() => calls.push(clock.monotonic() - from), 20)
  await wait(60)
  must(calls.length === 1, `expected one call within 60 ms for a delay of 20 ms, got ${calls.length}`)
  must((calls[0] as number) >= 20, `expected it after at least 20 ms, it came after ${calls[0]} ms`)
}

async function callsBackInOrder(clock: Clock, wait: Wait): Promise<void> {
  const calls: number[] = []
  for (const ms of [30, 5, 15]) clock.schedule(() => calls.push(ms), ms)
  await wait(60)
  must(calls.join() === '5,15,30', `expected 5,15,30, got ${calls.join()}`)
}

async function callsBackLater(clock: Clock, wait: Wait): Promise<void> {
  const calls: string[] = []
  for (const ms of [0, -1]) clock.schedule(() => calls.push(`${ms} ms`), ms)
  must(calls.join() === '', 'expected schedule() to return before it calls back; it called back synchronously')
  await wait(10)
  must(calls.join() === '0 ms,-1 ms', `expected calls for 0 ms,-1 ms, got ${calls.join()}`)
}

async function cancels(clock: Clock, wait: Wait): Promise<void> {
  const calls: string[] = []
  const cancel = clock.schedule(() => calls.push('cancelled'), 10)
  clock.schedule(() => calls.push('active'), 10)
  const cancelImmediate = clock.schedule(() => calls.push('cancelled at 0 ms'), 0)
  for (const each of [cancel, cancel, cancelImmediate]) each()
  await wait(40)
  cancel()
  must(calls.join() === 'active', `expected a call of the active timer only, got ${calls.join(', ')}`)
}

async function schedulesFromCallback(clock: Clock, wait: Wait): Promise<void> {
  const calls: string[] = []
  clock.schedule(() => {
    calls.push('first')
    clock.schedule(() => calls.push('second'), 10)
  }, 10)
  await wait(60)
  must(calls.join() === 'first,second', `expected first,second, got ${calls.join()}`)
}

async function waitsLong(clock: Clock, wait: Wait): Promise<void> {
  let calls = 0
  const cancels = [2 ** 31, 2 ** 32 + 1, Number.MAX_SAFE_INTEGER].map(ms => clock.schedule(() => calls++, ms))
  await wait(20)
  for (const cancel of cancels) cancel()
  must(calls === 0, `expected no call within 20 ms, but ${calls} of 3 callbacks with a delay above 24 days were called`)
}
