import {
  type AgentBackend,
  AgentError,
  type AgentRequest,
  type AttemptContext,
  type Clock,
  systemClock,
} from 'counterpoint'
import type { Answer } from './mock-answer.js'
import { checkAnswers, checkCall, checkMockOptions, checkTaskId } from './mock-checks.js'
import { isPromise, lacksClock, NO_CLOCK, playAnswer } from './play-answer.js'

/** Options of a {@link MockBackend}. */
export interface MockBackendOptions {
  /** The clock for answers with `afterMs`: the `VirtualClock` of the test. Default: none, and such answers are rejected. */
  readonly clock?: Clock | undefined
  /** The name in events and messages. Default `mock`. */
  readonly name?: string | undefined
  /** As in `AgentBackend`: the slot of an aborted attempt is held until the attempt settles. Default false. */
  readonly awaitsTermination?: boolean | undefined
}

/** One call of a {@link MockBackend}: one attempt. */
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
  /** True when its signal is aborted. */
  readonly aborted: boolean
}

type Call = { -readonly [K in keyof MockCall]: MockCall[K] }

/**
 * A backend for tests: answers as scripted, task by task, and records every call.
 *
 * ```ts
 * const clock = new VirtualClock()
 * const backend = new MockBackend({ clock })
 *   .answer('plan', { steps: 3 })
 *   .answers('write', [fail('crashed'), succeed('a poem', { afterMs: 2_000 })])
 *   .answer('*', request => `${request.task.id} done`)
 * ```
 */
export class MockBackend implements AgentBackend {
  readonly name: string
  readonly awaitsTermination: boolean
  readonly #clock: Clock | undefined
  readonly #answers = new Map<string, readonly Answer[]>()
  readonly #calls: Call[] = []
  /** The tasks whose attempts are held. */
  readonly #heldTasks = new Set<string>()
  /** The attempts that are held now, with the functions that release them. */
  readonly #held = new Map<Call, (answer: Answer) => void>()
  #startListeners: { readonly taskId: string; readonly onStart: (call: MockCall) => void }[] = []
  #running = 0
  #maxRunning = 0

  /** @throws CounterpointError `INVALID_INPUT` for unknown or invalid options. */
  constructor(options: MockBackendOptions = {}) {
    checkMockOptions(options)
    this.name = options.name ?? 'mock'
    this.awaitsTermination = options.awaitsTermination ?? false
    this.#clock = options.clock
  }

  /**
   * Answers every attempt of the task. `'*'` stands for all tasks without an answer of their own.
   * @throws Error for an answer with `afterMs` when the backend has no clock.
   */
  answer(taskId: string, answer: Answer): this {
    checkTaskId(taskId, 'MockBackend.answer')
    return this.answers(taskId, [answer])
  }

