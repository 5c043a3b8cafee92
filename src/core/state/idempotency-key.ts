import type { RunState } from './run-state.js'
import type { Tally, TaskSpec } from './task.js'

/** `runId/taskId/round`: the same across retries and restarts, a new one when the request changes. No two runs or tasks share a key. */
export function idempotencyKey(runId: string, taskId: string, round: number): string {
  return `${escapeId(runId)}/${escapeId(taskId)}/${round}`
}

function escapeId(id: string): string {
  return id.includes('%') || id.includes('/') ? id.replaceAll('%', '%25').replaceAll('/', '%2F') : id
}

/** The key of the current or next attempt of task `index`. Each repair starts a new round. */
export function keyOfTask(state: RunState, index: number): string {
  const { repairs } = state.tallies[index] as Tally
  return idempotencyKey(state.runId, (state.specs[index] as TaskSpec).id, repairs + 1)
}
