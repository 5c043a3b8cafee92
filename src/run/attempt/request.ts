import type { AgentRequest } from '../../backends/agent-backend.js'
import type { Json } from '../../core/json.js'
import type { RunState } from '../../core/state/run-state.js'
import type { RunningState, Tally, TaskSpec, TaskState } from '../../core/state/task.js'

const NO_OUTPUTS: Readonly<Record<string, Json>> = Object.freeze(Object.create(null))

/** The request that the backend of a running task gets. */
export function requestOf(state: RunState, index: number, { pool, input }: RunningState): AgentRequest {
  const { id, description, context } = state.specs[index] as TaskSpec
  const { feedback } = state.tallies[index] as Tally
  const task = context === undefined ? { id, description, pool } : { id, description, pool, context }
  const { runId, startedAt } = state
  const request = { runId, runStartedAt: startedAt, task, input, outputs: outputsFor(state, index) }
  return feedback ? { ...request, feedback } : request
}

/** By id, the outputs of the dependencies of a task, and of its soft dependencies that have succeeded. Frozen, without a prototype. */
export function outputsFor(state: RunState, index: number): Readonly<Record<string, Json>> {
  const dependencies = state.dependencies[index] as readonly number[]
  const { softAfter } = state.specs[index] as TaskSpec
  if (dependencies.length === 0 && softAfter === undefined) return NO_OUTPUTS
  // No prototype: the keys come from the plan, and "constructor" must not be found where no task has that id.
  const outputs: Record<string, Json> = Object.create(null)
  for (const dependency of dependencies) {
    const task = state.states[dependency] as TaskState
    if (task.status === 'succeeded') outputs[(state.specs[dependency] as TaskSpec).id] = task.output
  }
  for (const id of softAfter ?? []) {
    const output = outputOf(state, id)
    if (output !== undefined) outputs[id] = output
  }
  return Object.freeze(outputs)
}

/** The output of a task by its id; undefined when it has not succeeded. */
export function outputOf(state: RunState, id: string): Json | undefined {
  const task = state.states[state.ids.get(id) ?? -1]
  return task?.status === 'succeeded' ? task.output : undefined
}
