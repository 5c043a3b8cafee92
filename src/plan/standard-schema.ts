/**
 * What every schema library offers under `~standard`: zod, valibot, arktype and others. The types of Standard Schema 1,
 * kept here as its authors invite one to do, so that no package is needed for them (https://standardschema.dev).
 */
export interface StandardSchemaV1<Input = unknown, Output = Input> {
  readonly '~standard': StandardSchemaV1.Props<Input, Output>
}

export declare namespace StandardSchemaV1 {
  /** What stands under `~standard`. */
  interface Props<Input = unknown, Output = Input> {
    readonly version: 1
    /** The name of the schema library. */
    readonly vendor: string
    /** For the compiler only: holds nothing at run time. */
    readonly types?: Types<Input, Output> | undefined
    /** Checks a value; may change it (defaults, trimming). */
    readonly validate: (value: unknown, options?: Options | undefined) => Result<Output> | Promise<Result<Output>>
  }

  /** The types before and after validation. */
  interface Types<Input = unknown, Output = Input> {
    readonly input: Input
    readonly output: Output
  }

  /** What a validation may be told. */
  interface Options {
    /** Parameters that only one schema library understands. */
    readonly libraryOptions?: Record<string, unknown> | undefined
  }

  /** How a validation ended: without `issues` it went well. */
  type Result<Output> = SuccessResult<Output> | FailureResult

  /** It went well: `value` is what the schema made of it. */
  interface SuccessResult<Output> {
    readonly value: Output
    readonly issues?: undefined
  }

  /** It did not. */
  interface FailureResult {
    readonly issues: readonly Issue[]
  }

  /** One thing that is wrong, and where. */
  interface Issue {
    readonly message: string
    readonly path?: readonly (PropertyKey | PathSegment)[] | undefined
  }

  /** A key on the way to what is wrong, as some libraries tell it. */
  interface PathSegment {
    readonly key: PropertyKey
  }

  /** The type a value must have before validation. */
  type InferInput<Schema extends StandardSchemaV1> = NonNullable<Schema['~standard']['types']>['input']

  /** The type a value has after validation. */
  type InferOutput<Schema extends StandardSchemaV1> = NonNullable<Schema['~standard']['types']>['output']
}

/** True for what has a `~standard` that can validate. */
export function isStandardSchema(value: unknown): value is StandardSchemaV1 {
  // Some libraries make their schemas callable: a function may be one too.
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false
  const standard = (value as { '~standard'?: { version?: unknown; validate?: unknown } })['~standard']
  return typeof standard === 'object' && standard?.version === 1 && typeof standard.validate === 'function'
}
