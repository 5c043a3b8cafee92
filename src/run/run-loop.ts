import type { Clock } from '../clock.js'
import { Decision, type JudgeFailure } from '../core/scheduler/decision.js'
import type { Signal } from '../core/scheduler/signals.js'
import type { JournalRecord, RunEvent } from '../core/state/events.js'
import { evolve, replay } from '../core/state/evolve.js'
import { History } from '../core/state/history.js'
import { copyState } from '../core/state/new-state.js'
import type { RunState } from '../core/state/run-state.js'
import type { OpenJournal } from '../journal/journal.js'
import { keepsHistory } from '../journal/memory-journal.js'
import type { Scheduler } from './parts.js'

/** What a {@link RunLoop} works with. */
export interface RunLoopSetup {
  /** The state to begin in: empty, or replayed from the records. */
  readonly state: RunState
  /** What the journal holds. */
  readonly records: readonly JournalRecord[]
  readonly clock: Clock
  readonly random: () => number
  readonly decide: Scheduler
  readonly judge: JudgeFailure
  readonly journal: OpenJournal
  /** The journal ends with the orchestrator, which lets go of a run there, too. */
  readonly ownsJournal: boolean
  /** A signal has been decided: the events from `from` to `to`, or none. They may not be durable yet: nothing may be heard or called because of them. */
  readonly decided: (signal: Signal, from: number, to: number) => void
  /** The events from `from` to `to` are durable: they are heard now, and backends are called because of them. */
  readonly published: (from: number, to: number) => void
  /** The journal failed for good: the run can go no further in this process. */
  stalled(error: unknown): void
}

/** Called when the record of a signal is durable; with false when the signal decided nothing. */
export type Done = (published: boolean) => void

/** What becomes durable together: a journal that commits records in groups gives all of a group one promise. */
interface Commit {
  readonly written: void | Promise<void>
  durable: boolean
}

interface Pending {
  readonly record: JournalRecord
  readonly to: number
  readonly done: Done | undefined
  readonly commit: Commit
}

/**
 * The heart of a run: signal -> decide -> journal -> publish, one signal at a time.
 *
 * Invariants: a signal that comes while another is worked on waits in the inbox (trap 1). Signals are decided ahead of the journal;
 * what is published is durable, in order, and nothing else. With a synchronous journal there is no difference, and one state serves for both.
 */
export class RunLoop {
  readonly #setup: RunLoopSetup
  // What every signal needs, out of a setup that is another object for each run: it would have to be looked up there each time.
  readonly #clock: Clock
  readonly #scheduler: Scheduler
  readonly #decided: RunLoopSetup['decided']
  readonly #publish: RunLoopSetup['published']
  readonly #context: { at: number; readonly random: () => number; readonly judge: JudgeFailure }
  readonly #decision: Decision
  readonly #wallOffset: number
  /** The state as it has been decided; may be ahead of the journal. */
  readonly head: RunState
  /** What has been decided; may be ahead of the journal, too. */
  readonly history: History
  /** The history is the journal. */
  readonly #isJournal: boolean
  /** The `seq` of the last event that is published. */
  #published: number
  /** The state as it is durable: all that a host may see. */
  durable: RunState
  readonly #inbox: Signal[] = []
  #next = 0
  readonly #done = new Map<Signal, Done>()
  readonly #pending: Pending[] = []
  #commit: Commit = { written: undefined, durable: true }
  #busy = false
  #stalled = false
  #isReleased = false

  constructor(setup: RunLoopSetup) {
    this.#setup = setup
    this.#clock = setup.clock
    this.#scheduler = setup.decide
    this.#decided = setup.decided
    this.#publish = setup.published
    this.head = setup.state
    this.durable = setup.journal.synchronous ? setup.state : copyState(setup.state)
    this.history = historyOf(setup)
    this.#published = this.history.end
    this.#isJournal = keepsHistory(setup.journal, this.history)
    // Invariant: the time of events is monotonic time from one look at the wall clock. A wall clock that jumps moves no event.
    this.#wallOffset = Math.round(setup.clock.now()) - setup.clock.monotonic()
    this.#context = { at: 0, random: setup.random, judge: setup.judge }
    this.#decision = new Decision(this.head, this.history, this.#context)
  }

  /** True while something that was decided is not durable. */
  get isBehind(): boolean {
    return this.#pending.length > 0
  }

