import { type AgentBackend, type AgentRequest, isReply } from '../../backends/agent-backend.js'
import { failureOf } from '../../backends/classify-error.js'
import { type Failure, withTails } from '../../core/failure/failure.js'
import type { OutputTails } from '../../core/failure/output-tails.js'
import { tokensOf, type Usage } from '../../core/failure/usage.js'
import { canonicalJson, type Json } from '../../core/json.js'
import { readMember } from '../../core/read-member.js'
import type { Signal, StoppedSignal } from '../../core/scheduler/signals.js'
import type { InputIssue } from '../../errors.js'
import type { Lease } from '../../pools/run-queue.js'
import { type Deadline, type DeadlineListener, IdleTimeout } from '../timers/deadlines.js'
import { type AttemptServices, type AttemptTerms, timedOut } from './attempt-services.js'
import { BackendContext } from './backend-context.js'
import { type BackendProblem, checkNoReply, chunkOf, reportedUsage, usageThrown } from './backend-problems.js'
import { ChunkStream, hasEnded } from './chunk-stream.js'
import { type CheckedOutput, checkedOutput, invalidOutput } from './invalid-output.js'
import { onSettled } from './on-settled.js'
import { readReport } from './read-report.js'
import { readTails } from './read-tails.js'

/** One try of one task: calls the backend at most once, accepts one answer at most, and gives the slot back exactly once. */
export class Attempt implements DeadlineListener {
  readonly index: number
  readonly lease: Lease
  readonly #services: AttemptServices
  #terms: AttemptTerms | undefined
  /** `claimed`: it has a slot. `starting`: its start has been decided, and is not durable yet. */
  #phase: 'claimed' | 'starting' | 'running' | 'stopping' | 'ended' = 'claimed'
  /** Created when the signal is first read: that costs 2 us on Node 20, more than the rest of an attempt. */
  #controller: AbortController | undefined
  #abortReason: unknown
  #deadline: Deadline | undefined
  #idleTimeout: IdleTimeout | undefined
  #cancelGrace: (() => void) | undefined
  /** What the backend reported. Where there is a budget, the usage of an event may be an assumption. */
  #usage: Usage | undefined
  #tails: OutputTails | undefined
  #chunks: ChunkStream | undefined

  constructor(services: AttemptServices, index: number, lease: Lease) {
    this.#services = services
    this.index = index
    this.lease = lease
  }

  /** 0 before its start has been decided. */
  get attempt(): number {
    return this.#terms?.attempt ?? 0
  }

  /** True when its start has been decided and its backend has not been called. */
  get isStarting(): boolean {
    return this.#phase === 'starting'
  }

