import type { OutputTails } from '../failure/output-tails.js'
import type { AttemptStarted, JournalRecord, RunEvent, RunEventType, TaskSucceeded } from './events.js'
import { idempotencyKey } from './idempotency-key.js'
import type { RunState } from './run-state.js'
import type { SucceededState, TaskSpec } from './task.js'

/** The kinds of rows: the events that nearly every task has. `OTHER`: the event is stored as an object. */
const OTHER = 0
const ADDED = 1
const READY = 2
const STARTED = 3
const SUCCEEDED = 4

const TYPES: readonly RunEventType[] = ['run.started', 'task.added', 'task.ready', 'attempt.started', 'task.succeeded']

const MAX_INT32 = 2 ** 31 - 1

/** What a history reads of the state of its run. */
type HistoryRun = Pick<RunState, 'runId' | 'specs' | 'states' | 'bound' | 'assigned'>

/**
 * The events of one run, in order. The four events that nearly every task has are stored as two numbers each and rebuilt from
 * the state of the run on access, which takes half the time and a quarter of the memory of objects (decision 14). This works because the
 * spec of a task never changes, nor do its functions, nor does the state of a task that succeeded. All other events are stored as objects.
 *
 * Invariants: event `seq` is in row `seq - first`; an event that is read twice is equal both times; a record is complete once committed.
 */
export class History implements Iterable<JournalRecord> {
  readonly #run: HistoryRun
  readonly #first: number
  #rows = 0
  /** The number of rows in committed records. */
  #committed = 0
  /** Per row: index of the task (`OTHER`: index in `#events`), kind (3 bits), and whether it is the last of its record (1 bit). */
  #codes: Int32Array = new Int32Array(16)
  /** Per row: time of the event, in milliseconds since `#origin`. */
  #times: Int32Array = new Int32Array(16)
  #origin: number | undefined
  readonly #events: RunEvent[] = []
  /** The backend of the first start in each pool: a start on another backend is stored as an object. */
  readonly #backends = new Map<string, string>()

  /** @param first The `seq` of the first event. */
  constructor(run: HistoryRun, first = 1) {
    this.#run = run
    this.#first = first
  }

  /** The `seq` of the last event; one less than that of the first when there is none. */
  get end(): number {
    return this.#first + this.#rows - 1
  }

  /** Appends an event and keeps it as the object that it is. */
  push(event: RunEvent): void {
    if (event.type === 'run.started') this.#reserve(4 * event.tasks + 8)
    this.#addRow(OTHER, this.#events.push(event) - 1, 0)
  }

  /** Appends a `task.added` event. */
  added(index: number, at: number): void {
    this.#pack(ADDED, index, at)
  }

  /** Appends a `task.ready` event without an approval. */
  ready(index: number, at: number): void {
    this.#pack(READY, index, at)
  }

