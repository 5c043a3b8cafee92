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

const TYPES: readonly RunEventType[] = [
  'run.started',
  'task.added',
  'task.ready',
  'attempt.started',
  'task.succeeded',
]

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
  readonly #runId: string
  /** Those of the run: nothing in it changes, it only grows. */
  readonly #specs: readonly TaskSpec[]
  /** The `seq` of the last event before the first one here. */
  readonly #base: number
  /** Index, kind, and whether it is the last of its record, in one number. */
  readonly #codes: number[] = []
  readonly #times: number[] = []
  /** The event; of an attempt its terms, of a success its output. */
  readonly #data: unknown[] = []
  #committed = 0
  #terms: Terms = { pool: '', backend: '' }

  constructor(runId: string, specs: readonly TaskSpec[], base = 0) {
    this.#runId = runId
    this.#specs = specs
    this.#base = base
  }

  /** The `seq` of its first event. */
  get start(): number {
    return this.#base + 1
  }

  /** The `seq` of its last event. */
  get end(): number {
    return this.#base + this.#codes.length
  }

  push(event: RunEvent): void {
    this.#row(EVENT, 0, event.at, event)
  }

  added(index: number, at: number): void {
    this.#row(ADDED, index, at, undefined)
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
    const last = this.#codes.length - 1
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
    this.#codes.push((index << 4) | (kind << 1))
    this.#times.push(at)
    this.#data.push(data)
  }

  /** Built member by member in one order, so that V8 keeps one shape for each. */
  #make(kind: number, seq: number, at: number, index: number, data: unknown): RunEvent {
    const runId = this.#runId
    const spec = this.#specs[index] as TaskSpec
    const taskId = spec.id
    if (kind === ADDED) return { type: 'task.added', seq, at, runId, taskId, index, spec } satisfies TaskAdded
    if (kind === READY) return { type: 'task.ready', seq, at, runId, taskId, index } satisfies TaskReady
    if (kind === SUCCEEDED) {
      const output = data as Json
      return { type: 'task.succeeded', seq, at, runId, taskId, index, attempt: 1, output } satisfies TaskSucceeded
    }
    const { pool, backend } = data as Terms
    const key = idempotencyKey(runId, taskId, 1)
    const input = spec.input ?? null
    const start = { type: 'attempt.started', seq, at, runId, taskId, index, attempt: 1, pool, backend, key, input }
    return start satisfies object as AttemptStarted
  }
}
