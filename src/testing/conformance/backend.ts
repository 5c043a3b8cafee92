import {
  type AgentBackend,
  type AgentFunction,
  type FailureKind,
  Orchestrator,
  type Run,
  type TaskResult,
  type Verdict,
} from 'counterpoint'
import { agentRequest, type BackendCall, type CallOptions, callBackend, type RequestParts } from '../call-backend.js'
import { type ConformanceCase, must, type Pass, realTime, settlesWithin, shown } from './cases.js'

/** What {@link backendConformance} is told about a backend. */
export interface BackendConformanceOptions {
  /** A request that succeeds. */
  readonly succeeds: RequestParts
  /** A request that fails. Without one, what failures promise is not checked. */
  readonly fails?: RequestParts
  /** The kind that the failure of `fails` has. Default: any. */
  readonly failsWith?: FailureKind
  /** A request that takes longer than `settleMs` unless it is stopped. Without one, aborts are checked only before and after. */
  readonly runsLong?: RequestParts
  /** How long a request may take to be answered, in milliseconds. Default 30,000. */
  readonly answerMs?: number
  /** How long it takes until a request is well under way, in milliseconds. Default 20. */
  readonly startMs?: number
  /** How long an attempt may go on after its abort, in milliseconds. Default 5,000: the grace of a pool. */
  readonly settleMs?: number
  /** Lets time pass. Default: real time. */
  readonly pass?: Pass
}

/**
 * What every backend promises, as cases for any test runner. `make` gives a new backend for each case.
 * A rejection that nobody handles is left to the test runner to find: most of them do.
 *
 * ```ts
 * const cases = backendConformance(() => myBackend(), { succeeds: { description: 'Say hello' }, runsLong: { description: 'Count to a million' } })
 * for (const { name, run } of cases) test(name, run)
 * ```
 */
export function backendConformance(
  make: () => AgentBackend | AgentFunction | Promise<AgentBackend | AgentFunction>,
  options: BackendConformanceOptions,
): readonly ConformanceCase[] {
  const trial = new BackendTrial(make, options)
  const { fails, runsLong } = options
  return [
    { name: 'answers a request with JSON that an orchestrator can keep', run: () => trial.answers() },
    { name: 'settles once', run: () => trial.settlesOnce() },
    { name: 'answers several requests at once', run: () => trial.answersSeveral() },
    { name: 'answers a further attempt of the same task', run: () => trial.answersAgain() },
    { name: 'reports progress between 0 and 1, and usage that adds up', run: () => trial.reportsSense() },
    { name: 'ends an attempt that was aborted before it began', run: () => trial.heedsEarlyAbort() },
    { name: 'does not mind an abort after its answer', run: () => trial.mindsNoLateAbort() },
    ...(fails ? [{ name: 'fails in a way that can be classified', run: () => trial.fails(fails) }] : []),
    ...(runsLong ? abortCases(trial, runsLong) : []),
  ]
}

function abortCases(trial: BackendTrial, long: RequestParts): readonly ConformanceCase[] {
  return [
    { name: 'ends soon after its abort', run: () => trial.heedsAbort(long) },
    { name: 'settles once when it is aborted twice', run: () => trial.heedsTwoAborts(long) },
    { name: 'goes on with other attempts when one is aborted', run: () => trial.abortsOnlyOne(long) },
    { name: 'leaves no abandoned attempt behind when its run is cancelled', run: () => trial.leavesNothing(long) },
  ]
}

type Make = () => AgentBackend | AgentFunction | Promise<AgentBackend | AgentFunction>

class BackendTrial {
  readonly #make: Make
  readonly #options: BackendConformanceOptions
  readonly #answerMs: number
  readonly #startMs: number
  readonly #settleMs: number
  readonly #pass: Pass

  constructor(make: Make, options: BackendConformanceOptions) {
    this.#make = make
    this.#options = options
    this.#answerMs = options.answerMs ?? 30_000
    this.#startMs = options.startMs ?? 20
    this.#settleMs = options.settleMs ?? 5_000
    this.#pass = options.pass ?? realTime
  }

  async answers(): Promise<void> {
    const task = await this.#ended(await this.#orchestrate(this.#options.succeeds), this.#answerMs)
    must(task.status === 'succeeded', `expected the task to succeed; it is ${task.status}: ${failureText(task)}`)
  }

  async settlesOnce(): Promise<void> {
    const call = await this.#call(this.#options.succeeds)
    await this.#answered(call)
    await this.#pass(this.#startMs)
    must(call.settlements === 1, `expected the attempt to settle once; it settled ${call.settlements} times`)
  }

  async answersSeveral(): Promise<void> {
    const backend = await this.#make()
    const { succeeds } = this.#options
    const calls = ['one', 'two', 'three'].map(id => callBackend(backend, { ...succeeds, runId: id }))
    for (const call of calls) await this.#answered(call)
  }

  async answersAgain(): Promise<void> {
    const backend = await this.#make()
    for (const attempt of [1, 2]) await this.#answered(callBackend(backend, this.#options.succeeds, { attempt }))
  }

