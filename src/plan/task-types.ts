import type { AgentReply } from '../backends/agent-backend.js'
import type { Json } from '../core/json.js'
import type { CheckedJson, IsAny, IsUnknown } from '../core/json-types.js'
import type { StandardSchemaV1 } from './standard-schema.js'

/** The type of an `output` of `graph.task()`; undefined without one. */
export type OutputSchema = StandardSchemaV1 | undefined

/** The output in what a function returns. */
type Unwrapped<Return> =
  Awaited<Return> extends infer Value ? (Value extends AgentReply<infer Output> ? Output : Value) : never

/** Nothing returned is `null`. */
type NullFor<T> = T extends void ? null : T

/** What `run` may return. With a schema: what that takes, or what is unknown and left to it. */
export type Returned<Schema extends OutputSchema, Return> = [Schema] extends [StandardSchemaV1]
  ? IsUnknown<Unwrapped<Return>> extends true
    ? Return
    : Replied<StandardSchemaV1.InferInput<Schema>> | Promise<Replied<StandardSchemaV1.InferInput<Schema>>>
  : Return & CheckedJson<NullFor<Unwrapped<Return>>, 'the output', ', or give the task an output schema'>

type Replied<Output> = Output | AgentReply<Output>

/** The output of a task: what its schema makes of it, else what its function returns; any JSON where that is `any`. */
export type OutputFor<Schema extends OutputSchema, Return> = [Schema] extends [StandardSchemaV1]
  ? StandardSchemaV1.InferOutput<Schema>
  : IsAny<Unwrapped<Return>> extends true
    ? Json
    : NullFor<Unwrapped<Return>>

/** Options whose `input` is JSON. */
export type JsonInputOnly<Input> =
  CheckedJson<Input, 'the input'> extends infer Check
    ? unknown extends Check
      ? unknown
      : { readonly input?: Check }
    : never
