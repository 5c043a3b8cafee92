import type { RunShare } from '../budget/run-share.js'
import type { SharedBudget } from '../budget/shared-budget.js'
import type { Clock } from '../clock.js'
import type { InContext } from '../core/async-context.js'
import { Fifo } from '../core/fifo.js'
import { decideInto } from '../core/scheduler/decide.js'
import { type DecideContext, Decision, type JudgeFailure } from '../core/scheduler/decision.js'
import type { Signal } from '../core/scheduler/signals.js'
import type { JournalRecord } from '../core/state/events.js'
import { evolve, replay } from '../core/state/evolve.js'
import { History } from '../core/state/history.js'
import { copyState } from '../core/state/new-state.js'
import type { RunState } from '../core/state/run-state.js'
import type { OpenJournal } from '../journal/journal.js'
import { shareHistory } from '../journal/memory-journal.js'

/** What a {@link RunLoop} works with. */
export interface RunLoopOptions {
  /** The state to start in: empty, or replayed from `records`. */
  readonly state: RunState
  /** What the journal holds. */
  readonly records: readonly JournalRecord[]
  readonly clock: Clock
  readonly random: () => number
  readonly judge: JudgeFailure
  /** The budget that all runs of the orchestrator share. */
  readonly budget: SharedBudget | undefined
  readonly journal: OpenJournal
  /** The journal is the orchestrator's own, in memory: a released run is deleted from it. */
  readonly ownsJournal: boolean
  /** Calls a function in the async context of the run. */
  readonly inContext: InContext
  /** A signal has been decided: the events from `from` to `to`, or none. They may not be durable: no backend or listener may be called yet. */
  onDecided(signal: Signal, from: number, to: number): void
  /** The events from `from` to `to` are durable. */
  onPublished(from: number, to: number): void
  /** The journal failed: nothing more is decided in this process. */
  onFailed(error: unknown): void
}

/** Called when the record of a signal is durable, with true; with false when the signal changed nothing, or its record was lost. */
export type OnDurable = (changed: boolean) => void

interface QueuedSignal {
  readonly signal: Signal
  readonly onDurable: OnDurable | undefined
}

/** What becomes durable together: a journal that commits records in groups gives all records of a group the same promise. */
interface Commit {
  readonly written: void | Promise<void>
  isDurable: boolean
}

interface PendingRecord {
  readonly record: JournalRecord
  /** The `seq` of its last event. */
  readonly to: number
  readonly onDurable: OnDurable | undefined
  readonly commit: Commit
}

/**
 * The core loop of a run: signal, decide, append to the journal, publish.
 *
 * Invariants: one signal is decided at a time; one that is sent meanwhile waits in the inbox (trap 1). Signals are decided ahead of the
 * journal, but only durable events are published, in order. With a synchronous journal nothing is ahead, and `head` is `durable`.
 */
export class RunLoop {
  readonly #options: RunLoopOptions
  /** The state as decided; may be ahead of the journal. */
  readonly head: RunState
  /** The state as durable: all that a host may see. */
  durable: RunState
  /** The events as decided; may be ahead of the journal. */
  readonly history: History
  /** What the run has of the budget of the orchestrator. */
  readonly share: RunShare | undefined
  /** The history is what the in-memory journal holds: nothing has to be appended. */
  readonly #isJournal: boolean
  readonly #context: DecideContext & { at: number }
  readonly #decision: Decision
  readonly #wallOffset: number
  readonly #inbox = new Fifo<QueuedSignal>()
  readonly #pending = new Fifo<PendingRecord>()
  #commit: Commit = { written: undefined, isDurable: true }
  /** The `seq` of the last published event. */
  #published: number
  #isBusy = false
  #hasFailed = false
  #isReleased = false

