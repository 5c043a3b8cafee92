/**
 * What every schema library offers under `~standard`: zod, valibot, arktype and others. The types of Standard Schema 1,
 * kept here as its authors invite one to do, so that no package is needed for them (https://standardschema.dev).
 */
export interface StandardSchemaV1<Input = unknown, Output = Input> {
  readonly '~standard': StandardSchemaV1.Props<Input, Output>
}

export declare namespace StandardSchemaV1 {
  /** The value of `~standard`. */
  interface Props<Input = unknown, Output = Input> {
    readonly version: 1
    /** The name of the schema library. */
    readonly vendor: string
    /** For the compiler only: absent at run time. */
    readonly types?: Types<Input, Output> | undefined
    /** Checks a value; may change it (defaults, trimming). */
    readonly validate: (value: unknown, options?: Options | undefined) => Result<Output> | Promise<Result<Output>>
  }

  /** The types before and after validation. */
  interface Types<Input = unknown, Output = Input> {
    readonly input: Input
    readonly output: Output
  }

  /** Options of a validation. */
  interface Options {
    /** Parameters that only one schema library understands. */
    readonly libraryOptions?: Record<string, unknown> | undefined
  }

  /** The result of a validation: without `issues` it succeeded. */
  type Result<Output> = SuccessResult<Output> | FailureResult

  /** Success: `value` is the validated value, as the schema returns it. */
  interface SuccessResult<Output> {
    readonly value: Output
    readonly issues?: undefined
  }

  /** Failure. */
  interface FailureResult {
    readonly issues: readonly Issue[]
  }

  /** One problem, and where it is. */
  interface Issue {
    readonly message: string
    readonly path?: readonly (PropertyKey | PathSegment)[] | undefined
  }

  /** One step of a path, in the form that some libraries use. */
  interface PathSegment {
    readonly key: PropertyKey
  }

  /** The type a value must have before validation. */
  type InferInput<Schema extends StandardSchemaV1> = NonNullable<Schema['~standard']['types']>['input']

  /** The type a value has after validation. */
  type InferOutput<Schema extends StandardSchemaV1> = NonNullable<Schema['~standard']['types']>['output']
}

/** True for a value with a `~standard` of version 1 that can validate. */
export function isStandardSchema(value: unknown): value is StandardSchemaV1 {
  // In some libraries a schema is a function.
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false
  const standard = (value as { '~standard'?: { version?: unknown; validate?: unknown } })['~standard']
  return typeof standard === 'object' && standard?.version === 1 && typeof standard.validate === 'function'
}
