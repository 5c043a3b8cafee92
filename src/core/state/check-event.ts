import type { RunEvent } from './events.js'
import type { RunState, RunStatus } from './run-state.js'

const LIVE: readonly RunStatus[] = ['running', 'paused', 'draining', 'stopping']

/** In which phases of a run an event may come, where that is not every live one. */
const PHASES: Partial<Record<RunEvent['type'], readonly RunStatus[]>> = {
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
 * Refuses an event that cannot be the next one of this run, whatever its tasks are: a journal that has it is damaged, or another run's.
 * What a task's state allows is seen when the event is folded.
 */
export function checkEvent(state: RunState, event: RunEvent): void {
  const { type, seq, at, runId } = event
  if (seq !== state.seq + 1) throw refused(event, `its seq is ${seq}, expected ${state.seq + 1}`)
  if (runId !== state.runId) throw refused(event, `it is of run ${runId}, expected ${state.runId}`)
  if (at < state.at) throw refused(event, `its time ${at} is before that of the event before, ${state.at}`)
  const { status } = state.phase
  const { index, taskId } = event as { readonly index?: number; readonly taskId?: string }
  if (!mayCome(type, status)) throw refused(event, `the run is ${status}`)
  if (index === undefined || type === 'task.added') return
  const id = state.specs[index]?.id
  if (id !== taskId) throw refused(event, `task number ${index} is ${id ?? 'not there'}, not ${taskId}`)
}

/** In a run that runs, as nearly all events find it, three comparisons say what the table says: it costs more than to fold the event. */
function mayCome(type: RunEvent['type'], status: RunStatus): boolean {
  if (status === 'running') return type !== 'run.started' && type !== 'run.unpaused' && type !== 'run.suspended'
  return (PHASES[type] ?? LIVE).includes(status)
}

function refused(event: RunEvent, why: string): Error {
  return new Error(`event ${event.seq} (${event.type}) cannot be folded: ${why}`)
}