  constructor(options: RunLoopOptions) {
    const { state, journal, clock, random, judge, budget } = options
    this.#options = options
    this.head = state
    this.durable = journal.synchronous ? state : copyState(state)
    this.history = historyOf(options)
    this.#published = this.history.end
    this.#isJournal = shareHistory(journal, this.history)
    // Invariant: event times are monotonic. The wall clock is read once, so that a jump of it moves no event (decision 006).
    this.#wallOffset = Math.round(clock.now()) - clock.monotonic()
    this.share = budget?.join(state, () => this.send({ type: 'retry-held' }))
    this.#context = { at: 0, random, judge, shared: this.share }
    this.#decision = new Decision(this.head, this.history, this.#context)
    void journal.lost?.then(error => this.#fail(error))
  }

  /** True while something that was decided is not durable. */
  get hasPending(): boolean {
    return this.#pending.size > 0
  }

  /** The time of an event that happens now, in milliseconds since 1970. */
  now(): number {
    return Math.floor(this.#wallOffset + this.#options.clock.monotonic())
  }

  send(signal: Signal, onDurable?: OnDurable): void {
    this.#receive(signal, onDurable)
    this.#process()
  }

  /** Sends several signals, of which none is decided before all are in the inbox. */
  sendAll(signals: readonly (readonly [Signal, OnDurable?])[]): void {
    for (const [signal, onDurable] of signals) this.#receive(signal, onDurable)
    this.#process()
  }

  /** Releases the history of a settled run, unless a journal of the host is made of it. A listener may still be reading it: then later. */
  release(): void {
    this.#isReleased = !this.#isJournal || this.#options.ownsJournal
    if (this.#isReleased && !this.#isBusy) this.history.release()
  }

  #receive(signal: Signal, onDurable: OnDurable | undefined): void {
    if (this.#hasFailed) onDurable?.(false)
    else this.#inbox.push({ signal, onDurable })
  }

  /** In the context of the run, whoever sent the signal (trap 10). */
  #process(): void {
    if (this.#isBusy) return
    this.#isBusy = true
    this.#options.inContext(this.#processAll)
    this.#isBusy = false
    if (this.#isReleased) this.history.release()
  }

  /** Publishes what is durable and decides what is in the inbox, until nothing is left of both. */
  readonly #processAll = (): void => {
    try {
      for (;;) {
        if (this.#pending.peek()?.commit.isDurable) this.#publishNext()
        else if (this.#inbox.size > 0 && !this.#hasFailed) this.#decide(this.#inbox.shift() as QueuedSignal)
        else break
      }
    } catch (error) {
      this.#fail(error)
    }
  }

  #decide({ signal, onDurable }: QueuedSignal): void {
    const { history } = this
    const from = history.end + 1
    try {
      this.#context.at = this.now()
      decideInto(this.#decision, signal)
      history.commit()
      const to = history.end
      this.#options.onDecided(signal, from, to)
      if (to < from) onDurable?.(false)
      else if (this.#isJournal) this.#publish(to, onDurable)
      else this.#append(history.slice(from, to), to, onDurable)
    } catch (error) {
      onDurable?.(false)
      this.#fail(error)
    }
  }

  #append(record: JournalRecord, to: number, onDurable: OnDurable | undefined): void {
    const written = this.#options.journal.append(record)
    if (written === undefined && this.#pending.size === 0) return this.#publish(to, onDurable, record)
    if (written !== this.#commit.written || written === undefined) this.#commit = this.#newCommit(written)
    this.#pending.push({ record, to, onDurable, commit: this.#commit })
  }

  #newCommit(written: void | Promise<void>): Commit {
    const commit: Commit = { written, isDurable: written === undefined }
    written?.then(
      () => {
        commit.isDurable = true
        this.#process()
      },
      error => this.#fail(error),
    )
    return commit
  }

  #publishNext(): void {
    const { record, to, onDurable } = this.#pending.shift() as PendingRecord
    this.#publish(to, onDurable, record)
  }

  /** `record` is folded into the durable state where that is a state of its own. */
  #publish(to: number, onDurable: OnDurable | undefined, record: JournalRecord = []): void {
    if (this.durable !== this.head) for (const event of record) evolve(this.durable, event)
    const from = this.#published + 1
    this.#published = to
    this.#options.onPublished(from, to)
    onDurable?.(true)
  }

  /** Decides nothing more. What is not durable has not happened: a process that resumes the run starts from what is. */
  #fail(error: unknown): void {
    if (this.#hasFailed) return
    this.#hasFailed = true
    for (const { onDurable } of this.#pending) onDurable?.(false)
    for (const { onDurable } of this.#inbox.takeAll()) onDurable?.(false)
    // With a synchronous journal there is one state, which is ahead by what could not be appended.
    if (this.durable === this.head) this.durable = replay(this.head.runId, this.history.slice(1, this.#published))
    this.#options.onFailed(error)
  }
}

/** All that the journal holds. */
function historyOf({ state, records }: RunLoopOptions): History {
  const history = new History(state)
  for (const record of records) {
    for (const event of record) history.push(event)
    history.commit()
  }
  return history
}
