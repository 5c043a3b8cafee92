import type { AgentRequest } from '../../backends/agent-backend.js'
import { failureOf } from '../../backends/classify-error.js'
import type { Failure } from '../../core/failure/failure.js'
import { canonicalJson, type Json } from '../../core/json.js'
import type { RunState } from '../../core/state/run-state.js'
import type { RunningState, Tally, TaskSpec, TaskState } from '../../core/state/task.js'

const NO_IDS: readonly string[] = []
const NO_OUTPUTS: Readonly<Record<string, Json>> = Object.freeze(Object.create(null))

/** Makes a task's input from the outputs of what it waited for. */
export type InputFunction = (outputs: Readonly<Record<string, Json>>) => unknown

/** Calls an input function; `done` is called once, with the input or with the failure (`bad-input`) that it is. */
export function makeInput(
  make: InputFunction,
  outputs: Readonly<Record<string, Json>>,
  done: (input: Json, failure?: Failure) => void,
): void {
  askHost(
    () => make(outputs),
    input => done(canonicalJson(input)),
    error => done(null, badInput('the input function', error)),
  )
}

/** Calls a function of the host, which answers at once or later. One of the two is called, once; `said` may throw what is wrong with the answer. */
export function askHost(ask: () => unknown, said: (answer: unknown) => void, failed: (error: unknown) => void): void {
  try {
    const answer = ask()
    if (typeof answer === 'object' && answer !== null) Promise.resolve(answer).then(said).catch(failed)
    else said(answer)
  } catch (error) {
    failed(error)
  }
}

/** The failure of a task that cannot be asked as it stands, because a function of the host failed. */
export function badInput(what: string, error: unknown): Failure {
  const failure = failureOf(error)
  return { ...failure, kind: 'bad-input', message: `${what} failed: ${failure.message}` }
}

/** What the agent of a running task is asked. */
export function requestOf(state: RunState, index: number, { pool, input }: RunningState): AgentRequest {
  const { id, description, context } = state.specs[index] as TaskSpec
  const task = context === undefined ? { id, description, pool } : { id, description, pool, context }
  const { runId, startedAt } = state
  const request: AgentRequest = { runId, runStartedAt: startedAt, task, input, outputs: outputsFor(state, index) }
  const { feedback } = state.tallies[index] as Tally
  return feedback === undefined ? request : { ...request, feedback }
}

/** The outputs of what a task waited for, and of its soft dependencies that have succeeded, by id. */
export function outputsFor(state: RunState, index: number): Readonly<Record<string, Json>> {
  const needs = state.dependencies[index] as readonly number[]
  const { softAfter = NO_IDS } = state.specs[index] as TaskSpec
  if (needs.length === 0 && softAfter.length === 0) return NO_OUTPUTS
  // No prototype: ids are keys of the plan's making, and an object literal would get a hidden class of its own for each.
  const outputs: Record<string, Json> = Object.create(null)
  for (let place = 0; place < needs.length; place++) {
    const need = needs[place] as number
    const task = state.states[need] as TaskState
    if (task.status === 'succeeded') outputs[(state.specs[need] as TaskSpec).id] = task.output
  }
  for (const id of softAfter) {
    const output = outputOf(state, id)
    if (output !== undefined) outputs[id] = output
  }
  return outputs
}

/** The output of a task by its id; undefined when it has not succeeded. */
export function outputOf(state: RunState, id: string): Json | undefined {
  const task = state.states[state.ids.get(id) ?? -1]
  return task?.status === 'succeeded' ? task.output : undefined
}
