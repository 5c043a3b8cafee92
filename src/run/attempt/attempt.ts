import {
  type AgentBackend,
  type AgentRequest,
  type AttemptContext,
  isReply,
  type Report,
} from '../../backends/agent-backend.js'
import { failureOf, usageOf } from '../../backends/classify-error.js'
import type { Clock } from '../../clock.js'
import type { Failure } from '../../core/failure/failure.js'
import type { Usage } from '../../core/failure/usage.js'
import { readUsage } from '../../core/failure/usage.js'
import { canonicalJson, type Json } from '../../core/json.js'
import type { Signal } from '../../core/scheduler/signals.js'
import type { StandardSchemaV1 } from '../../plan/standard-schema.js'
import type { Lease } from '../../pools/run-queue.js'
import type { Deadline, DeadlineList, Deadlines } from '../timers/deadlines.js'
import { IdleWatch } from '../timers/idle-watch.js'
import { invalidOutput, unfitOutput } from './invalid-output.js'
import type { PromiseListeners, PromiseReceiver } from './promise-listener.js'

/** What an attempt needs of its run. */
export interface AttemptHost {
  readonly clock: Clock
  readonly deadlines: Deadlines
  readonly answers: PromiseListeners
  send(signal: Signal): void
  progressed(attempt: Attempt, report: Report): void
  /** The input of a task took too long to make. */
  inputExpired(index: number): void
  /** That of task `index`, as it stood with this revision of its request. */
  keyOf(index: number, revision: number): string
  /** The output of a soft dependency of task `index`. */
  soft(index: number, id: string): Json | undefined
}

/** What is the same for all attempts of a task. */
export interface AttemptTerms {
  readonly pool: string
  readonly backend: AgentBackend
  readonly timeoutMs: number
  readonly idleTimeoutMs: number | undefined
  readonly graceMs: number
  readonly schema: StandardSchemaV1 | undefined
}

/**
 * One try of one task: calls the backend at most once, takes its answer at most once, and gives the slot back exactly once.
 * It is also the context that the backend gets, and stands among the deadlines itself: a million of them are made.
 */
export class Attempt implements AttemptContext, PromiseReceiver, Deadline {
  readonly index: number
  readonly lease: Lease
  attempt = 0
  dueAt = 0
  previous: Deadline | undefined
  next: Deadline | undefined
  list: DeadlineList | undefined
  readonly #host: AttemptHost
  #terms: AttemptTerms | undefined
  #revision = 0
  #phase: 'claimed' | 'waiting' | 'running' | 'stopping' | 'over' = 'claimed'
  #controller: AbortController | undefined
  #abortReason: unknown
  #callOffGrace: (() => void) | undefined
  #idle: IdleWatch | undefined
  #usage: Usage | undefined

  constructor(host: AttemptHost, index: number, lease: Lease) {
    this.#host = host
    this.index = index
    this.lease = lease
  }

  /** Its start has been decided. */
  prepare(attempt: number, revision: number, terms: AttemptTerms): void {
    this.attempt = attempt
    this.#revision = revision
    this.#terms = terms
    this.#phase = 'waiting'
    this.#host.deadlines.remove(this)
  }

