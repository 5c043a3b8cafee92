import type {
  AttemptStarted,
  JournalRecord,
  RunEvent,
  RunEventType,
  TaskAdded,
  TaskReady,
  TaskSucceeded,
} from './event.js'
import { idempotencyKey } from './idempotency-key.js'
import type { Json } from './json.js'
import type { TaskSpec } from './task.js'

/** What a row says: one of the four facts that nearly every task has, or any other event as it is. */
const EVENT = 0
const ADDED = 1
const READY = 2
const STARTED = 3
const SUCCEEDED = 4
const ADDED_BOUND = 5

const TYPES: readonly RunEventType[] = [
  'run.started',
  'task.added',
  'task.ready',
  'attempt.started',
  'task.succeeded',
  'task.added',
]

/** Past this V8 makes a list that is given its length at once a hash table. */
const LARGEST_LIST = 2 ** 24

/** Where an attempt runs. */
interface Terms {
  readonly pool: string
  readonly backend: string
}

/**
 * The events of one run, in the order in which they were decided. The four that nearly every task has stand here as a row of numbers, and are
 * made into an event when somebody asks for it: a list of a million objects costs more to keep than to decide. All others stand here as they are.
 *
 * Invariants: event `seq` is row `seq - 1 - base`; to ask for it twice gives two equal events; a record is whole once it is committed.
 */
export class History implements Iterable<JournalRecord> {
  /** The run that they are of: nothing changes in its list of tasks, it only grows. */
  readonly #run: { readonly runId: string; readonly specs: readonly TaskSpec[] }
  /** The `seq` of the last event before the first one here. */
  readonly #base: number
  #rows = 0
  #committed = 0
  /** Index, kind, and whether it is the last of its record, in one number. */
  #codes: Int32Array = new Int32Array(16)
  #times: Float64Array = new Float64Array(16)
  /** The event; of an attempt its terms, of a success its output. */
  readonly #data: unknown[] = []
  #terms: Terms = { pool: '', backend: '' }

  constructor(run: { readonly runId: string; readonly specs: readonly TaskSpec[] }, base = 0) {
    this.#run = run
    this.#base = base
  }

  /** The `seq` of its first event. */
  get start(): number {
    return this.#base + 1
  }

  /** The `seq` of its last event. */
  get end(): number {
    return this.#base + this.#rows
  }

  /** Makes room for so many events more. */
  reserve(more: number): void {
    const size = this.#rows + more
    const codes = new Int32Array(size)
    const times = new Float64Array(size)
    codes.set(this.#codes.subarray(0, this.#rows))
    times.set(this.#times.subarray(0, this.#rows))
    this.#codes = codes
    this.#times = times
    if (size <= LARGEST_LIST) this.#data.length = size
  }

  push(event: RunEvent): void {
    this.#row(EVENT, 0, event.at, event)
  }

  added(index: number, at: number, bound: boolean): void {
    this.#row(bound ? ADDED_BOUND : ADDED, index, at, undefined)
  }

  ready(index: number, at: number): void {
    this.#row(READY, index, at, undefined)
  }

  /** The first attempt of a task, with the input that stands in its spec, and nothing reserved. */
  started(index: number, at: number, pool: string, backend: string): void {
    if (this.#terms.pool !== pool || this.#terms.backend !== backend) this.#terms = { pool, backend }
    this.#row(STARTED, index, at, this.#terms)
  }

  /** The first attempt of a task, without a word about its usage. */
  succeeded(index: number, at: number, output: Json): void {
    this.#row(SUCCEEDED, index, at, output)
  }

  /** What has come since the last commit is one record. */
  commit(): void {
    const last = this.#rows - 1
    if (last < this.#committed) return
    this.#codes[last] = (this.#codes[last] as number) | 1
    this.#committed = last + 1
  }

  typeOf(seq: number): RunEventType {
    const row = this.#place(seq)
    const kind = ((this.#codes[row] as number) >> 1) & 7
    return kind === EVENT ? (this.#data[row] as RunEvent).type : (TYPES[kind] as RunEventType)
  }

  /** Which task it is about; -1 for none. */
  indexOf(seq: number): number {
    const row = this.#place(seq)
    const code = this.#codes[row] as number
    if (((code >> 1) & 7) !== EVENT) return code >> 4
    return (this.#data[row] as { readonly index?: number }).index ?? -1
  }

  /** The number of the attempt that started. */
  attemptOf(seq: number): number {
    const row = this.#place(seq)
    const isPlain = (((this.#codes[row] as number) >> 1) & 7) === STARTED
    return isPlain ? 1 : (this.#data[row] as AttemptStarted).attempt
  }

  event(seq: number): RunEvent {
    const row = this.#place(seq)
    const code = this.#codes[row] as number
    const kind = (code >> 1) & 7
    const data = this.#data[row]
    return kind === EVENT ? (data as RunEvent) : this.#make(kind, seq, this.#times[row] as number, code >> 4, data)
  }

  /** The events from `from` to `to`, both included. */
  slice(from: number, to: number): RunEvent[] {
    const events: RunEvent[] = []
    for (let seq = from; seq <= to; seq++) events.push(this.event(seq))
    return events
  }

  /** The records that are whole. */
  *[Symbol.iterator](): Generator<JournalRecord, void, undefined> {
    for (let from = 0; from < this.#committed; ) {
      let last = from
      while (((this.#codes[last] as number) & 1) === 0) last++
      yield this.slice(this.#base + from + 1, this.#base + last + 1)
      from = last + 1
    }
  }

  #place(seq: number): number {
    return seq - 1 - this.#base
  }

  #row(kind: number, index: number, at: number, data: unknown): void {
    const row = this.#rows++
    if (row === this.#codes.length) this.reserve(row)
    this.#codes[row] = (index << 4) | (kind << 1)
    this.#times[row] = at
    this.#data[row] = data
  }

  /** Built member by member in one order, so that V8 keeps one shape for each. */
  #make(kind: number, seq: number, at: number, index: number, data: unknown): RunEvent {
    const { runId, specs } = this.#run
    const spec = specs[index] as TaskSpec
    const taskId = spec.id
    if (kind === ADDED) return { type: 'task.added', seq, at, runId, taskId, index, spec } satisfies TaskAdded
    if (kind === ADDED_BOUND)
      return { type: 'task.added', seq, at, runId, taskId, index, spec, bound: true } satisfies TaskAdded
    if (kind === READY) return { type: 'task.ready', seq, at, runId, taskId, index } satisfies TaskReady
    if (kind === SUCCEEDED) {
      const output = data as Json
      return { type: 'task.succeeded', seq, at, runId, taskId, index, attempt: 1, output } satisfies TaskSucceeded
    }
    const { pool, backend } = data as Terms
    const key = idempotencyKey(runId, taskId, 1)
    const input = spec.input ?? null
    const start = { type: 'attempt.started', seq, at, runId, taskId, index, attempt: 1, pool, backend, key, input }
    return start as AttemptStarted
  }
}
