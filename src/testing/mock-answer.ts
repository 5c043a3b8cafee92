import {
  AgentError,
  type AgentFunction,
  type Failure,
  type FailureKind,
  type Report,
  reply,
  type Usage,
} from 'counterpoint'

/** When an answer of a `MockBackend` comes, and what is heard before. */
export interface AnswerTiming {
  /** After how many milliseconds of the backend's clock. Default 0: before `run` returns. */
  readonly afterMs?: number
  /** Reports on the way: the first at once, the others at equal distances over `afterMs`. Default none. */
  readonly progress?: readonly Report[]
}

/** Options of {@link succeed} and {@link fail}. */
export interface AnswerOptions extends AnswerTiming {
  /** What the attempt says that it used. */
  readonly usage?: Usage
}

/** The parts of a failure: its kind at least. */
export type FailureParts = Partial<Failure> & Pick<Failure, 'kind'>

/**
 * What a task may be given in a `MockBackend`: an output as it is; a function, called for each attempt, that gives one, or a promise of one,
 * or throws; or what {@link succeed}, {@link fail}, {@link hang} and {@link ignoreAbort} make (a function may give these, too).
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

interface Script extends AnswerTiming {
  readonly heedsAbort: boolean
  readonly give: () => unknown
}

/** An answer with more to it than an output: made by {@link succeed}, {@link fail}, {@link hang} and {@link ignoreAbort}. */
export class MockAnswer {
  /** In milliseconds; `Infinity` for never. */
  readonly afterMs: number
  readonly progress: readonly Report[]
  /** True when an abort ends it early. */
  readonly heedsAbort: boolean
  readonly #give: () => unknown

  /** @internal The four functions make them. */
  constructor({ afterMs = 0, progress = [], heedsAbort, give }: Script) {
    if (!(afterMs >= 0)) throw new Error(`expected afterMs to be a number of milliseconds, 0 or more; got ${afterMs}`)
    this.afterMs = afterMs
    this.progress = progress
    this.heedsAbort = heedsAbort
    this.#give = give
  }

  /** True for an answer. A proxy whose traps throw is looked at without harm. */
  static is(value: unknown): value is MockAnswer {
    return typeof value === 'object' && value !== null && #give in value
  }

  /** Gives the output, or throws. */
  give(): unknown {
    return this.#give()
  }
}

/** An attempt that succeeds. */
export function succeed(output: unknown, { usage, ...timing }: AnswerOptions = {}): MockAnswer {
  return new MockAnswer({
    ...timing,
    heedsAbort: true,
    give: () => (usage === undefined ? output : reply({ output, usage })),
  })
}

/**
 * An attempt that fails: with a kind, with the parts of a failure, or with any `Error`, which is thrown as it is.
 *
 * ```ts
 * fail('crashed')
 * fail({ kind: 'throttled', retryAfterMs: 2_000 }, { usage: { costUsd: 0.01 } })
 * ```
 */
export function fail(why: FailureKind | FailureParts, options?: AnswerOptions): MockAnswer
export function fail(error: Error, timing?: AnswerTiming): MockAnswer
export function fail(why: FailureKind | FailureParts | Error, { usage, ...timing }: AnswerOptions = {}): MockAnswer {
  const error = why instanceof Error ? why : agentError(typeof why === 'string' ? { kind: why } : why, usage)
  return new MockAnswer({
    ...timing,
    heedsAbort: true,
    give: () => {
      throw error
    },
  })
}

/** An attempt that never settles, but for an abort. */
export function hang(): MockAnswer {
  return new MockAnswer({ afterMs: Number.POSITIVE_INFINITY, heedsAbort: true, give: () => null })
}

/**
 * An attempt that takes its time whatever it is told: its answer comes after `afterMs`, by default never.
 * The answer may be a {@link fail} or {@link succeed}; when it comes is said here.
 */
export function ignoreAbort(afterMs: number = Number.POSITIVE_INFINITY, answer?: unknown): MockAnswer {
  if (!MockAnswer.is(answer)) return new MockAnswer({ afterMs, heedsAbort: false, give: () => answer })
  return new MockAnswer({ afterMs, progress: answer.progress, heedsAbort: false, give: () => answer.give() })
}

function agentError({ kind, message, ...rest }: FailureParts, usage: Usage | undefined): AgentError {
  return new AgentError(kind, message ?? `a failure of kind ${kind}, as scripted`, { ...rest, ...(usage && { usage }) })
}
