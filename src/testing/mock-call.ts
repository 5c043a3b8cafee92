import type { AgentRequest, AttemptContext } from 'counterpoint'

/** One call of a `MockBackend`: one attempt. */
export interface MockCall {
  readonly taskId: string
  /** From 1. */
  readonly attempt: number
  readonly request: AgentRequest
  readonly context: AttemptContext
  /** In milliseconds since 1970, by the backend's clock. */
  readonly startedAt: number
  /** Undefined while the attempt runs. */
  readonly endedAt: number | undefined
  /** Whether it was told to stop. */
  readonly aborted: boolean
}

/** A call, as the backend keeps it. */
export class Call implements MockCall {
  readonly taskId: string
  readonly attempt: number
  readonly request: AgentRequest
  readonly context: AttemptContext
  readonly startedAt: number
  endedAt: number | undefined

  constructor(request: AgentRequest, context: AttemptContext, startedAt: number) {
    this.taskId = request.task.id
    this.attempt = context.attempt
    this.request = request
    this.context = context
    this.startedAt = startedAt
  }

  get aborted(): boolean {
    return this.context.signal.aborted
  }
}

/** True for a call of that task; `'*'` stands for any. */
export function matches(call: MockCall, taskId: string): boolean {
  return taskId === '*' || call.taskId === taskId
}
