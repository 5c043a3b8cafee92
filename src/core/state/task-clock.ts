import { type Parking, type RunState, stoppedMsAt, type TaskClock } from './run-state.js'

/** Starts or continues the clock of a task with a queue or total timeout, which has become ready. */
export function startTaskClock(state: RunState, index: number, at: number): void {
  const clock = state.clocks.get(index)
  const stoppedMs = stoppedMsAt(state, at)
  state.clocks.set(index, {
    firstReadyAt: clock?.firstReadyAt ?? at,
    stoppedMsAtFirst: clock?.stoppedMsAtFirst ?? stoppedMs,
    lastReadyAt: at,
    stoppedMsAtLast: stoppedMs,
    heldMs: clock ? heldMsAt(state, clock, at) : 0,
    heldMsAtLoss: clock?.heldMsAtLoss ?? 0,
    held: undefined,
  })
}

/** Stops the clock of a task, which is held now. */
export function holdTaskClock(state: RunState, index: number, at: number): void {
  const clock = state.clocks.get(index)
  if (clock) state.clocks.set(index, { ...clock, held: { at, stoppedMs: stoppedMsAt(state, at) } })
}

/** A failure of task `index` parks its pool for `ms` milliseconds: the clocks of tasks that wait for it are stopped. */
export function recordParking(state: RunState, index: number, at: number, ms: number): void {
  if (state.clocks.size === 0) return
  const pool = state.specs[index]?.pool ?? ''
  const before = state.parkings.get(pool) ?? []
  const last = before.at(-1)
  if (last === undefined || last.until < at) state.parkings.set(pool, [...before, { from: at, until: at + ms }])
  else state.parkings.set(pool, [...before.slice(0, -1), { from: last.from, until: Math.max(last.until, at + ms) }])
}

/** No process had the run from `lostAt` to `at`: what was parked then is counted as lost time, not as parked. */
export function splitParkings(state: RunState, lostAt: number, at: number): void {
  for (const [pool, parkings] of state.parkings) {
    const last = parkings.at(-1) as Parking
    if (last.until <= lostAt) continue
    const rest = last.until > at ? [{ from: at, until: last.until }] : []
    state.parkings.set(pool, [...parkings.slice(0, -1), { from: last.from, until: lostAt }, ...rest])
  }
}

/** How long the pool of task `index` was parked between these times, in milliseconds. */
function parkedMs(state: RunState, index: number, from: number, to: number): number {
  let ms = 0
  for (const parking of state.parkings.get(state.specs[index]?.pool ?? '') ?? [])
    ms += Math.max(0, Math.min(to, parking.until) - Math.max(from, parking.from))
  return ms
}

/** Records how long the clocks had been stopped at the last event of the previous process. To be called before its downtime is added. */
export function recordProcessLoss(state: RunState): void {
  state.stoppedMsAtLoss = stoppedMsAt(state, state.at)
  for (const [index, clock] of state.clocks)
    state.clocks.set(index, { ...clock, heldMsAtLoss: heldMsAt(state, clock, state.at) })
}

/** How long a task had waited when the previous process was lost, in milliseconds: since it was last ready, and since it was first ready. */
export function waitBeforeProcessLoss(
  state: RunState,
  index: number,
): { readonly queueMs: number; readonly totalMs: number } {
  const clock = state.clocks.get(index)
  const { processLostAt, stoppedMsAtLoss } = state
  if (clock === undefined) return { queueMs: 0, totalMs: 0 }
  const { firstReadyAt, stoppedMsAtFirst, lastReadyAt, stoppedMsAtLast, heldMsAtLoss } = clock
  const waitedMs = (at: number, stoppedMs: number): number =>
    Math.max(0, processLostAt - at - (stoppedMsAtLoss - stoppedMs) - parkedMs(state, index, at, processLostAt))
  return {
    queueMs: lastReadyAt < processLostAt ? waitedMs(lastReadyAt, stoppedMsAtLast) : 0,
    totalMs: firstReadyAt < processLostAt ? Math.max(0, waitedMs(firstReadyAt, stoppedMsAtFirst) - heldMsAtLoss) : 0,
  }
}

/** How long the task had been held by `at`, in milliseconds, without the time in which the run was stopped. */
function heldMsAt(state: RunState, { heldMs, held }: TaskClock, at: number): number {
  return heldMs + (held === undefined ? 0 : Math.max(0, at - held.at - (stoppedMsAt(state, at) - held.stoppedMs)))
}
