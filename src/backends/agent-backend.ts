import type { Estimate } from '../core/budget/budget.js'
import type { Usage } from '../core/failure/usage.js'
import type { Json } from '../core/json.js'
import type { Feedback } from '../core/state/task.js'
import type { Health } from './health-check.js'

/** What an agent is asked: one attempt of one task. */
export interface AgentRequest {
  readonly runId: string
  /** In milliseconds since 1970. With `runId` it tells the run from others that were given the same id elsewhere. */
  readonly runStartedAt: number
  readonly task: {
    readonly id: string
    readonly description: string
    readonly pool: string
    readonly context?: Json
  }
  /** The task's input: from its spec, or computed by its input function. `null` when it has none. */
  readonly input: Json
  /** The outputs of the tasks that it waited for, by id, and of its soft dependencies that had succeeded by then. */
  readonly outputs: Readonly<Record<string, Json>>
  /** What was wrong with an earlier attempt, for one that is made to do better. */
  readonly feedback?: Feedback
}

/** What an agent says while it works. A report is also its heartbeat. */
export interface Report {
  /** Share done, 0 to 1. */
  readonly progress?: number
  /** What it is doing, for people. */
  readonly message?: string
  /** What the attempt has used so far: the whole of it, not what came since the last report. Counted when the attempt fails. */
  readonly usage?: Usage
}

/** What an attempt can do besides answering. */
export interface AttemptContext {
  /** 1 for the first attempt of the task. */
  readonly attempt: number
  /** `runId/taskId/revision`: the same over retries and restarts, so that a provider can recognise a request that it has seen. */
  readonly idempotencyKey: string
  /** Aborted when the attempt timed out or was cancelled. Made when it is first read: reading costs 2 us on Node 20, not reading nothing. */
  readonly signal: AbortSignal
  /** Tells how far the attempt is. May be called as often as you like: what listeners hear is thinned out. Any call, with `{}` too, is a heartbeat. */
  report(report: Report): void
  /**
   * The output of a soft dependency, also of one that has ended while this attempt runs; undefined as long as there is none.
   * @throws NOT_FOUND for an id that is not in the task's `softAfter`.
   */
  softOutput(id: string): Json | undefined
}

/** An answer with more than an output. Make it with {@link reply}. */
export interface AgentReply {
  readonly [REPLY]: true
  readonly output: unknown
  readonly usage?: Usage
}

const REPLY: unique symbol = Symbol.for('counterpoint.reply')

/**
 * An answer that carries more than the output. A backend that returns anything else returns just the output.
 *
 * ```ts
 * return reply({ output: text, usage: { inputTokens: 900, outputTokens: 120, costUsd: 0.01 } })
 * ```
 */
export function reply(parts: { readonly output: unknown; readonly usage?: Usage }): AgentReply {
  return { ...parts, [REPLY]: true }
}

/** True for what {@link reply} made. */
export function isReply(value: unknown): value is AgentReply {
  return typeof value === 'object' && value !== null && (value as { [REPLY]?: unknown })[REPLY] === true
}

/** One attempt: gives the output, or a promise of it, or throws. */
export type AgentFunction = (request: AgentRequest, context: AttemptContext) => unknown

/**
 * A port: the host's adapter to an agent. A plain function is a backend too. The conformance suite of `counterpoint/testing` checks one.
 *
 * The contract: `run` is called once per attempt; it settles once; after `context.signal` aborts it ends soon.
 * What it throws is classified: an `AgentError` says its kind itself.
 */
export interface AgentBackend {
  /** For events and messages; unique in its pool. Default: the name of the pool, with `#2`, `#3` for the others of a ladder. */
  readonly name?: string
  /** Which version of the agent it is: shown in the stats of the pool. */
  readonly version?: string
  readonly run: AgentFunction
  /** What an attempt costs here, where that differs from the estimate of the task: for the cheaper backends of a ladder. */
  readonly estimate?: Estimate
  /**
   * True when `run` settles only once its work is really over, and always does so after an abort (a process that is confirmed dead).
   * Its slot is then held until it settles. Otherwise an attempt that goes on after its abort is *abandoned* after the grace. Default false.
   */
  readonly awaitsTermination?: boolean
  /**
   * Ends what attempts with these idempotency keys left running when the process that had started them died. Called before such tasks
   * are tried again by whoever resumes their run. Default: there is nothing to end.
   */
  killOrphans?(keys: readonly string[], runStartedAt: number): void | Promise<void>
  /**
   * How the agent is: healthy unless it says false or `{ healthy: false, message }`, throws, rejects, or does not answer in time.
   * Asked every few seconds while the pool has runs, and by choice before each attempt (`health` of the pool).
   */
  health?(): Health | PromiseLike<Health>
  /** What its attempts do with this machine, for `concurrency: 'auto'`: compute (`cpu`), wait for somebody (`wait`), or each start a process. Default `wait`. */
  readonly work?: 'cpu' | 'wait' | 'process'
  /** The memory that one attempt takes on this machine, in bytes. Default 200 MiB with `work: 'process'`; else nothing is reckoned with. */
  readonly memoryBytes?: number
}
