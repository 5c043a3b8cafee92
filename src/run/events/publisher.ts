import type { InContext } from '../../core/async-context.js'
import type { History } from '../../core/state/history.js'
import type { InputIssue } from '../../errors.js'
import { Emitter } from '../../events/emitter.js'
import {
  type AttemptProgressed,
  type AttemptStreamed,
  RUN_CHANNELS,
  type RunChannelEvent,
  type RunEventMap,
} from '../../events/event-map.js'
import { invalidInput } from '../../options-check.js'
import type { ProblemSource } from '../attempt/backend-problems.js'
import type { RunContext } from '../run-context.js'
import { EventLog } from './event-log.js'

/** What a {@link Publisher} works with. */
export interface PublisherOptions {
  readonly runId: string
  readonly history: History
  readonly context: Pick<RunContext, 'emitter' | 'reportedOnce'>
  /** Calls a function in the async context of the run. */
  readonly inContext: InContext
}

/** Publishes the events of a run: to its readers, to its listeners, and to the listeners of the orchestrator. */
export class Publisher {
  readonly emitter: Emitter<RunEventMap>
  readonly log: EventLog
  readonly #options: PublisherOptions

  constructor(options: PublisherOptions) {
    const { runId, history, context } = options
    this.#options = options
    this.emitter = new Emitter(RUN_CHANNELS, context.emitter)
    this.log = new EventLog(runId, history)
  }

  /** The events from `from` to `to` are durable. */
  publish(from: number, to: number): void {
    const { history, context } = this.#options
    this.log.publish(to)
    if (this.emitter.hasListeners || context.emitter.hasListeners)
      for (let seq = from; seq <= to; seq++) this.#emit(history.event(seq))
  }

  /** What an attempt reports. */
  publishReport(event: AttemptProgressed): void {
    this.log.pass(event)
    this.#options.inContext(() => this.#emit(event))
  }

  /** A chunk that an attempt streams. Gives a promise for the listeners that returned one; it does not reject. */
  publishChunk(event: AttemptStreamed, bytes: number): Promise<unknown> | undefined {
    const { context, inContext } = this.#options
    this.log.pass(event, bytes)
    const pending: Promise<unknown>[] = []
    inContext(() => {
      this.emitter.emitAndCollect(event, pending)
      context.emitter.emitAndCollect(event, pending)
    })
    return pending.length === 0 ? undefined : Promise.all(pending)
  }

  /** Something of the host failed: `where`. */
  report(where: string, error: unknown): void {
    const { runId, inContext } = this.#options
    inContext(() => this.emitter.report({ type: 'error', error, where, runId }))
  }

  /** Once per orchestrator: what a backend does wrong, it does in every attempt. */
  reportOnce({ group, where, max }: ProblemSource, issuesOf: () => readonly InputIssue[]): void {
    const { reportedOnce } = this.#options.context
    const reported = reportedOnce.get(group) ?? new Set()
    if (reported.has(where) || reported.size >= max) return
    const issues = issuesOf()
    if (issues.length === 0) return
    reportedOnce.set(group, reported.add(where))
    this.report(where, invalidInput(issues))
  }

  #emit(event: RunChannelEvent): void {
    this.emitter.emit(event)
    this.#options.context.emitter.emit(event)
  }
}
