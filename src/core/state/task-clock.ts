import { type RunState, stoppedMsAt, type TaskClock } from './run-state.js'

/** A task with time-outs in the queue or in total is ready. */
export function startTaskClock(state: RunState, index: number, at: number): void {
  const was = state.clocks.get(index)
  const stopped = stoppedMsAt(state, at)
  state.clocks.set(index, {
    firstReadyAt: was?.firstReadyAt ?? at,
    stoppedMsAtFirst: was?.stoppedMsAtFirst ?? stopped,
    lastReadyAt: at,
    stoppedMsAtLast: stopped,
    heldMs: was ? heldBy(state, was, at) : 0,
    heldMsAtLoss: was?.heldMsAtLoss ?? 0,
    held: undefined,
  })
}

/** A task is held: its clock stands still. */
export function holdTaskClock(state: RunState, index: number, at: number): void {
  const was = state.clocks.get(index)
  if (was) state.clocks.set(index, { ...was, held: { at, stopped: stoppedMsAt(state, at) } })
}

/** The process before this one was last heard of at the time of the last event; nothing has been added to it yet. */
export function recordProcessLoss(state: RunState): void {
  state.stoppedMsAtLoss = stoppedMsAt(state, state.at)
  for (const [index, clock] of state.clocks)
    state.clocks.set(index, { ...clock, heldMsAtLoss: heldBy(state, clock, state.at) })
}

/** What a task had waited since it was last ready, and since it was first, when the process before this one was last heard of. */
export function waitBeforeProcessLoss(
  state: RunState,
  index: number,
): { readonly queueMs: number; readonly totalMs: number } {
  const clock = state.clocks.get(index)
  const { processLostAt: leftAt, stoppedMsAtLoss: stoppedAtLeave } = state
  if (clock === undefined) return { queueMs: 0, totalMs: 0 }
  const {
    firstReadyAt: firstAt,
    stoppedMsAtFirst: firstStopped,
    lastReadyAt: lastAt,
    stoppedMsAtLast: lastStopped,
    heldMsAtLoss: heldMsAtLeave,
  } = clock
  const since = (at: number, stopped: number): number => Math.max(0, leftAt - at - (stoppedAtLeave - stopped))
  return {
    queueMs: lastAt < leftAt ? since(lastAt, lastStopped) : 0,
    totalMs: firstAt < leftAt ? Math.max(0, since(firstAt, firstStopped) - heldMsAtLeave) : 0,
  }
}

/** How long it was held by then, without the time in which the run stood still. */
function heldBy(state: RunState, { heldMs, held }: TaskClock, at: number): number {
  return heldMs + (held === undefined ? 0 : Math.max(0, at - held.at - (stoppedMsAt(state, at) - held.stopped)))
}