  get idempotencyKey(): string {
    return this.#host.keyOf(this.index, this.#revision)
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    if (this.#abortReason !== undefined && !this.#controller.signal.aborted) this.#controller.abort(this.#abortReason)
    return this.#controller.signal
  }

  /** A getter, so that a backend may take it out of the context: `({ report }) => ...`. */
  get report(): (report: Report) => void {
    return report => this.#report(report)
  }

  get softOutput(): (id: string) => Json | undefined {
    return id => this.#host.soft(this.index, id)
  }

  /** Calls the backend: once, and not if the attempt was stopped before. */
  launch(request: AgentRequest): void {
    if (this.#phase !== 'waiting') return
    this.#phase = 'running'
    this.lease.started()
    const { timeoutMs, idleTimeoutMs, backend } = this.#terms as AttemptTerms
    this.#host.deadlines.add(timeoutMs, this)
    if (idleTimeoutMs !== undefined)
      this.#idle = new IdleWatch(this.#host.deadlines, idleTimeoutMs, () => this.#expired('idle', idleTimeoutMs))
    try {
      const answer = backend.run(request, this)
      if (typeof answer === 'object' && answer !== null) this.#host.answers.hear(answer, this)
      else this.answered(answer)
    } catch (error) {
      this.threw(error)
    }
  }

  /** Its input is being made, which may take no longer than the attempt itself. */
  limitInput(timeoutMs: number): void {
    this.#host.deadlines.add(timeoutMs, this)
  }

  /** Its time is up. */
  expire(): void {
    if (this.#phase === 'claimed') return this.#host.inputExpired(this.index)
    this.#expired('attempt', (this.#terms as AttemptTerms).timeoutMs)
  }

  #expired(timeout: 'attempt' | 'idle', limitMs: number): void {
    const what = timeout === 'idle' ? 'the agent said nothing for' : 'the attempt took longer than'
    const failure: Failure = { kind: 'timeout', timeout, message: `${what} ${limitMs} ms` }
    this.#host.send({ type: 'expire', index: this.index, attempt: this.attempt, failure })
  }

  /** Aborts; then waits for the backend to end, or for the grace. */
  stop(reason: unknown): void {
    const before = this.#phase
    if (before === 'over' || before === 'claimed') return
    this.#phase = 'stopping'
    if (before === 'waiting') return this.#stopped(false)
    if (before === 'stopping') return
    this.#abortReason = reason
    this.#idle?.stop()
    const { backend, graceMs } = this.#terms as AttemptTerms
    if (!backend.awaitsTermination) this.#callOffGrace = this.#host.clock.schedule(() => this.#stopped(true), graceMs)
    this.#controller?.abort(reason)
  }

  /** The attempt is over, as far as the run is concerned. What its backend still does changes nothing. */
  finish(): void {
    this.#phase = 'over'
    this.#host.deadlines.remove(this)
    this.#idle?.stop()
    this.#callOffGrace?.()
    this.lease.release()
  }

  answered(answer: unknown): void {
    try {
      const parts = isReply(answer) ? answer : undefined
      if (parts) this.#note(parts.usage)
      if (this.#phase === 'stopping') this.#stopped(false)
      else if (this.#phase === 'running') this.#accept(canonicalJson(parts ? parts.output : answer))
    } catch (error) {
      this.#fail(invalidOutput(error))
    }
  }

  threw(error: unknown): void {
    this.#note(usageOf(error))
    this.#unlessStopping(() => this.#fail(failureOf(error, this.#host.clock.now())))
  }

  #accept(output: Json): void {
    const { schema } = this.#terms as AttemptTerms
    if (schema === undefined) return this.#succeed(output)
    const result = schema['~standard'].validate(output)
    if (!(result instanceof Promise)) return this.#validated(result, output)
    result.then(
      checked => this.#unlessStopping(() => this.#validated(checked, output)),
      error => this.#unlessStopping(() => this.#fail(invalidOutput(error))),
    )
  }

  #unlessStopping(go: () => void): void {
    if (this.#phase === 'stopping') this.#stopped(false)
    else if (this.#phase === 'running') go()
  }

  #validated(result: StandardSchemaV1.Result<unknown>, output: Json): void {
    try {
      if (result.issues) return this.#fail(unfitOutput(result.issues, output))
      this.#succeed(canonicalJson(result.value))
    } catch (error) {
      this.#fail(invalidOutput(error))
    }
  }

  #succeed(output: Json): void {
    const signal = { type: 'succeed', index: this.index, attempt: this.attempt, output } as const
    this.#host.send(this.#usage === undefined ? signal : { ...signal, usage: this.#usage })
  }

  #fail(failure: Failure): void {
    const alternatives = this.lease.alternatives
    this.#host.send({
      type: 'fail',
      index: this.index,
      attempt: this.attempt,
      failure,
      ...(alternatives > 0 && { alternatives }),
      ...this.#used(),
    })
  }

  #stopped(abandoned: boolean): void {
    if (this.#phase !== 'stopping') return
    this.#phase = 'over'
    const { alternatives } = this.lease
    this.#host.send({
      type: 'stopped',
      index: this.index,
      attempt: this.attempt,
      abandoned,
      ...(alternatives > 0 && { alternatives }),
      ...this.#used(),
    })
  }

  #report(report: Report): void {
    if (this.#phase === 'over') return
    this.#idle?.beat()
    const { usage, ...said } = report
    this.#note(usage)
    if (this.#phase === 'running' && Object.keys(said).length > 0) this.#host.progressed(this, said)
  }

  #note(usage: unknown): void {
    if (usage !== undefined) this.#usage = readUsage(usage) ?? this.#usage
  }

  #used(): { usage?: Usage } | undefined {
    return this.#usage && { usage: this.#usage }
  }
}
