import type { History } from '../core/state/history.js'
import { Emitter, type LiveEvent, type RunChannelEvent, type RunEventMap } from '../emitter.js'
import type { InputIssue } from '../errors.js'
import { invalidInput } from '../options-check.js'
import { EventLog } from './event-log.js'
import type { RunContext } from './run-context.js'

/** What a {@link Publisher} works with. */
export interface PublisherOptions {
  readonly runId: string
  readonly history: History
  readonly context: Pick<RunContext, 'emitter' | 'reportedOnce'>
}

/** Publishes the events of a run: to its readers, to its listeners, and to the listeners of the orchestrator. */
export class Publisher {
  readonly emitter: Emitter<RunEventMap>
  readonly log: EventLog
  readonly #options: PublisherOptions

  constructor(options: PublisherOptions) {
    const { runId, history, context } = options
    this.#options = options
    this.emitter = new Emitter(context.emitter)
    this.log = new EventLog(runId, history)
  }

  /** The events from `from` to `to` are durable. */
  publish(from: number, to: number): void {
    const { history, context } = this.#options
    this.log.publish(to)
    if (this.emitter.hasListeners || context.emitter.hasListeners)
      for (let seq = from; seq <= to; seq++) this.#emit(history.event(seq))
  }

  /** An event that is not journaled. */
  publishLive(event: LiveEvent): void {
    this.log.pass(event)
    this.#emit(event)
  }

  /** Something of the host failed: `where`. */
  report(where: string, error: unknown): void {
    this.emitter.report({ type: 'error', error, where, runId: this.#options.runId })
  }

  /** Once per orchestrator: what a backend does wrong, it does in every attempt. */
  reportOnce(where: string, issuesOf: () => readonly InputIssue[]): void {
    const { reportedOnce } = this.#options.context
    if (reportedOnce.has(where)) return
    const issues = issuesOf()
    if (issues.length === 0) return
    reportedOnce.add(where)
    this.report(where, invalidInput(issues))
  }

  #emit(event: RunChannelEvent): void {
    this.emitter.emit(event)
    this.#options.context.emitter.emit(event)
  }
}
