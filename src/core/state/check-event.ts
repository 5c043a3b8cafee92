import type { RunEvent } from './events.js'
import type { RunState, RunStatus } from './run-state.js'

const LIVE: readonly RunStatus[] = ['running', 'paused', 'draining', 'stopping']

/** The run statuses in which an event can occur. Default: every live one. */
const STATUSES: Partial<Record<RunEvent['type'], readonly RunStatus[]>> = {
  'run.started': ['planning'],
  'run.paused': ['running'],
  'run.unpaused': ['paused'],
  'run.draining': ['running', 'paused'],
  'run.suspended': ['draining'],
  'task.added': ['planning', ...LIVE],
  'run.recovered': [...LIVE, 'suspended'],
  'attempt.started': ['running'],
}

/**
 * Checks that an event can be the next one of this run: `seq`, `runId`, time, status of the run, and that `index` and `taskId` name the same
 * task. Whether the state of the task allows it is checked when the event is folded.
 *
 * @throws Error when it cannot: the journal is damaged or belongs to another run.
 */
export function checkEvent(state: RunState, event: RunEvent): void {
  const { type, seq, at, runId } = event
  if (seq !== state.seq + 1) throw rejected(event, `its seq is ${seq}, expected ${state.seq + 1}`)
  if (runId !== state.runId) throw rejected(event, `its run is ${runId}, expected ${state.runId}`)
  if (at < state.at) throw rejected(event, `its time ${at} is before ${state.at}, the time of the previous event`)
  const { status } = state.phase
  if (!(STATUSES[type] ?? LIVE).includes(status)) throw rejected(event, `the run is ${status}`)
  const { index, taskId } = event as { readonly index?: number; readonly taskId?: string }
  if (index === undefined || type === 'task.added') return
  const id = state.specs[index]?.id
  if (id !== taskId) throw rejected(event, `task number ${index} is ${id ?? 'not there'}, not ${taskId}`)
}

function rejected(event: RunEvent, reason: string): Error {
  return new Error(`event ${event.seq} (${event.type}) cannot be folded: ${reason}`)
}
