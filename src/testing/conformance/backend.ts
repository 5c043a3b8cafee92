import {
  type AgentBackend,
  type AgentFunction,
  checkOptions,
  Orchestrator,
  type Run,
  type TaskResult,
  type Verdict,
} from 'counterpoint'
import { agentRequest, type BackendCall, type CallOptions, callBackend, type RequestParts } from '../call-backend.js'
import { type BackendConformanceOptions, backendConformanceRule } from './backend-options.js'
import { type ConformanceCase, MAKE, must, type Pass, realTime, settlesWithin, show } from './cases.js'

/**
 * The requirements of a backend, as cases for any test runner. `make` returns a new backend for each case.
 * Unhandled rejections are not checked: most test runners report them.
 *
 * ```ts
 * const cases = backendConformance(() => myBackend(), { succeeds: { description: 'Say hello' }, runsLong: { description: 'Count to a million' } })
 * for (const { name, run } of cases) test(name, run)
 * ```
 *
 * @throws CounterpointError `INVALID_INPUT` for unknown or invalid options.
 */
export function backendConformance(
  make: () => AgentBackend | AgentFunction | Promise<AgentBackend | AgentFunction>,
  options: BackendConformanceOptions,
): readonly ConformanceCase[] {
  checkOptions(MAKE, { make }, { of: 'backendConformance' })
  checkOptions(backendConformanceRule, options, { of: 'backendConformance' })
  const trial = new BackendTrial(make, options)
  const { fails, runsLong } = options
  return [
    { name: 'answers a request with JSON that an orchestrator accepts', run: () => trial.answers() },
    { name: 'settles once', run: () => trial.settlesOnce() },
    { name: 'answers concurrent requests', run: () => trial.answersConcurrent() },
    { name: 'answers a second attempt of the same task', run: () => trial.answersAgain() },
    { name: 'reports progress between 0 and 1, and usage of at least 0', run: () => trial.reportsValidValues() },
    { name: 'streams JSON, and nothing after its answer', run: () => trial.streamsBeforeItsAnswer() },
    { name: 'ends an attempt that was aborted before it started', run: () => trial.obeysEarlyAbort() },
    { name: 'ignores an abort after its answer', run: () => trial.ignoresLateAbort() },
    ...(fails ? [{ name: 'fails with a kind and a message', run: () => trial.fails(fails) }] : []),
    ...(runsLong ? abortCases(trial, runsLong) : []),
  ]
}

