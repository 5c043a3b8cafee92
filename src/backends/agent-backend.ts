import type { Estimate } from '../core/budget/budget.js'
import type { OutputTails } from '../core/failure/output-tails.js'
import type { ReportedUsage } from '../core/failure/usage.js'
import type { Json } from '../core/json.js'
import type { CheckedJson } from '../core/json-types.js'
import type { Feedback } from '../core/state/task.js'
import { unknownKey } from '../error-text.js'
import { checkMembers, invalidInput } from '../options-check.js'
import type { Health } from './health-check.js'

/**
 * One attempt of one task, as its backend receives it. A function of a `TaskGraph` task gets the same, with the types of its input and of
 * the outputs of its dependencies.
 */
export interface AgentRequest<Input = Json, Outputs = Readonly<Record<string, Json>>> {
  readonly runId: string
  /** In milliseconds since 1970. Together with `runId` it distinguishes the run from others with the same id elsewhere. */
  readonly runStartedAt: number
  readonly task: {
    readonly id: string
    readonly description: string
    readonly pool: string
    readonly context?: Json
  }
  /** The task's input, from its spec or computed by its input function. `null` when it has none. */
  readonly input: Input
  /** The outputs of its dependencies, and of its soft dependencies that had succeeded by then, by id. */
  readonly outputs: Outputs
  /** What was wrong with an earlier attempt, if this one is to correct it. */
  readonly feedback?: Feedback
}

/**
 * A progress report of a running attempt. Each one is also a heartbeat. A member that is unknown or invalid is dropped, and reported on
 * `error`, once per backend.
 */
export interface Report {
  /** Share done, 0 to 1. */
  readonly progress?: number | undefined
  /** What it is doing, for display: up to 4,000 characters are shown. */
  readonly message?: string | undefined
  /** Anything else to show: any JSON. */
  readonly data?: Json | undefined
  /** The total usage of the attempt so far, not the difference to the last report. Also counted when the attempt fails. */
  readonly usage?: ReportedUsage | undefined
}

/**
 * What a run passes to its backends and functions (`run(plan, { locals })`): a tenant, a logger, a database handle. Empty until the host
 * declares its own members:
 *
 * ```ts
 * declare module 'counterpoint' {
 *   interface Locals {
 *     readonly tenant?: string
 *   }
 * }
 * ```
 */
export interface Locals {
  readonly [name: string]: unknown
}

/**
 * What is passed as locals: also an instance of a class, or an object whose type is an interface, which is not assignable to an index
 * signature. The members that the host has declared are checked.
 */
export type LocalsInput =
  | Locals
  | (object & { readonly [Name in keyof Locals as string extends Name ? never : Name]: Locals[Name] })

/** The context of one attempt. */
export interface AttemptContext {
  /** 1 for the first attempt of the task. */
  readonly attempt: number
  /** `runId/taskId/round`: the same across retries and restarts, so that a provider can recognise a repeated request. */
  readonly idempotencyKey: string
  /** Aborted when the attempt times out or is cancelled. Created on first access, which costs about 2 us on Node 20. */
  readonly signal: AbortSignal
  /** The `locals` that were passed to `run` or `resume`, the same object; else empty and frozen. */
  readonly locals: Locals
  /**
   * Publishes a chunk of the answer (any JSON of at most 1 MiB) as `attempt.streamed`, to listeners and to `run.events({ streamed: true })`: in order, none is
   * lost, none is journaled. Chunks do not become part of the output. Each is a heartbeat. Resolves once every promise that a
   * listener returned has settled, so await it: the agent then is not faster than its listeners. A chunk is published after the
   * listeners of the one before have settled, and an answer counts after the last chunk. Meanwhile the idle timeout is paused.
   *
   * Rejects with INVALID_INPUT for a chunk that is not JSON or too large, and with the reason of the abort once the attempt has ended. A rejection that
   * is not handled does no harm.
   */
  stream<Chunk>(chunk: Chunk & CheckedJson<Chunk, 'a chunk'>): Promise<void>
  /** Reports progress. May be called at any rate: listeners get a throttled stream. Any call is a heartbeat, even with `{}`. Never throws. */
  report(report: Report): void
  /**
   * The output of a soft dependency, even if it succeeded after this attempt had started; undefined while there is none.
   * @throws NOT_FOUND for an id that is not in the task's `softAfter`.
   */
  softOutput(id: string): Json | undefined
  /**
   * Keeps the ends of what the agent printed in the record of the attempt, whether it succeeds, fails or is stopped: in `task.succeeded`, in
   * the `failure`, or in `task.cancelled`. Cleaned, and cut to the last 2,000 characters each: remove your secrets first (`redactor`). The last
   * call counts. Never throws. Absent where no record is kept.
   */
  recordTails?(tails: OutputTails): void
}

