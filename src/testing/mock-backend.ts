import {
  type AgentBackend,
  AgentError,
  type AgentRequest,
  type AttemptContext,
  type Clock,
  systemClock,
} from 'counterpoint'
import { type Answer, MockAnswer } from './mock-answer.js'
import { Call, type MockCall, matches } from './mock-call.js'
import { pause } from './pause.js'

/** Options of a {@link MockBackend}. */
export interface MockBackendOptions {
  /** Where answers with `afterMs` get their time from: the `VirtualClock` of the test. Without one they are refused. */
  readonly clock?: Clock
  /** For events and messages. Default `mock`. */
  readonly name?: string
  /** As in an `AgentBackend`: its slot is held until an aborted attempt settles. Default false. */
  readonly awaitsTermination?: boolean
}

/**
 * A backend for tests: answers as it is told, task by task, and notes every call.
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
  readonly #holds = new Set<string>()
  readonly #held = new Map<Call, (answer: Answer) => void>()
  #awaited: { readonly taskId: string; readonly found: (call: MockCall) => void }[] = []
  #running = 0
  #maxRunning = 0

  constructor(options: MockBackendOptions = {}) {
    this.name = options.name ?? 'mock'
    this.awaitsTermination = options.awaitsTermination ?? false
    this.#clock = options.clock
  }

  /**
   * Every attempt of the task is answered so. `'*'` stands for all tasks that have no answer of their own.
   * @throws Error for an answer with `afterMs` when the backend has no clock.
   */
  answer(taskId: string, answer: Answer): this {
    return this.answers(taskId, [answer])
  }

  /**
   * The first attempt of the task is answered with the first, the second with the second, all further ones with the last.
   * @throws Error for an empty list, and for an answer with `afterMs` when the backend has no clock.
   */
  answers(taskId: string, answers: readonly Answer[]): this {
    if (answers.length === 0) throw new Error(`expected at least one answer for task "${taskId}", got an empty list`)
    for (const answer of answers) if (this.#lacksClock(answer)) throw new Error(NO_CLOCK)
    this.#answers.set(taskId, [...answers])
    return this
  }

  /** Attempts of the task wait, each until it is released. They heed their abort. `'*'` holds those of all tasks. */
  hold(taskId: string): this {
    this.#holds.add(taskId)
    return this
  }

  /**
   * Lets the attempts of the task that are held now go on: with this answer, or else with the one that the task has.
   * @throws Error when none is held.
   */
  release(taskId: string, ...answer: readonly [answer?: Answer]): void {
    const held = [...this.#held.keys()].filter(call => taskId === '*' || call.taskId === taskId)
    if (held.length === 0)
      throw new Error(
        `no attempt of task "${taskId}" is held: call hold("${taskId}") first, then await started("${taskId}")`,
      )
    for (const call of held) this.#held.get(call)?.(answer.length === 0 ? this.#scripted(call) : answer[0])
  }

  /** The attempt of the task that runs now, or else the next one, once it does. `'*'` stands for any task. No time passes by itself meanwhile. */
  started(taskId: string): Promise<MockCall> {
    const running = this.#calls.find(call => matches(call, taskId) && call.endedAt === undefined)
    if (running) return Promise.resolve(running)
    return new Promise(found => this.#awaited.push({ taskId, found }))
  }

  /** All calls so far, in their order. */
  get calls(): readonly MockCall[] {
    return this.#calls
  }

  /** The calls for one task so far. */
  callsOf(taskId: string): readonly MockCall[] {
    return this.#calls.filter(call => call.taskId === taskId)
  }

  /** How many attempts run now. */
  get running(): number {
    return this.#running
  }

  /** The most attempts that ever ran at once. */
  get maxRunning(): number {
    return this.#maxRunning
  }

  /** One attempt: what an orchestrator calls. */
  run(request: AgentRequest, context: AttemptContext): unknown {
    const call = this.#begin(request, context)
    try {
      const answer = this.#isHeld(call) ? this.#hold(call) : this.#evaluate(this.#scripted(call), call)
      if (isPromise(answer)) return answer.finally(() => this.#end(call))
      this.#end(call)
      return answer
    } catch (error) {
      this.#end(call)
      throw error
    }
  }

  #begin(request: AgentRequest, context: AttemptContext): Call {
    const call = new Call(request, context, (this.#clock ?? systemClock).now())
    this.#calls.push(call)
    this.#running++
    this.#maxRunning = Math.max(this.#maxRunning, this.#running)
    const awaited = this.#awaited
    this.#awaited = awaited.filter(({ taskId }) => !matches(call, taskId))
    for (const { taskId, found } of awaited) if (matches(call, taskId)) found(call)
    return call
  }

  #end(call: Call): void {
    call.endedAt = (this.#clock ?? systemClock).now()
    this.#running--
  }

  #isHeld({ taskId }: Call): boolean {
    return this.#holds.has(taskId) || this.#holds.has('*')
  }

  async #hold(call: Call): Promise<unknown> {
    const { signal } = call.context
    const answer = await new Promise<{ readonly given: Answer }>((resolve, reject) => {
      const stop = (): void => reject(signal.reason)
      // In a box, for an answer may be a promise or any other thenable.
      this.#held.set(call, given => resolve({ given }))
      if (signal.aborted) stop()
      else signal.addEventListener('abort', stop, { once: true })
    }).finally(() => this.#held.delete(call))
    return this.#evaluate(answer.given, call)
  }

  #scripted({ taskId, attempt }: Call): Answer {
    const answers = this.#answers.get(taskId) ?? this.#answers.get('*')
    if (answers) return answers[Math.min(attempt, answers.length) - 1]
    const id = JSON.stringify(taskId)
    const message = `MockBackend has no answer for task ${id}: call answer(${id}, ...), or answer('*', ...) for all tasks without one`
    throw new AgentError('bad-input', message)
  }

  /** Invariant: what is not ours to wait for is handed on untouched, hostile thenables and proxies included. */
  #evaluate(answer: Answer, call: Call): unknown {
    const value: unknown = typeof answer === 'function' ? answer(call.request, call.context) : answer
    return isPromise(value) ? value.then(settled => this.#play(settled, call)) : this.#play(value, call)
  }

  #play(value: unknown, call: Call): unknown {
    if (!MockAnswer.is(value)) return value
    if (this.#lacksClock(value)) throw new AgentError('bad-input', NO_CLOCK)
    return value.afterMs === 0 && value.progress.length === 0 ? value.give() : this.#act(value, call.context)
  }

  async #act(answer: MockAnswer, context: AttemptContext): Promise<unknown> {
    const { afterMs, progress, heedsAbort } = answer
    const signal = heedsAbort ? context.signal : undefined
    const steps = Math.max(1, progress.length)
    for (let step = 0; step < steps; step++) {
      const report = progress[step]
      if (report) context.report(report)
      if (afterMs > 0) await pause(this.#clock, afterMs / steps, signal)
    }
    return answer.give()
  }

  #lacksClock(answer: unknown): boolean {
    return this.#clock === undefined && MockAnswer.is(answer) && answer.afterMs > 0 && Number.isFinite(answer.afterMs)
  }
}

const NO_CLOCK =
  'an answer with afterMs needs a clock: new MockBackend({ clock }), with the VirtualClock that the orchestrator has'

/** A proxy whose traps throw is no promise. */
function isPromise(value: unknown): value is Promise<unknown> {
  try {
    return value instanceof Promise
  } catch {
    return false
  }
}