  /** Appends the start of a first attempt, in the pool and with the input of its spec, without a reservation. */
  started(index: number, at: number, backend: string): void {
    const { pool = '' } = this.#run.specs[index] as TaskSpec
    const usual = this.#backends.get(pool)
    if (usual === undefined) this.#backends.set(pool, backend)
    if (usual === undefined || usual === backend) this.#pack(STARTED, index, at)
    else this.push(this.#start(this.end + 1, at, index, backend))
  }

  /** Appends the `task.succeeded` event of a task whose state is already `succeeded`. */
  succeeded(index: number, at: number, tails?: OutputTails): void {
    if (tails) this.push({ ...this.#succeeded(this.end + 1, at, index), tails })
    else this.#pack(SUCCEEDED, index, at)
  }

  /** Makes one record of the events since the last commit. */
  commit(): void {
    const last = this.#rows - 1
    if (last < this.#committed) return
    this.#codes[last] = (this.#codes[last] as number) | 1
    this.#committed = this.#rows
  }

  /** The type of an event, without rebuilding it. So do `indexOf` and `attemptOf`. */
  typeOf(seq: number): RunEventType {
    return this.#otherAt(seq)?.type ?? (TYPES[this.#kindAt(seq)] as RunEventType)
  }

  /** The index of the task that an event is about; -1 when it is about none. */
  indexOf(seq: number): number {
    const event = this.#otherAt(seq)
    if (event === undefined) return this.#operandAt(seq)
    return 'index' in event ? event.index : -1
  }

  /** The number of the attempt of an `attempt.started` event. */
  attemptOf(seq: number): number {
    return (this.#otherAt(seq) as AttemptStarted | undefined)?.attempt ?? 1
  }

  /** The event with this `seq`. */
  event(seq: number): RunEvent {
    const at = (this.#origin ?? 0) + (this.#times[seq - this.#first] as number)
    return this.#otherAt(seq) ?? this.#rebuild(this.#kindAt(seq), seq, at, this.#operandAt(seq))
  }

  /** The events from `from` to `to`, both included. */
  slice(from: number, to: number): RunEvent[] {
    const events: RunEvent[] = []
    for (let seq = from; seq <= to; seq++) events.push(this.event(seq))
    return events
  }

  /** The committed records. */
  *[Symbol.iterator](): Generator<JournalRecord, void, undefined> {
    for (let row = 0; row < this.#committed; ) {
      const first = row
      while (((this.#codes[row] as number) & 1) === 0) row++
      yield this.slice(this.#first + first, this.#first + row++)
    }
  }

  /** Drops all events. */
  release(): void {
    this.#rows = 0
    this.#committed = 0
    this.#codes = new Int32Array(0)
    this.#times = new Int32Array(0)
    this.#events.length = 0
  }

  #kindAt(seq: number): number {
    return ((this.#codes[seq - this.#first] as number) >> 1) & 7
  }

  #operandAt(seq: number): number {
    return (this.#codes[seq - this.#first] as number) >> 4
  }

  /** The event, if it is stored as an object. */
  #otherAt(seq: number): RunEvent | undefined {
    return this.#kindAt(seq) === OTHER ? this.#events[this.#operandAt(seq)] : undefined
  }

  #addRow(kind: number, operand: number, time: number): void {
    const row = this.#rows++
    if (row === this.#codes.length) this.#reserve(row)
    this.#codes[row] = (operand << 4) | (kind << 1)
    this.#times[row] = time
  }

  /** Appends an event that can be rebuilt from the state of the run: as a row, or as an object when more than 24 days after the first one. */
  #pack(kind: number, index: number, at: number): void {
    this.#origin ??= at
    const time = at - this.#origin
    if (time > MAX_INT32) this.push(this.#rebuild(kind, this.end + 1, at, index))
    else this.#addRow(kind, index, time)
  }

  /** Makes room for this many more rows. */
  #reserve(more: number): void {
    const codes = new Int32Array(this.#rows + more)
    const times = new Int32Array(this.#rows + more)
    codes.set(this.#codes.subarray(0, this.#rows))
    times.set(this.#times.subarray(0, this.#rows))
    this.#codes = codes
    this.#times = times
  }

  #rebuild(kind: number, seq: number, at: number, index: number): RunEvent {
    const { runId, specs } = this.#run
    const spec = specs[index] as TaskSpec
    const { id: taskId, pool = '' } = spec
    switch (kind) {
      case ADDED: {
        const bound = this.#run.bound.get(index)
        const assigned = this.#run.assigned.get(index)
        const event = { type: 'task.added', seq, at, runId, taskId, index, spec } as const
        return bound || assigned ? { ...event, ...(bound && { bound }), ...(assigned && { assigned }) } : event
      }
      case READY:
        return { type: 'task.ready', seq, at, runId, taskId, index }
      case STARTED:
        return this.#start(seq, at, index, this.#backends.get(pool) as string)
      default:
        return this.#succeeded(seq, at, index)
    }
  }

  #succeeded(seq: number, at: number, index: number): TaskSucceeded {
    const { runId, specs, states } = this.#run
    const { id: taskId } = specs[index] as TaskSpec
    const { attempt, output, usage } = states[index] as SucceededState
    const event = { type: 'task.succeeded', seq, at, runId, taskId, index, attempt, output } as const
    return usage ? { ...event, usage } : event
  }

  #start(seq: number, at: number, index: number, backend: string): AttemptStarted {
    const { runId, specs } = this.#run
    const { id: taskId, pool = '', input = null } = specs[index] as TaskSpec
    const key = idempotencyKey(runId, taskId, 1)
    return { type: 'attempt.started', seq, at, runId, taskId, index, attempt: 1, pool, backend, key, input }
  }
}
