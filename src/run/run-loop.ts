import type { RunShare } from '../budget/run-share.js'
import { Fifo } from '../core/fifo.js'
import { decideInto } from '../core/scheduler/decide.js'
import { type DecideContext, Decision } from '../core/scheduler/decision.js'
import type { Signal } from '../core/scheduler/signals.js'
import type { JournalRecord } from '../core/state/events.js'
import { evolve, replay } from '../core/state/evolve.js'
import { History } from '../core/state/history.js'
import { copyState } from '../core/state/new-state.js'
import type { RunState } from '../core/state/run-state.js'
import { CounterpointError } from '../errors.js'
import { shareHistory } from '../journal/memory-journal.js'
import { journalFailed, refusalOf } from './run-errors.js'
import type { LoopFailure, OnDurable, RunLoopOptions } from './run-loop-options.js'

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
  #failure: LoopFailure | undefined
  #isReleased = false

  constructor(options: RunLoopOptions) {
    const { state, journal, clock, random, judge, onJudgeFailed, budget } = options
    this.#options = options
    this.head = state
    this.durable = journal.synchronous ? state : copyState(state)
    this.history = historyOf(options)
    this.#published = this.history.end
    this.#isJournal = shareHistory(journal, this.history)
    // Invariant: event times are monotonic. The wall clock is read once, so that a jump of it moves no event (decision 006).
    this.#wallOffset = Math.round(clock.now()) - clock.monotonic()
    this.share = budget?.join(state, () => this.send({ type: 'retry-held' }))
    this.#context = { at: 0, random, judge, onJudgeFailed, shared: this.share }
    this.#decision = new Decision(this.head, this.history, this.#context)
    void journal.lost?.then(error => this.failJournal(error))
  }

  /** True while something that was decided is not durable. */
  get hasPending(): boolean {
    return this.#pending.size > 0
  }

  /** The time of an event that happens now, in milliseconds since 1970. */
  now(): number {
    return Math.floor(this.#wallOffset + this.#options.clock.monotonic())
  }

  /** What a call is rejected with that comes too late; undefined while the run takes signals. */
  get endError(): unknown {
    return this.#failure ? this.#failure.error : refusalOf(this.durable, { type: 'add', tasks: [] })
  }

  /** The run has failed: nothing more is decided in this process. */
  get failure(): LoopFailure | undefined {
    return this.#failure
  }

  send(signal: Signal, onDurable?: OnDurable): void {
    this.#receive(signal, onDurable)
    this.#process()
  }

  /** Sends several signals, of which none is decided before all are in the inbox. */
  sendAll(signals: readonly (readonly [Signal, (OnDurable | undefined)?])[]): void {
    for (const [signal, onDurable] of signals) this.#receive(signal, onDurable)
    this.#process()
  }

  /** The run could not start: it takes no signals. */
  fail(error: unknown): void {
    this.#stop({ error })
  }

  /** The journal has failed. */
  failJournal(cause: unknown, onDurable?: OnDurable): void {
    const error = cause instanceof CounterpointError ? cause : journalFailed(this.head.runId, cause)
    this.#stop({ error, source: { where: 'journal', cause } }, onDurable)
  }

  /** Releases the history of a settled run, unless a journal of the host is made of it. A listener may still be reading it: then later. */
  release(): void {
    this.#isReleased = !this.#isJournal || this.#options.ownsJournal
    if (this.#isReleased && !this.#isBusy) this.history.release()
  }

  #receive(signal: Signal, onDurable: OnDurable | undefined): void {
    if (this.#failure) onDurable?.(this.#failure.error)
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
    for (;;) {
      if (this.#pending.peek()?.commit.isDurable) this.#publishNext()
      else if (this.#inbox.size > 0 && !this.#failure) this.#decide(this.#inbox.shift() as QueuedSignal)
      else break
    }
  }

  #decide({ signal, onDurable }: QueuedSignal): void {
    const { history } = this
    const from = history.end + 1
    try {
      this.#context.at = this.now()
      const hasChanged = decideInto(this.#decision, signal)
      history.commit()
      const to = history.end
      const answer = hasChanged ? onDurable : this.#answerOf(signal, onDurable)
      this.#options.onDecided(signal, from, to)
      if (to < from) this.#answerWhenDurable(answer)
      else if (this.#isJournal) this.#publish(to, answer)
      else this.#append(history.slice(from, to), to, answer)
    } catch (error) {
      this.#fail(error, onDurable)
    }
  }

  /** Code of the host threw where no error of its own can be reported, such as its clock. */
  #fail(error: unknown, onDurable: OnDurable | undefined): void {
    this.#stop({ error, source: { where: 'scheduler', cause: error } }, onDurable)
  }

  /** The answer to a signal that changed nothing. */
  #answerOf(signal: Signal, onDurable: OnDurable | undefined): OnDurable | undefined {
    const refusal = onDurable && refusalOf(this.head, signal)
    return refusal ? failure => onDurable?.(failure ?? refusal) : onDurable
  }

  /** What the signal found may have been decided, and not be durable yet. */
  #answerWhenDurable(answer: OnDurable | undefined): void {
    if (answer === undefined) return
    if (this.#pending.size === 0) answer()
    else this.#pending.push({ record: [], to: this.history.end, onDurable: answer, commit: this.#commit })
  }

  #append(record: JournalRecord, to: number, onDurable: OnDurable | undefined): void {
    let written: void | Promise<void>
    try {
      written = this.#options.journal.append(record)
    } catch (error) {
      return this.failJournal(error, onDurable)
    }
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
      error => this.failJournal(error),
    )
    return commit
  }

  #publishNext(): void {
    const { record, to, onDurable } = this.#pending.shift() as PendingRecord
    try {
      this.#publish(to, onDurable, record)
    } catch (error) {
      this.#fail(error, onDurable)
    }
  }

  /** `record` is folded into the durable state where that is a state of its own. */
  #publish(to: number, onDurable: OnDurable | undefined, record: JournalRecord = []): void {
    if (this.durable !== this.head) for (const event of record) evolve(this.durable, event)
    const from = this.#published + 1
    this.#published = to
    if (from <= to) this.#options.onPublished(from, to)
    onDurable?.()
  }

  /** Decides nothing more. What is not durable has not happened: a process that resumes the run starts from what is. */
  #stop(failure: LoopFailure, onDurable?: OnDurable): void {
    if (this.#failure === undefined) {
      this.#failure = failure
      for (const pending of this.#pending) pending.onDurable?.(failure.error)
      for (const queued of this.#inbox.takeAll()) queued.onDurable?.(failure.error)
      // With a synchronous journal there is one state, which is ahead by what could not be appended.
      if (this.durable === this.head) this.durable = replay(this.head.runId, this.history.slice(1, this.#published))
      this.#options.onFailed(failure)
    }
    onDurable?.(this.#failure.error)
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