  get idempotencyKey(): string {
    return this.#services.idempotencyKey(this.index, (this.#terms as AttemptTerms).round)
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    if (this.#abortReason !== undefined) this.#controller.abort(this.#abortReason)
    return this.#controller.signal
  }

  /** The input function may take as long as an attempt. */
  limitInput(timeoutMs: number): void {
    this.#deadline = this.#services.deadlines.add(timeoutMs, this)
  }

  /** The attempt, or its input function, took too long. */
  onDeadline(): void {
    if (this.#phase === 'claimed') this.#services.onInputTimeout(this.index)
    else this.#onTimeout('attempt')
  }

  /** Its start has been decided. */
  prepare(terms: AttemptTerms): void {
    this.#terms = terms
    this.#phase = 'starting'
    this.#services.deadlines.remove(this.#deadline)
  }

  /** Its start is durable: calls the backend, unless the attempt has been stopped. */
  launch(request: AgentRequest): void {
    if (this.#phase !== 'starting') return
    this.#phase = 'running'
    this.lease.started()
    this.#startTimeouts(this.#terms as AttemptTerms)
    try {
      const backend: AgentBackend = this.lease.backend
      const answer = backend.run(request, new BackendContext(this, this.#services.locals()))
      if (typeof answer !== 'object' || answer === null) return this.#afterChunks(() => this.#onAnswer(answer))
      onSettled(
        answer,
        value => this.#afterChunks(() => this.#onAnswer(value)),
        error => this.#afterChunks(() => this.#onError(error)),
      )
    } catch (error) {
      this.#afterChunks(() => this.#onError(error))
    }
  }

  /** What the backend streamed before it settled is published before the attempt ends. */
  #afterChunks(settle: () => void): void {
    const published = this.#chunks?.published()
    if (published) void published.then(settle)
    else settle()
  }

  /** Aborts the backend, then waits until it ends or the grace period is over. */
  stop(reason: unknown): void {
    const previous = this.#phase
    if (previous === 'ended' || previous === 'claimed') return
    this.#phase = 'stopping'
    // Its backend was not called: no estimate counts.
    if (previous === 'starting') this.#usage = { costUsd: 0, tokens: 0 }
    if (previous === 'starting') return this.#onStopped(false)
    if (previous === 'stopping') return
    this.#idleTimeout?.stop()
    if (!this.lease.backend.awaitsTermination) {
      const { graceMs } = this.#terms as AttemptTerms
      this.#cancelGrace = this.#services.clock.schedule(() => this.#onStopped(true), graceMs)
    }
    this.#abortReason = reason
    this.#chunks?.close(reason)
    this.#controller?.abort(reason)
  }

  /** Ends the attempt for the run and gives the slot back. What its backend still does changes nothing. */
  finish(): void {
    this.#phase = 'ended'
    this.#services.deadlines.remove(this.#deadline)
    this.#idleTimeout?.stop()
    this.#cancelGrace?.()
    this.#chunks?.close(hasEnded())
    this.lease.release(tokensOf(this.#usage))
  }

  report(report: unknown): void {
    if (this.#phase === 'ended') return
    this.#idleTimeout?.restart()
    this.#noteUsage(readMember(report, 'usage'))
    const shown = this.#phase === 'running' ? readReport(report, this) : undefined
    if (shown) this.#services.onReport(this.index, shown)
  }

  async stream(chunk: unknown): Promise<void> {
    if (this.#phase !== 'running') throw this.#abortReason ?? hasEnded()
    this.#idleTimeout?.restart()
    this.#chunks ??= new ChunkStream(this.#services.clock, {
      publish: measured => this.#services.onChunk(this.index, measured),
      onHeld: isHeld => (isHeld ? this.#idleTimeout?.pause() : this.#idleTimeout?.resume()),
      onError: error => this.#services.onChunkFailed(this.index, error),
    })
    return this.#chunks.push(chunkOf(chunk, this))
  }

  recordTails(tails: unknown): void {
    if (this.#phase !== 'ended') this.#tails = readTails(tails)
  }

  softOutput(id: string): Json | undefined {
    return this.#services.softOutput(this.index, id)
  }

  #startTimeouts({ timeoutMs, idleTimeoutMs }: AttemptTerms): void {
    const { deadlines } = this.#services
    this.#deadline = deadlines.add(timeoutMs, this)
    if (idleTimeoutMs !== undefined)
      this.#idleTimeout = new IdleTimeout(deadlines, idleTimeoutMs, { onDeadline: () => this.#onTimeout('idle') })
  }

  #onTimeout(timeout: 'attempt' | 'idle'): void {
    const failure = timedOut(timeout, this.#terms as AttemptTerms)
    this.#services.send({ type: 'expire', index: this.index, attempt: this.attempt, failure })
  }

  #onAnswer(answer: unknown): void {
    try {
      const reply = isReply(answer) ? answer : undefined
      if (reply) this.#noteUsage(reply.usage)
      if (this.#phase === 'stopping') this.#onStopped(false)
      else if (this.#phase === 'running')
        this.#checkOutput(canonicalJson(reply ? reply.output : answer), reply === undefined)
    } catch (error) {
      this.#fail(invalidOutput(error))
    }
  }

  #onError(error: unknown): void {
    this.#noteUsage(usageThrown(error, this))
    this.#unlessStopping(() => this.#fail(failureOf(error, this.#services.clock.now())))
  }

  #checkOutput(output: Json, isPlain: boolean): void {
    const { schema } = this.#terms as AttemptTerms
    if (schema === undefined) {
      if (isPlain) checkNoReply(output, this)
      return this.#succeed(output)
    }
    const checked = checkedOutput(schema, output)
    if (!(checked instanceof Promise)) return this.#onChecked(checked)
    void checked.then(each => this.#unlessStopping(() => this.#onChecked(each)))
  }

  #onChecked(checked: CheckedOutput): void {
    return checked.failure ? this.#fail(checked.failure) : this.#succeed(checked.output)
  }

  /** An answer that comes while the attempt is being stopped only ends the stop; one that comes later changes nothing. */
  #unlessStopping(accept: () => void): void {
    if (this.#phase === 'stopping') this.#onStopped(false)
    else if (this.#phase === 'running') accept()
  }

  #succeed(output: Json): void {
    const signal: Signal = { type: 'succeed', index: this.index, attempt: this.attempt, output }
    if (this.#tails) return this.#services.send({ ...signal, ...this.#outcome() })
    this.#services.send(this.#usage ? { ...signal, usage: this.#usage } : signal)
  }

  #fail(failure: Failure): void {
    this.#services.send({ type: 'fail', failure: withTails(failure, this.#tails), ...this.#outcome() })
  }

  #onStopped(abandoned: boolean): void {
    if (this.#phase !== 'stopping') return
    this.#phase = 'ended'
    this.#services.send({ type: 'stopped', abandoned, ...this.#outcome() })
  }

  /** What the signals of an attempt that ended have in common. */
  #outcome(): Omit<StoppedSignal, 'type' | 'abandoned'> {
    const { alternatives, refusals } = this.lease
    const known = { ...(this.#usage && { usage: this.#usage }), ...(this.#tails && { tails: this.#tails }) }
    return { index: this.index, attempt: this.attempt, alternatives, refusals, ...known }
  }

  #noteUsage(usage: unknown): void {
    if (usage !== undefined) this.#usage = reportedUsage(usage, this) ?? this.#usage
  }

  onProblem(of: BackendProblem, issues: () => readonly InputIssue[]): void {
    this.#services.onBackendProblem(this.index, of, issues)
  }
}
