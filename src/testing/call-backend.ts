import {
  type AgentBackend,
  type AgentFunction,
  type AgentRequest,
  type AttemptContext,
  canonicalJson,
  type Json,
  type Report,
} from 'counterpoint'

/** The parts of a request to an agent; each may be left out. */
export interface RequestParts {
  /** Default `run`. */
  readonly runId?: string
  /** In milliseconds since 1970. Default 0. */
  readonly runStartedAt?: number
  /** The task's id. Default `task`. */
  readonly id?: string
  /** Default: the id. */
  readonly description?: string
  /** Default `pool`. */
  readonly pool?: string
  readonly context?: Json
  /** Default `null`. */
  readonly input?: Json
  /** Default: none. */
  readonly outputs?: Readonly<Record<string, Json>>
}

/** A request as an orchestrator makes it, frozen to the bottom. */
export function agentRequest(parts: RequestParts = {}): AgentRequest {
  const { runId = 'run', runStartedAt = 0, id = 'task', description = id, pool = 'pool' } = parts
  const { context, input = null, outputs = {} } = parts
  const task = Object.freeze({
    id,
    description,
    pool,
    ...(context !== undefined && { context: canonicalJson(context) }),
  })
  const frozen = canonicalJson(outputs) as Readonly<Record<string, Json>>
  return Object.freeze({ runId, runStartedAt, task, input: canonicalJson(input), outputs: frozen })
}

/** Options of {@link callBackend}. */
export interface CallOptions {
  /** Default 1. */
  readonly attempt?: number
  /** Calls it with a signal that is aborted already. Default false. */
  readonly aborted?: boolean
  /** What `context.soft(id)` gives, by id: an object that the test may change meanwhile. Default: nothing. */
  readonly softOutput?: Readonly<Record<string, Json>>
}

/** One attempt, made by hand. */
export interface BackendCall {
  readonly request: AgentRequest
  /** What the backend has reported so far. */
  readonly reports: readonly Report[]
  /** Settles as the backend does; a promise, too, when it answers or throws at once. */
  readonly result: Promise<unknown>
  /** What became of it so far. A backend may settle only once, but nothing keeps a thenable from calling back again: it is counted. */
  readonly settlements: number
  /** Tells it to stop. Default reason: an `AbortError`. */
  abort(reason?: unknown): void
}

/**
 * Calls a backend as an orchestrator would, once, without one: for the tests of adapters.
 *
 * ```ts
 * const call = callBackend(backend, { description: 'Write a poem' })
 * call.abort()
 * await call.result.catch(() => {})
 * ```
 */
export function callBackend(
  backend: AgentBackend | AgentFunction,
  parts: RequestParts = {},
  { attempt = 1, aborted = false, softOutput: soft = {} }: CallOptions = {},
): BackendCall {
  const controller = new AbortController()
  const reports: Report[] = []
  const request = agentRequest(parts)
  const context: AttemptContext = {
    attempt,
    idempotencyKey: `${request.runId}/${request.task.id}/1`,
    signal: controller.signal,
    report: report => {
      reports.push(report)
    },
    softOutput: id => soft[id],
  }
  if (aborted) controller.abort()
  const settled = { times: 0 }
  const result = follow(
    () => (typeof backend === 'function' ? backend : backend.run.bind(backend))(request, context),
    settled,
  )
  result.catch(() => {})
  return {
    request,
    reports,
    result,
    get settlements() {
      return settled.times
    },
    abort: reason => controller.abort(reason),
  }
}

/** Counts how often the answer settles. One that is no thenable has settled by being there. */
async function follow(run: () => unknown, settled: { times: number }): Promise<unknown> {
  let answer: unknown
  try {
    answer = run()
  } catch (error) {
    settled.times++
    throw error
  }
  if (isThenable(answer)) return counted(answer, () => settled.times++)
  settled.times++
  return answer
}

function counted(answer: PromiseLike<unknown>, count: () => void): Promise<unknown> {
  return new Promise((resolve, reject) => {
    answer.then(
      output => {
        count()
        resolve(output)
      },
      error => {
        count()
        reject(error)
      },
    )
  })
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
}