  /**
   * Answers the first attempt of the task with the first answer, the second with the second, and all further ones with the last.
   * @throws Error for an empty list, and for an answer with `afterMs` when the backend has no clock.
   */
  answers(taskId: string, answers: readonly Answer[]): this {
    checkAnswers(taskId, answers)
    if (answers.length === 0) throw new Error(`expected at least one answer for task "${taskId}", got an empty list`)
    for (const answer of answers) if (lacksClock(answer, this.#clock)) throw new Error(NO_CLOCK)
    this.#answers.set(taskId, [...answers])
    return this
  }

  /** Holds each attempt of the task until `release`. An abort ends a held attempt. `'*'` holds the attempts of all tasks. */
  hold(taskId: string): this {
    checkTaskId(taskId, 'MockBackend.hold')
    this.#heldTasks.add(taskId)
    return this
  }

  /**
   * Releases the attempts of the task that are held now: with this answer, or with the scripted one.
   * @throws Error when none is held.
   */
  release(taskId: string, ...answer: readonly [answer?: Answer]): void {
    checkTaskId(taskId, 'MockBackend.release')
    const held = [...this.#held.keys()].filter(call => matches(call, taskId))
    if (held.length === 0)
      throw new Error(
        `no attempt of task "${taskId}" is held: call hold("${taskId}") first, then await started("${taskId}")`,
      )
    for (const call of held) this.#held.get(call)?.(answer.length === 0 ? this.#scripted(call) : answer[0])
  }

  /** Resolves with the running attempt of the task, or with the next one once it starts. `'*'` stands for any task. Advances no clock. */
  started(taskId: string): Promise<MockCall> {
    checkTaskId(taskId, 'MockBackend.started')
    const running = this.#calls.find(call => matches(call, taskId) && call.endedAt === undefined)
    if (running) return Promise.resolve(running)
    return new Promise(onStart => this.#startListeners.push({ taskId, onStart }))
  }

  /** All calls so far, in order. */
  get calls(): readonly MockCall[] {
    return this.#calls
  }

  /** The calls for one task so far. */
  callsOf(taskId: string): readonly MockCall[] {
    checkTaskId(taskId, 'MockBackend.callsOf')
    return this.#calls.filter(call => call.taskId === taskId)
  }

  /** The number of running attempts. */
  get running(): number {
    return this.#running
  }

  /** The most attempts that ran at the same time so far. */
  get maxRunning(): number {
    return this.#maxRunning
  }

  /** Runs one attempt. Called by the orchestrator. */
  run(request: AgentRequest, context: AttemptContext): unknown {
    const call = this.#begin(request, context)
    try {
      const isHeld = this.#heldTasks.has(call.taskId) || this.#heldTasks.has('*')
      const answer = isHeld ? this.#hold(call) : playAnswer(this.#scripted(call), call, this.#clock)
      if (isPromise(answer)) return answer.finally(() => this.#end(call))
      this.#end(call)
      return answer
    } catch (error) {
      this.#end(call)
      throw error
    }
  }

  #begin(request: AgentRequest, context: AttemptContext): Call {
    checkCall(request, context)
    const call: Call = {
      taskId: request.task.id,
      attempt: context.attempt,
      request,
      context,
      startedAt: this.#now(),
      endedAt: undefined,
      get aborted() {
        return context.signal.aborted
      },
    }
    this.#calls.push(call)
    this.#running++
    this.#maxRunning = Math.max(this.#maxRunning, this.#running)
    const listeners = this.#startListeners
    this.#startListeners = listeners.filter(({ taskId }) => !matches(call, taskId))
    for (const { taskId, onStart } of listeners) if (matches(call, taskId)) onStart(call)
    return call
  }

  #end(call: Call): void {
    call.endedAt = this.#now()
    this.#running--
  }

  #now(): number {
    return (this.#clock ?? systemClock).now()
  }

  async #hold(call: Call): Promise<unknown> {
    const { signal } = call.context
    const released = await new Promise<{ readonly answer: Answer }>((resolve, reject) => {
      const onAbort = (): void => reject(signal.reason)
      // Wrapped in an object, because an answer may be a thenable, which `resolve` would await.
      this.#held.set(call, answer => resolve({ answer }))
      if (signal.aborted) onAbort()
      else signal.addEventListener('abort', onAbort, { once: true })
    }).finally(() => this.#held.delete(call))
    return playAnswer(released.answer, call, this.#clock)
  }

  #scripted({ taskId, attempt }: Call): Answer {
    const answers = this.#answers.get(taskId) ?? this.#answers.get('*')
    if (answers) return answers[Math.min(attempt, answers.length) - 1]
    const id = JSON.stringify(taskId)
    const message = `MockBackend has no answer for task ${id}: call answer(${id}, ...), or answer('*', ...) for all tasks without one`
    throw new AgentError('bad-input', message)
  }
}

/** `'*'` stands for any task. */
function matches(call: MockCall, taskId: string): boolean {
  return taskId === '*' || call.taskId === taskId
}