/** An answer that carries more than an output. Created by {@link reply}. */
export interface AgentReply<Output = unknown> {
  readonly [REPLY]: true
  readonly output: Output
  readonly usage?: ReportedUsage | undefined
}

const REPLY: unique symbol = Symbol.for('counterpoint.reply')

/**
 * Creates an answer that carries more than an output. Any other value that a backend returns is just the output.
 *
 * ```ts
 * return reply({ output: text, usage: { inputTokens: 900, outputTokens: 120, costUsd: 0.01 } })
 * ```
 */
export function reply<Output>(parts: {
  readonly output: Output
  readonly usage?: ReportedUsage | undefined
}): AgentReply<Output> {
  checkMembers(parts, {}, 'reply')
  for (const name in parts)
    if (name !== 'output' && name !== 'usage')
      throw invalidInput([{ path: `reply.${name}`, message: unknownKey(name, ['output', 'usage']) }])
  return { ...parts, [REPLY]: true }
}

/** True for a value created by {@link reply}. */
export function isReply(value: unknown): value is AgentReply {
  return typeof value === 'object' && value !== null && (value as { [REPLY]?: unknown })[REPLY] === true
}

/** Runs one attempt: returns the output, or a promise of it, or throws. */
export type AgentFunction = (request: AgentRequest, context: AttemptContext) => unknown

/**
 * A port: the host's adapter to an agent. A plain function is a backend, too. `backendConformance` of `counterpoint/testing` tests one.
 *
 * Contract: `run` is called once per attempt, settles once, and ends soon after `context.signal` aborts. An error that it throws is
 * classified by its code, class or status; an `AgentError` has its kind itself.
 */
export interface AgentBackend {
  /** For events and messages; unique in its pool. Default: the name of the pool, with `#2`, `#3` for its further backends. */
  readonly name?: string | undefined
  /** The version of the agent, shown in the stats of the pool. */
  readonly version?: string | undefined
  readonly run: AgentFunction
  /** What an attempt costs on this backend, if that differs from the estimate of the task: for the cheaper ones of a pool. */
  readonly estimate?: Estimate | undefined
  /**
   * True when `run` settles only after its work has really ended, and always settles after an abort (a process that is confirmed dead).
   * Its slot is then held until it settles. Otherwise an attempt that still runs after the abort is *abandoned* once the grace period is
   * over. Default false.
   */
  readonly awaitsTermination?: boolean | undefined
  /**
   * Ends what attempts with these idempotency keys left running when their host process died. Called when their run is resumed, before
   * the tasks are retried. Default: there is nothing to end.
   */
  killOrphans?(keys: readonly string[], runStartedAt: number): void | Promise<void>
  /**
   * Checks the agent: healthy unless it returns false or `{ healthy: false, message }`, throws, rejects, or does not answer in time.
   * Called every few seconds while the pool has runs, and optionally before each attempt (option `health` of the pool).
   */
  health?(): Health | PromiseLike<Health>
  /** What its attempts do on this machine, for `concurrency: 'auto'`: compute (`cpu`), wait for others (`wait`), or start a process each. Default `wait`. */
  readonly work?: 'cpu' | 'wait' | 'process' | undefined
  /** The memory of one attempt on this machine, in bytes. Default 200 MiB with `work: 'process'`; else memory is not considered. */
  readonly memoryBytes?: number | undefined
}
