import {
  type AgentBackend,
  type AgentFunction,
  type AgentRequest,
  type AttemptContext,
  canonicalJson,
  checkOptions,
  type Json,
  type Locals,
  optionsOf,
  type Report,
  type RunOptions,
  rules,
} from 'counterpoint'
import * as z from 'zod'

/** The parts of a request to an agent. All are optional. */
export interface RequestParts {
  /** Default `run`. */
  readonly runId?: string | undefined
  /** In milliseconds since 1970. Default 0. */
  readonly runStartedAt?: number | undefined
  /** The task's id. Default `task`. */
  readonly id?: string | undefined
  /** Default: the id. */
  readonly description?: string | undefined
  /** Default `pool`. */
  readonly pool?: string | undefined
  readonly context?: Json | undefined
  /** Default `null`. */
  readonly input?: Json | undefined
  /** Default: none. */
  readonly outputs?: Readonly<Record<string, Json>> | undefined
}

/** What {@link RequestParts} may contain. */
export const requestParts: z.ZodType = optionsOf({
  runId: z.string(),
  runStartedAt: z.number(),
  id: z.string(),
  description: z.string(),
  pool: z.string(),
  context: z.unknown(),
  input: z.unknown(),
  outputs: rules.record(z.string(), z.unknown()),
}).partial()

/**
 * A request as an orchestrator makes it, deeply frozen.
 * @throws CounterpointError `INVALID_INPUT` for unknown or invalid parts.
 */
export function agentRequest(parts: RequestParts = {}): AgentRequest {
  checkOptions(requestParts, parts, { of: 'agentRequest' })
  const { runId = 'run', runStartedAt = 0, id = 'task', description = id, pool = 'pool' } = parts
  const { context, input = null, outputs = {} } = parts
  const task = Object.freeze({
    id,
    description,
    pool,
    ...(context !== undefined && { context: canonicalJson(context) }),
  })
  const frozenOutputs = canonicalJson(outputs) as Readonly<Record<string, Json>>
  return Object.freeze({ runId, runStartedAt, task, input: canonicalJson(input), outputs: frozenOutputs })
}

/** Options of {@link callBackend}. */
export interface CallOptions {
  /** Default 1. */
  readonly attempt?: number | undefined
  /** Passes a signal that is aborted already. Default false. */
  readonly aborted?: boolean | undefined
  /** The results of `context.softOutput(id)`, by id. The test may change the object later. Default: none. */
  readonly softOutput?: Readonly<Record<string, Json>> | undefined
  /** What `context.locals` is. Default: empty. */
  readonly locals?: RunOptions['locals']
  /** Called with each chunk that is streamed; `context.stream` resolves when a promise that it returns has. Default: does nothing. */
  readonly onChunk?: ((chunk: Json) => unknown) | undefined
}

const OPTIONS = optionsOf({
  attempt: z.int().min(1),
  aborted: z.boolean(),
  softOutput: rules.record(z.string(), z.unknown()),
  locals: rules.record(z.string(), z.unknown()),
  onChunk: rules.fn,
}).partial()

const BACKEND = optionsOf({ backend: rules.method('run') })

/** One attempt, started by {@link callBackend}. */
export interface BackendCall {
  readonly request: AgentRequest
  /** What the backend has reported so far. */
  readonly reports: readonly Report[]
  /** What the backend has streamed so far. */
  readonly chunks: readonly Json[]
  /** How many chunks were rejected because they are not JSON. */
  readonly invalidChunks: number
  /** Settles as the backend does; a promise even if it returns or throws synchronously. */
  readonly result: Promise<unknown>
  /** How often it has settled. A backend must settle once, but a thenable can call back repeatedly. */
  readonly settlements: number
  /** Aborts its signal. Default reason: an `AbortError`. */
  abort(reason?: unknown): void
}

/**
 * Calls a backend once, as an orchestrator does: for tests of adapters.
 *
 * ```ts
 * const call = callBackend(backend, { description: 'Write a poem' })
 * call.abort()
 * await call.result.catch(() => {})
 * ```
 *
 * @throws CounterpointError `INVALID_INPUT` for unknown or invalid parts or options.
 */
export function callBackend(
  backend: AgentBackend | AgentFunction,
  parts: RequestParts = {},
  options: CallOptions = {},
): BackendCall {
  checkOptions(BACKEND, { backend }, { of: 'callBackend' })
  checkOptions(OPTIONS, options, { of: 'callBackend' })
  const { attempt = 1, aborted = false, softOutput = {}, locals = {}, onChunk } = options
  const controller = new AbortController()
  const reports: Report[] = []
  const chunks: Json[] = []
  let invalidChunks = 0
  const request = agentRequest(parts)
  const context: AttemptContext = {
    attempt,
    idempotencyKey: `${request.runId}/${request.task.id}/1`,
    signal: controller.signal,
    report: report => {
      reports.push(report)
    },
    softOutput: id => softOutput[id],
    locals: locals as Locals,
    stream: async chunk => {
      if (controller.signal.aborted) throw controller.signal.reason
      let json: Json
      try {
        json = canonicalJson(chunk)
      } catch (error) {
        invalidChunks++
        throw error
      }
      chunks.push(json)
      await onChunk?.(json)
    },
  }
  if (aborted) controller.abort()
  let settlements = 0
  const run = (): unknown => (typeof backend === 'function' ? backend(request, context) : backend.run(request, context))
  const result = settle(run, () => settlements++)
  result.catch(() => {})
  return {
    request,
    reports,
    chunks,
    result,
    get invalidChunks() {
      return invalidChunks
    },
    get settlements() {
      return settlements
    },
    abort: reason => controller.abort(reason),
  }
}

/** Calls `onSettled` each time the answer settles. A synchronous answer settles once. */
async function settle(run: () => unknown, onSettled: () => void): Promise<unknown> {
  let answer: unknown
  try {
    answer = run()
  } catch (error) {
    onSettled()
    throw error
  }
  if (!isThenable(answer)) {
    onSettled()
    return answer
  }
  const thenable = answer
  return new Promise((resolve, reject) => {
    thenable.then(
      output => {
        onSettled()
        resolve(output)
      },
      error => {
        onSettled()
        reject(error)
      },
    )
  })
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
}
