import type { Clock } from 'counterpoint'
import { type ConformanceCase, must } from './cases.js'

/** What {@link clockConformance} is told about a clock. */
export interface ClockConformanceOptions<C extends Clock = Clock> {
  /** Lets `ms` milliseconds of the clock pass. Default: waits for them with `schedule`. For a `VirtualClock`: `(ms, clock) => clock.advance(ms)`. */
  readonly pass?: (ms: number, clock: C) => Promise<void>
}

/**
 * What every clock promises, as cases for any test runner. `make` gives a clock for each case; together they let about 300 ms of its time pass.
 *
 * ```ts
 * for (const { name, run } of clockConformance(() => systemClock)) test(name, run)
 * ```
 */
export function clockConformance<C extends Clock>(
  make: () => C,
  options: ClockConformanceOptions<C> = {},
): readonly ConformanceCase[] {
  const { pass = (ms, clock) => new Promise(resolve => void clock.schedule(resolve, ms)) } = options
  const on = (check: (clock: C, wait: (ms: number) => Promise<void>) => Promise<void>) => (): Promise<void> => {
    const clock = make()
    return check(clock, ms => pass(ms, clock))
  }
  return [
    { name: 'tells the time in milliseconds since 1970', run: on(tellsTheTime) },
    { name: 'has monotonic time that passes and never goes back', run: on(neverGoesBack) },
    { name: 'calls back once, and not early', run: on(callsBackOnce) },
    { name: 'calls back in the order of the times, not of the calls', run: on(callsBackInOrder) },
    { name: 'calls back in a later turn for a delay of 0 or less', run: on(callsBackLater) },
    { name: 'does not call back what was called off', run: on(callsOff) },
    { name: 'lets a callback schedule the next', run: on(letsCallbacksSchedule) },
    { name: 'does not call back early after more than 2^31 ms', run: on(waitsVeryLong) },
  ]
}

type Wait = (ms: number) => Promise<void>

/** From 2001 to 2286: seconds and microseconds lie outside. */
async function tellsTheTime(clock: Clock): Promise<void> {
  const now = clock.now()
  must(now > 1e12 && now < 1e13, `expected now() to be milliseconds since 1970, got ${now}`)
}

async function neverGoesBack(clock: Clock, wait: Wait): Promise<void> {
  const seen = [clock.monotonic()]
  for (let i = 0; i < 3; i++) {
    await wait(2)
    seen.push(clock.monotonic())
  }
  const grows = seen.every((at, i) => Number.isFinite(at) && (i === 0 || at > (seen[i - 1] as number)))
  must(grows, `expected monotonic() to grow while time passes, got ${seen.join(', ')}`)
}

async function callsBackOnce(clock: Clock, wait: Wait): Promise<void> {
  const heard: number[] = []
  const from = clock.monotonic()
  clock.schedule(() => heard.push(clock.monotonic() - from), 20)
  await wait(60)
  must(heard.length === 1, `expected one call within 60 ms for a delay of 20 ms, got ${heard.length}`)
  must((heard[0] as number) >= 20, `expected it after 20 ms, it came after ${heard[0]} ms`)
}

async function callsBackInOrder(clock: Clock, wait: Wait): Promise<void> {
  const heard: number[] = []
  for (const ms of [30, 5, 15]) clock.schedule(() => heard.push(ms), ms)
  await wait(60)
  must(heard.join() === '5,15,30', `expected 5,15,30, got ${heard.join()}`)
}

async function callsBackLater(clock: Clock, wait: Wait): Promise<void> {
  const heard: string[] = []
  for (const ms of [0, -1]) clock.schedule(() => heard.push(`${ms} ms`), ms)
  must(heard.join() === '', 'expected schedule() to return before it calls back; it called back at once')
  await wait(10)
  must(heard.join() === '0 ms,-1 ms', `expected calls for 0 ms,-1 ms, got ${heard.join()}`)
}

async function callsOff(clock: Clock, wait: Wait): Promise<void> {
  const heard: string[] = []
  const callOff = clock.schedule(() => heard.push('called off'), 10)
  clock.schedule(() => heard.push('kept'), 10)
  const callOffSoon = clock.schedule(() => heard.push('called off at 0 ms'), 0)
  for (const each of [callOff, callOff, callOffSoon]) each()
  await wait(40)
  callOff()
  must(heard.join() === 'kept', `expected only what was kept to be called back, got ${heard.join(', ')}`)
}

async function letsCallbacksSchedule(clock: Clock, wait: Wait): Promise<void> {
  const heard: string[] = []
  clock.schedule(() => {
    heard.push('first')
    clock.schedule(() => heard.push('second'), 10)
  }, 10)
  await wait(60)
  must(heard.join() === 'first,second', `expected first,second, got ${heard.join()}`)
}

async function waitsVeryLong(clock: Clock, wait: Wait): Promise<void> {
  let heard = 0
  const callOffs = [2 ** 31, 2 ** 32 + 1, Number.MAX_SAFE_INTEGER].map(ms => clock.schedule(() => heard++, ms))
  await wait(20)
  for (const callOff of callOffs) callOff()
  must(heard === 0, `expected nothing within 20 ms, but ${heard} of 3 callbacks for more than 24 days came`)
}
