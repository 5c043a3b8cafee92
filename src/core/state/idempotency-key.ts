import type { RunState } from './run-state.js'
import type { Tally, TaskSpec } from './task.js'

/** An id in a key: no two runs and tasks share one, whatever their ids are. */
function keyPart(id: string): string {
  return isPlain(id) ? id : id.replaceAll('%', '%25').replaceAll('/', '%2F')
}

/** An id is short: to look at its letters costs less than to have it searched. */
function isPlain(id: string): boolean {
  for (let place = 0; place < id.length; place++) {
    const letter = id.charCodeAt(place)
    if (letter === SLASH || letter === PERCENT) return false
  }
  return true
}

const SLASH = 0x2f
const PERCENT = 0x25

/** The last one asked for: it is the same for all attempts of a run. */
let keyOfRun = { runId: '', prefix: '/' }

/** `runId/taskId/revision`: the same over retries and restarts, another one when the request has changed. */
export function idempotencyKey(runId: string, taskId: string, revision: number): string {
  if (keyOfRun.runId !== runId) keyOfRun = { runId, prefix: `${keyPart(runId)}/` }
  // What is short is joined first: V8 copies it, and keeps one string less.
  const ofTask = keyPart(taskId) + (revision === 1 ? '/1' : `/${revision}`)
  return `${keyOfRun.prefix}${ofTask}`
}

/** That of the attempt which task `index` has, or has next: each repair makes a new revision of its request. */
export function keyOfTask(state: RunState, index: number): string {
  const { repairs } = state.tallies[index] as Tally
  return idempotencyKey(state.runId, (state.specs[index] as TaskSpec).id, repairs + 1)
}