function abortCases(trial: BackendTrial, long: RequestParts): readonly ConformanceCase[] {
  return [
    { name: 'ends soon after its abort', run: () => trial.obeysAbort(long) },
    { name: 'settles once when aborted twice', run: () => trial.settlesOnceAfterTwoAborts(long) },
    { name: 'continues other attempts when one is aborted', run: () => trial.abortsOnlyOne(long) },
    { name: 'leaves no abandoned attempt when its run is cancelled', run: () => trial.leavesNoAttempt(long) },
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
    const run = await this.#orchestrate(this.#options.succeeds)
    const reported: string[] = []
    run.on('error', ({ where, error }) => void reported.push(`${where}: ${(error as Error).message}`))
    const task = await this.#ended(run, this.#answerMs)
    const { code, kind, message } = task.failure ?? {}
    const problem = `${code ?? kind}, ${message}`
    must(task.status === 'succeeded', `expected the task to succeed; it is ${task.status}: ${problem}`)
    must(reported.length === 0, `expected nothing on 'error'; got ${reported.join('; ')}`)
  }

  async settlesOnce(): Promise<void> {
    const call = await this.#call(this.#options.succeeds)
    await this.#answered(call)
    await this.#settlesOnce(call)
  }

  async answersConcurrent(): Promise<void> {
    const backend = await this.#make()
    const { succeeds } = this.#options
    const calls = ['one', 'two', 'three'].map(id => callBackend(backend, { ...succeeds, runId: id }))
    for (const call of calls) await this.#answered(call)
  }

  async answersAgain(): Promise<void> {
    const backend = await this.#make()
    for (const attempt of [1, 2]) await this.#answered(callBackend(backend, this.#options.succeeds, { attempt }))
  }

  async reportsValidValues(): Promise<void> {
    const call = await this.#call(this.#options.succeeds)
    await this.#answered(call)
    for (const { progress, usage } of call.reports) {
      const isFraction = progress === undefined || (progress >= 0 && progress <= 1)
      must(isFraction, `expected progress between 0 and 1, got ${progress}`)
      for (const [name, value] of Object.entries(usage ?? {}))
        must(
          typeof value !== 'number' || (Number.isFinite(value) && value >= 0),
          `expected usage.${name} to be 0 or more, got ${value}`,
        )
    }
  }

  async streamsBeforeItsAnswer(): Promise<void> {
    const call = await this.#call(this.#options.succeeds)
    await this.#answered(call)
    const { length } = call.chunks
    await this.#pass(this.#startMs)
    const late = call.chunks.length - length
    must(late === 0, `expected no chunk after the answer, got ${late}: they are lost`)
    must(call.invalidChunks === 0, `expected chunks that are JSON, got ${call.invalidChunks} others`)
  }

  async obeysEarlyAbort(): Promise<void> {
    const { runsLong, succeeds } = this.#options
    const call = await this.#call(runsLong ?? succeeds, { aborted: true })
    await this.#settled(call, this.#settleMs, 'an attempt that was aborted before it started')
  }

  async ignoresLateAbort(): Promise<void> {
    const call = await this.#call(this.#options.succeeds)
    await this.#answered(call)
    call.abort()
    await this.#settlesOnce(call)
  }

  async fails(request: RequestParts): Promise<void> {
    const task = await this.#ended(await this.#orchestrate(request), this.#answerMs)
    must(task.status === 'dead' && task.failure !== undefined, `expected the task to be dead; it is ${task.status}`)
    const { kind, message } = task.failure
    const { failsWith = kind } = this.#options
    must(kind === failsWith, `expected a failure of kind ${failsWith}, got ${kind}: ${message}`)
    // The orchestrator replaces an empty message, so the thrown error is checked.
    const call = await this.#call(request)
    await this.#settled(call, this.#answerMs, 'the request fails')
    const thrown = await call.result.catch((error: unknown) => error)
    const isEmpty = thrown instanceof Error && thrown.message.trim() === ''
    must(!isEmpty, `expected the failure (${kind}) to have a message, got none`)
  }

  async obeysAbort(long: RequestParts): Promise<void> {
    const call = await this.#startLong(long)
    call.abort()
    await this.#settled(call, this.#settleMs, 'an attempt that was aborted')
  }

  async settlesOnceAfterTwoAborts(long: RequestParts): Promise<void> {
    const call = await this.#startLong(long)
    call.abort()
    call.abort(new Error('a second abort'))
    await this.#settled(call, this.#settleMs, 'an attempt that was aborted twice')
    await this.#settlesOnce(call)
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
    must(others === 0, 'expected the abort of one attempt not to end another; it did')
    await this.#settled(other, this.#settleMs, 'the other attempt, which was aborted later,')
  }

  async leavesNoAttempt(long: RequestParts): Promise<void> {
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

  async #startLong(long: RequestParts): Promise<BackendCall> {
    const call = await this.#call(long)
    await this.#pass(this.#startMs)
    must(call.settlements === 0, 'expected the request runsLong to still run; it has ended already')
    return call
  }

  async #settlesOnce(call: BackendCall): Promise<void> {
    await this.#pass(this.#startMs)
    must(call.settlements === 1, `expected the attempt to settle once; it settled ${call.settlements} times`)
  }

  async #settled({ result }: BackendCall, withinMs: number, what: string): Promise<void> {
    must(
      await settlesWithin(result, withinMs, this.#pass),
      `expected ${what} to settle within ${withinMs} ms; it has not`,
    )
  }

  async #answered(call: BackendCall): Promise<void> {
    await this.#settled(call, this.#answerMs, 'the request succeeds')
    const failure = await call.result.then(
      () => undefined,
      (error: unknown) => show(error),
    )
    must(failure === undefined, `expected an answer; it failed with ${failure}`)
  }

  /** Runs the request as one task of a real run, so that its result is checked and classified as in production. */
  async #orchestrate(parts: RequestParts): Promise<Run> {
    const made = await this.#make()
    const backend: AgentBackend = typeof made === 'function' ? { run: made } : made
    const graceMs = Math.min(this.#settleMs, Number.MAX_SAFE_INTEGER)
    const run: AgentFunction = (_, context) => backend.run(agentRequest(parts), context)
    const pool = { backend: { run, awaitsTermination: backend.awaitsTermination ?? false }, graceMs }
    const failureHandler = (): Verdict => ({ action: 'dead', reason: 'the case allows one attempt' })
    return new Orchestrator({ pools: { pool }, failureHandler }).run({ tasks: [{ id: 'task', description: 'task' }] })
  }

  async #ended(run: Run, withinMs: number): Promise<TaskResult> {
    const ended = await settlesWithin(run.result, withinMs, this.#pass)
    must(ended, `expected the task to end within ${withinMs} ms; it is still ${run.task('task')?.status}`)
    return run.task('task') as TaskResult
  }
}
