import { AgentError, type AgentRequest, type AttemptContext, type Clock } from 'counterpoint'
import { type Answer, MockAnswer } from './mock-answer.js'

/** The message for an answer that takes time, of a backend without a clock. */
export const NO_CLOCK: string =
  'an answer with afterMs needs a clock: new MockBackend({ clock }), with the VirtualClock of the orchestrator'

/** True for an answer that takes time when there is no clock. */
export function lacksClock(answer: unknown, clock: Clock | undefined): boolean {
  return clock === undefined && MockAnswer.is(answer) && answer.afterMs > 0 && Number.isFinite(answer.afterMs)
}

/** One call of a backend. */
interface PlayedCall {
  readonly request: AgentRequest
  readonly context: AttemptContext
}

/**
 * What the backend returns for a scripted answer.
 * Invariant: a value that is neither a promise nor a `MockAnswer` is returned untouched, hostile thenables and proxies included.
 */
export function playAnswer(answer: Answer, { request, context }: PlayedCall, clock: Clock | undefined): unknown {
  const value: unknown = typeof answer === 'function' ? answer(request, context) : answer
  return isPromise(value) ? value.then(settled => play(settled, context, clock)) : play(value, context, clock)
}

function play(value: unknown, context: AttemptContext, clock: Clock | undefined): unknown {
  if (!MockAnswer.is(value)) return value
  if (lacksClock(value, clock)) throw new AgentError('bad-input', NO_CLOCK)
  const isInstant = value.afterMs === 0 && value.progress.length === 0 && value.chunks.length === 0
  return isInstant ? value.give() : playOverTime(value, context, clock)
}

async function playOverTime(answer: MockAnswer, context: AttemptContext, clock: Clock | undefined): Promise<unknown> {
  const { afterMs, progress, chunks, obeysAbort } = answer
  const signal = obeysAbort ? context.signal : undefined
  const steps = Math.max(1, progress.length, chunks.length)
  for (let step = 0; step < steps; step++) {
    const report = progress[step]
    if (report) context.report(report)
    const chunk = chunks[step]
    if (chunk !== undefined) await context.stream(chunk).catch(error => obeysAbort && Promise.reject(error))
    if (afterMs > 0) await wait(clock, afterMs / steps, signal)
  }
  return answer.give()
}

/**
 * Waits `ms`, without a clock only if that is `Infinity`. Rejects with the reason of the signal once it is aborted.
 * Invariant: afterwards neither the timer nor the listener is left.
 */
function wait(clock: Clock | undefined, ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    let cancelTimer = (): void => {}
    const onAbort = (): void => {
      cancelTimer()
      reject(signal?.reason)
    }
    if (signal?.aborted) return onAbort()
    const onTimer = (): void => {
      signal?.removeEventListener('abort', onAbort)
      resolve()
    }
    if (clock !== undefined && Number.isFinite(ms)) cancelTimer = clock.schedule(onTimer, ms)
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}

/** False for a proxy whose traps throw. */
export function isPromise(value: unknown): value is Promise<unknown> {
  try {
    return value instanceof Promise
  } catch {
    return false
  }
}
