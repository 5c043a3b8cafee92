import type { AgentReply } from '../backends/agent-backend.js'
import type { Json } from '../core/json.js'
import type { StandardSchemaV1 } from './standard-schema.js'

/**
 * How the compiler checks what the functions of a task return. `Json` itself would not do: an object whose type is an `interface` is not
 * assignable to it, since an interface could be augmented.
 */

type IsAny<T> = 0 extends 1 & T ? true : false
type IsUnknown<T> = IsAny<T> extends true ? false : unknown extends T ? true : false

/** Like `Json`, but members may be undefined; those are dropped. */
export type JsonInput = Json | readonly JsonInput[] | { readonly [key: string]: JsonInput | undefined }

/** The members of `T` that are JSON; `never` in place of the others. A type that is JSON extends it. */
type JsonOf<T> = T extends JsonInput
  ? T
  : T extends readonly (infer Item)[]
    ? readonly JsonOf<Item>[]
    : T extends (...args: never) => unknown
      ? never
      : T extends object
        ? { readonly [Key in keyof T]: Key extends symbol ? never : MemberOf<T[Key]> }
        : never

/** A member may be undefined. */
type MemberOf<T> = T extends undefined ? T : JsonOf<T>

/** `unknown` where `T` is JSON; else a sentence that is not assignable, for the error of the compiler. */
type Checked<T, What extends string, Hint extends string = ''> =
  IsAny<T> extends true
    ? unknown
    : IsUnknown<T> extends true
      ? `${What} has the type unknown: state its type${Hint}`
      : [T] extends [JsonOf<T>]
        ? unknown
        : `${What} must be JSON: no function, class instance, Map, bigint, symbol, or undefined in a list`

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
  : Return & Checked<NullFor<Unwrapped<Return>>, 'the output', ', or give the task an output schema'>

type Replied<Output> = Output | AgentReply<Output>

/** The output of a task: what its schema makes of it, else what its function returns; any JSON where that is `any`. */
export type OutputFor<Schema extends OutputSchema, Return> = [Schema] extends [StandardSchemaV1]
  ? StandardSchemaV1.InferOutput<Schema>
  : IsAny<Unwrapped<Return>> extends true
    ? Json
    : NullFor<Unwrapped<Return>>

/** Options whose `input` is JSON. */
export type JsonInputOnly<Input> =
  Checked<Input, 'the input'> extends infer Check
    ? unknown extends Check
      ? unknown
      : { readonly input?: Check }
    : never
