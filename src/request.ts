import type { Failure } from './core/failure.js'
import { canonicalJson, type Json } from './core/json.js'
import type { RunState } from './core/run-state.js'
import type { RunningState, TaskSpec, TaskState } from './core/task.js'
import type { AgentRequest } from './pools/agent-backend.js'
import { failureOf } from './pools/thrown-failure.js'

const NO_OUTPUTS: Readonly<Record<string, Json>> = Object.freeze(Object.create(null))

/** Makes a task's input from the outputs of what it waited for. */
export type InputFunction = (outputs: Readonly<Record<string, Json>>) => unknown

/** Calls an input function; `done` is called once, with the input or with the failure (`bad-input`) that it is. */
export function makeInput(
  make: InputFunction,
  outputs: Readonly<Record<string, Json>>,
  done: (input: Json, failure?: Failure) => void,
): void {
  const made = (input: unknown): void => done(canonicalJson(input))
  const failed = (error: unknown): void => {
    const failure = failureOf(error)
    done(null, { ...failure, kind: 'bad-input', message: `the input function failed: ${failure.message}` })
  }
  try {
    const input = make(outputs)
    if (typeof input === 'object' && input !== null) Promise.resolve(input).then(made).catch(failed)
    else made(input)
  } catch (error) {
    failed(error)
  }
}

/** What the agent of a running task is asked. */
export function requestOf(state: RunState, index: number, { pool, input }: RunningState): AgentRequest {
  const { id, description, context } = state.specs[index] as TaskSpec
  const task = context === undefined ? { id, description, pool } : { id, description, pool, context }
  return { runId: state.runId, runStartedAt: state.startedAt, task, input, outputs: outputsFor(state, index) }
}

/** The outputs of what a task waited for, by id. */
export function outputsFor(state: RunState, index: number): Readonly<Record<string, Json>> {
  const needs = state.needs[index] as readonly number[]
  if (needs.length === 0) return NO_OUTPUTS
  // No prototype: ids are keys of the plan's making, and an object literal would get a hidden class of its own for each.
  const outputs: Record<string, Json> = Object.create(null)
  for (const need of needs) {
    const task = state.states[need] as TaskState
    if (task.status === 'succeeded') outputs[(state.specs[need] as TaskSpec).id] = task.output
  }
  return outputs
}
