import type { RunState } from './run-state.js'
import type { Tally, TaskSpec } from './task.js'

/** An id in a key: no two runs and tasks share one, whatever their ids are. */
function keyPart(id: string): string {
  return id.includes('/') || id.includes('%') ? id.replaceAll('%', '%25').replaceAll('/', '%2F') : id
}

/** The last one asked for: it is the same for all attempts of a run. */
let keyOfRun = { runId: '', prefix: '/' }

/** `runId/taskId/revision`: the same over retries and restarts, another one when the request has changed. */
export function idempotencyKey(runId: string, taskId: string, revision: number): string {
  if (keyOfRun.runId !== runId) keyOfRun = { runId, prefix: `${keyPart(runId)}/` }
  // What is short is joined first: V8 copies it, and keeps one string less.
  const ofTask = `${keyPart(taskId)}/${revision}`
  return `${keyOfRun.prefix}${ofTask}`
}

/** That of the attempt which task `index` has, or has next: each repair makes a new revision of its request. */
export function keyOfTask(state: RunState, index: number): string {
  const { repairs } = state.tallies[index] as Tally
  return idempotencyKey(state.runId, (state.specs[index] as TaskSpec).id, repairs + 1)
}