  /** The time of an event that happens now. */
  now(): number {
    return Math.floor(this.#wallOffset + this.#clock.monotonic())
  }

  /** Lets go of the history of a settled run, but for one that a journal of the host holds. A listener that asks for it is still in the middle of it. */
  release(): void {
    this.#isReleased = !this.#isJournal || this.#setup.ownsJournal
    if (this.#isReleased && !this.#busy) this.history.release()
  }

  /** Sends several signals of which none is decided before all are there. */
  sendAll(signals: readonly (readonly [Signal, Done?])[]): void {
    const wasBusy = this.#busy
    this.#busy = true
    for (const [signal, done] of signals) this.send(signal, done)
    this.#busy = wasBusy
    if (!wasBusy) this.#turn()
  }

  send(signal: Signal, done?: Done): void {
    if (this.#stalled) return done?.(false)
    if (done) this.#done.set(signal, done)
    if (this.#busy) this.#inbox.push(signal)
    else this.#turn(signal)
  }

  /** Works until nothing is left: `first`, what is durable, and what has come in meanwhile. */
  #turn(first?: Signal): void {
    this.#busy = true
    try {
      if (first && !this.#mayPublish()) this.#decide(first)
      else if (first) this.#inbox.push(first)
      for (;;) {
        if (this.#mayPublish()) this.#publishNext()
        else if (this.#next < this.#inbox.length && !this.#stalled) this.#decide(this.#take())
        else break
      }
    } catch (error) {
      this.#stall(error)
    }
    this.#busy = false
    if (this.#isReleased) this.history.release()
  }

  /** A look at the length first: with the journal in memory nothing is ever pending, and to read past the end of a list is slow. */
  #mayPublish(): boolean {
    return this.#pending.length > 0 && (this.#pending[0] as Pending).commit.durable
  }

  #take(): Signal {
    // Mostly there is one. `pop` keeps the room for the next one, which `length = 0` gives back.
    if (this.#next === 0 && this.#inbox.length === 1) return this.#inbox.pop() as Signal
    const signal = this.#inbox[this.#next++] as Signal
    if (this.#next === this.#inbox.length) {
      this.#inbox.length = 0
      this.#next = 0
    }
    return signal
  }

  #decide(signal: Signal): void {
    const { history } = this
    const from = history.end + 1
    this.#context.at = this.now()
    this.#scheduler(this.#decision, signal)
    history.commit()
    const to = history.end
    const done = this.#done.size === 0 ? undefined : this.#done.get(signal)
    if (done) this.#done.delete(signal)
    this.#decided(signal, from, to)
    if (to < from) done?.(false)
    else if (this.#isJournal) this.#makePublic(to, done)
    else this.#write(history.slice(from, to), to, done)
  }

  #write(record: JournalRecord, to: number, done: Done | undefined): void {
    try {
      const written = this.#setup.journal.append(record)
      if (written === undefined && this.#pending.length === 0) return this.#makePublic(to, done, record)
      if (written !== this.#commit.written || written === undefined) this.#commit = this.#newCommit(written)
      this.#pending.push({ record, to, done, commit: this.#commit })
    } catch (error) {
      this.#stall(error)
    }
  }

  #newCommit(written: void | Promise<void>): Commit {
    const commit: Commit = { written, durable: written === undefined }
    written?.then(
      () => {
        commit.durable = true
        if (!this.#busy) this.#turn()
      },
      error => this.#stall(error),
    )
    return commit
  }

  #publishNext(): void {
    const { record, to, done } = this.#pending.shift() as Pending
    this.#makePublic(to, done, record)
  }

  /** `record` where there are two states: the durable one follows by it. */
  #makePublic(to: number, done: Done | undefined, record?: JournalRecord): void {
    if (record && this.durable !== this.head)
      for (let place = 0; place < record.length; place++) evolve(this.durable, record[place] as RunEvent)
    const from = this.#published + 1
    this.#published = to
    this.#publish(from, to)
    done?.(true)
  }

  /** Nothing more is decided: what is not durable has not happened. Whoever resumes the run starts from what is. */
  #stall(error: unknown): void {
    if (this.#stalled) return
    this.#stalled = true
    for (const { done } of this.#pending) done?.(false)
    for (const done of this.#done.values()) done(false)
    this.#done.clear()
    // With a synchronous journal there is one state, and it is ahead by what could not be written.
    if (this.durable === this.head) this.durable = replay(this.head.runId, this.history.slice(1, this.#published))
    this.#setup.stalled(error)
  }
}

/** All that the journal holds. */
function historyOf({ state, records }: RunLoopSetup): History {
  const history = new History(state)
  for (const record of records) {
    for (const event of record) history.push(event)
    history.commit()
  }
  return history
}
