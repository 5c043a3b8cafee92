import type { RunEvent } from './event.js'
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
  const phases = PHASES[type] ?? LIVE
  if (!phases.includes(state.phase.status)) throw refused(event, `the run is ${state.phase.status}`)
  if (!('index' in event) || type === 'task.added') return
  const id = state.specs[event.index]?.id
  if (id !== event.taskId)
    throw refused(event, `task number ${event.index} is ${id ?? 'not there'}, not ${event.taskId}`)
}

function refused(event: RunEvent, why: string): Error {
  return new Error(`event ${event.seq} (${event.type}) cannot be folded: ${why}`)
}