  async reportsSense(): Promise<void> {
    const call = await this.#call(this.#options.succeeds)
    await this.#answered(call)
    for (const { progress, usage } of call.reports) {
      const isShare = progress === undefined || (progress >= 0 && progress <= 1)
      must(isShare, `expected progress between 0 and 1, got ${progress}`)
      for (const [name, value] of Object.entries(usage ?? {}))
        must(
          typeof value !== 'number' || (Number.isFinite(value) && value >= 0),
          `expected usage.${name} to be 0 or more, got ${value}`,
        )
    }
  }

  async heedsEarlyAbort(): Promise<void> {
    const { runsLong, succeeds } = this.#options
    const call = await this.#call(runsLong ?? succeeds, { aborted: true })
    await this.#settled(call, this.#settleMs, 'an attempt that was aborted before it began')
  }

  async mindsNoLateAbort(): Promise<void> {
    const call = await this.#call(this.#options.succeeds)
    await this.#answered(call)
    call.abort()
    await this.#pass(this.#startMs)
    must(
      call.settlements === 1,
      `expected an abort after the answer to change nothing; it settled ${call.settlements} times`,
    )
  }

  async fails(request: RequestParts): Promise<void> {
    const task = await this.#ended(await this.#orchestrate(request), this.#answerMs)
    must(task.status === 'dead' && task.failure !== undefined, `expected the task to be dead; it is ${task.status}`)
    const { kind, message } = task.failure
    const { failsWith = kind } = this.#options
    must(kind === failsWith, `expected a failure of kind ${failsWith}, got ${kind}: ${message}`)
    must(message.trim() !== '', `expected the failure (${kind}) to have a message, got none`)
  }

  async heedsAbort(long: RequestParts): Promise<void> {
    const call = await this.#underWay(long)
    call.abort()
    await this.#settled(call, this.#settleMs, 'an attempt that was aborted')
  }

  async heedsTwoAborts(long: RequestParts): Promise<void> {
    const call = await this.#underWay(long)
    call.abort()
    call.abort(new Error('a second abort'))
    await this.#settled(call, this.#settleMs, 'an attempt that was aborted twice')
    await this.#pass(this.#startMs)
    must(call.settlements === 1, `expected it to settle once; it settled ${call.settlements} times`)
  }

  async abortsOnlyOne(long: RequestParts): Promise<void> {
    const backend = await this.#make()
    const other = callBackend(backend, { ...long, runId: 'other' })
    const one = callBackend(backend, { ...long, runId: 'one' })
    await this.#pass(this.#startMs)
    one.abort()
    await this.#settled(one, this.#settleMs, 'an attempt that was aborted')
    const others = other.settlements
    other.abort()
    must(others === 0, 'expected the abort of one attempt to leave another alone; it ended, too')
    await this.#settled(other, this.#settleMs, 'the other attempt, aborted later,')
  }

  async leavesNothing(long: RequestParts): Promise<void> {
    const run = await this.#orchestrate(long)
    await this.#pass(this.#startMs)
    await run.cancel()
    const task = await this.#ended(run, 2 * this.#settleMs)
    must(task.status === 'cancelled', `expected the task to be cancelled; it is ${task.status}`)
    must(task.abandoned === 0, `expected the attempt to end within ${this.#settleMs} ms of its abort; it was abandoned`)
  }

  async #call(request: RequestParts, options?: CallOptions): Promise<BackendCall> {
    return callBackend(await this.#make(), request, options)
  }

  async #underWay(long: RequestParts): Promise<BackendCall> {
    const call = await this.#call(long)
    await this.#pass(this.#startMs)
    must(call.settlements === 0, 'expected the request of runsLong to take long; it has ended already')
    return call
  }

  async #settled({ result }: BackendCall, withinMs: number, what: string): Promise<void> {
    must(
      await settlesWithin(result, withinMs, this.#pass),
      `expected ${what} to settle within ${withinMs} ms; it has not`,
    )
  }

  async #answered(call: BackendCall): Promise<void> {
    await this.#settled(call, this.#answerMs, 'the request of succeeds')
    const error = await call.result.then(
      () => undefined,
      (cause: unknown) => ({ cause }),
    )
    must(error === undefined, `expected an answer; it failed with ${shown(messageOf(error?.cause))}`)
  }

  /** The request as one task of a real run: what it gives is taken, checked and classified as it will be. */
  async #orchestrate(parts: RequestParts): Promise<Run> {
    const made = await this.#make()
    const backend: AgentBackend = typeof made === 'function' ? { run: made } : made
    const run: AgentFunction = (_, context) => backend.run(agentRequest(parts), context)
    const pool = { backend: { run, awaitsTermination: backend.awaitsTermination ?? false }, graceMs: this.#settleMs }
    const failureHandler = (): Verdict => ({ action: 'dead', reason: 'one attempt is enough' })
    return new Orchestrator({ pools: { pool }, failureHandler }).run({ tasks: [{ id: 'task', description: 'task' }] })
  }

  async #ended(run: Run, withinMs: number): Promise<TaskResult> {
    const ended = await settlesWithin(run.result, withinMs, this.#pass)
    must(ended, `expected the task to end within ${withinMs} ms; it is still ${run.task('task')?.status}`)
    return run.task('task') as TaskResult
  }
}

function failureText({ failure }: TaskResult): string {
  return failure ? `${failure.code ?? failure.kind}, ${failure.message}` : 'without a failure'
}

function messageOf(thrown: unknown): unknown {
  return thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : thrown
}
