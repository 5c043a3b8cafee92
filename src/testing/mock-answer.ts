import {
  AgentError,
  type AgentFunction,
  checkOptions,
  FAILURE_KINDS,
  type Failure,
  type FailureKind,
  type Json,
  optionsOf,
  type Report,
  type ReportedUsage,
  reply,
} from 'counterpoint'
import * as z from 'zod'

/** The delay of an answer of a `MockBackend`, and its progress reports. */
export interface AnswerTiming {
  /** The delay in milliseconds of the backend's clock; `Infinity` for never. Default 0: before `run` returns. */
  readonly afterMs?: number | undefined
  /** Progress reports: the first at once, the others at equal intervals over `afterMs`. Default none. */
  readonly progress?: readonly Report[] | undefined
  /** Chunks to stream, each awaited: the first at once, the others at equal intervals over `afterMs`. Default none. */
  readonly chunks?: readonly Json[] | undefined
}

/** Options of {@link succeed} and {@link fail}. */
export interface AnswerOptions extends AnswerTiming {
  /** The usage that the attempt reports with its result. Default none. */
  readonly usage?: ReportedUsage | undefined
}

const delay = z.custom(ms => typeof ms === 'number' && ms >= 0, 'expected a number of milliseconds, 0 or more')
const OPTIONS = optionsOf({
  afterMs: delay.optional(),
  progress: z.array(z.unknown()).optional(),
  chunks: z.array(z.unknown()).optional(),
  usage: z.unknown().optional(),
})

const isKind = (value: unknown): boolean => FAILURE_KINDS.some(kind => kind === value)
const FAILURE = optionsOf({
  failure: z.custom(
    value =>
      value instanceof Error ||
      isKind(value) ||
      (typeof value === 'object' && value !== null && 'kind' in value && isKind(value.kind)),
    `expected a failure kind (${FAILURE_KINDS.join(', ')}), an object with a kind, or an Error`,
  ),
})

/** The parts of a failure: at least its kind. */
export type FailureParts = Partial<Omit<Failure, 'name' | 'stack' | 'output'>> & Pick<Failure, 'kind'>

/**
 * The answer to a task in a `MockBackend`: an output; a function that is called for each attempt and returns an output or a promise of
 * one, or throws; or the result of {@link succeed}, {@link fail}, {@link hang} or {@link ignoreAbort} (a function may return these, too).
 */
export type Answer =
  | AgentFunction
  | MockAnswer
  | object
  | string
  | number
  | bigint
  | boolean
  | symbol
  | null
  | undefined

interface MockAnswerInit extends AnswerTiming {
  readonly obeysAbort: boolean
  readonly give: () => unknown
}

/** An answer that is more than an output: made by {@link succeed}, {@link fail}, {@link hang} and {@link ignoreAbort}. */
export class MockAnswer {
  /** In milliseconds; `Infinity` for never. */
  readonly afterMs: number
  readonly progress: readonly Report[]
  readonly chunks: readonly Json[]
  /** True when an abort ends the attempt early. */
  readonly obeysAbort: boolean
  readonly #give: () => unknown

  /** @internal Use {@link succeed}, {@link fail}, {@link hang} or {@link ignoreAbort}. */
  constructor({ afterMs = 0, progress = [], chunks = [], obeysAbort, give }: MockAnswerInit) {
    this.afterMs = afterMs
    this.progress = progress
    this.chunks = chunks
    this.obeysAbort = obeysAbort
    this.#give = give
  }

  /** True for a `MockAnswer`. Safe for a proxy whose traps throw. */
  static is(value: unknown): value is MockAnswer {
    return typeof value === 'object' && value !== null && #give in value
  }

  /** Returns the output, or throws. */
  give(): unknown {
    return this.#give()
  }
}

/**
 * An attempt that succeeds.
 * @throws CounterpointError `INVALID_INPUT` for unknown or invalid options.
 */
export function succeed(output: unknown, options: AnswerOptions = {}): MockAnswer {
  checkOptions(OPTIONS, options, { of: 'succeed' })
  const { usage, ...timing } = options
  const give = (): unknown => (usage === undefined ? output : reply({ output, usage }))
  return new MockAnswer({ ...timing, obeysAbort: true, give })
}

/**
 * An attempt that fails: with a kind, with the parts of a failure, or with any `Error`, which is thrown unchanged.
 *
 * ```ts
 * fail('crashed')
 * fail({ kind: 'throttled', retryAfterMs: 2_000 }, { usage: { costUsd: 0.01 } })
 * ```
 *
 * @throws CounterpointError `INVALID_INPUT` for unknown or invalid options.
 */
export function fail(failure: FailureKind | FailureParts, options?: AnswerOptions): MockAnswer
export function fail(error: Error, timing?: AnswerTiming): MockAnswer
export function fail(failure: FailureKind | FailureParts | Error, options: AnswerOptions = {}): MockAnswer {
  checkOptions(FAILURE, { failure }, { of: 'fail' })
  checkOptions(OPTIONS, options, { of: 'fail' })
  const { usage, ...timing } = options
  const parts = typeof failure === 'string' ? { kind: failure } : failure
  const error = parts instanceof Error ? parts : agentError(parts, usage)
  const give = (): never => {
    throw error
  }
  return new MockAnswer({ ...timing, obeysAbort: true, give })
}

/** An attempt that settles only when it is aborted. */
export function hang(): MockAnswer {
  return new MockAnswer({ afterMs: Number.POSITIVE_INFINITY, obeysAbort: true, give: () => null })
}

/**
 * An attempt that ignores its abort: its answer comes after `afterMs`, by default never. The answer may be a {@link fail} or
 * {@link succeed}; its own `afterMs` is ignored.
 * @throws CounterpointError `INVALID_INPUT` when `afterMs` is not 0 or more.
 */
export function ignoreAbort(afterMs: number = Number.POSITIVE_INFINITY, answer?: unknown): MockAnswer {
  checkOptions(OPTIONS, { afterMs }, { of: 'ignoreAbort' })
  if (!MockAnswer.is(answer)) return new MockAnswer({ afterMs, obeysAbort: false, give: () => answer })
  return new MockAnswer({ ...answer, afterMs, obeysAbort: false, give: () => answer.give() })
}

function agentError({ kind, message, ...rest }: FailureParts, usage: ReportedUsage | undefined): AgentError {
  return new AgentError(kind, message ?? `a scripted failure of kind ${kind}`, { ...rest, ...(usage && { usage }) })
}
