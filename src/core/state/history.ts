import type {
  AttemptStarted,
  JournalRecord,
  RunEvent,
  RunEventType,
  TaskAdded,
  TaskReady,
  TaskSucceeded,
} from './events.js'
import { idempotencyKey } from './idempotency-key.js'
import type { RunState } from './run-state.js'
import type { SucceededState, TaskSpec } from './task.js'

/** What a row says: one of the four facts that nearly every task has, or any other event as it is. */
const EVENT = 0
const ADDED = 1
const READY = 2
const STARTED = 3
const SUCCEEDED = 4
const ADDED_BOUND = 5

const MOST_MS = 2 ** 31 - 1

const TYPES: readonly RunEventType[] = [
  'run.started',
  'task.added',
  'task.ready',
  'attempt.started',
  'task.succeeded',
  'task.added',
]

/** What a history has to know of the run whose events it holds. */
type HistoryRun = Pick<RunState, 'runId' | 'specs' | 'states'>

/**
 * The events of one run, in the order in which they were decided. The four that nearly every task has stand here as two numbers each, and are
 * made into an event when somebody asks for it: to keep a million objects costs more than all else. What else is in them the run knows:
 * the spec of a task never changes, nor does the state of one that has succeeded. All other events stand here as they are.
 *
 * Invariants: event `seq` is row `seq - 1 - base`; to ask for it twice gives two equal events; a record is whole once it is committed.
 */
export class History implements Iterable<JournalRecord> {
  readonly #run: HistoryRun
  /** The `seq` of the last event before the first one here. */
  readonly #base: number
  #rows = 0
  #committed = 0
  /** The index of the task (of other events their place in the list), the kind, and whether it is the last of its record, in one number. */
  #codes: Int32Array = new Int32Array(16)
  /** When, in milliseconds since the first of these rows. */
  #times: Int32Array = new Int32Array(16)
  /** When that was; -1 before it. */
  #origin = -1
  readonly #events: RunEvent[] = []
  /** The backend of each pool that its attempts get where nothing is out of the ordinary: the first one that was seen. */
  readonly #backends = new Map<string, string>()
  #pool = ''
  #backend = ''

  constructor(run: HistoryRun, base = 0) {
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
    const codes = new Int32Array(this.#rows + more)
    const times = new Int32Array(this.#rows + more)
    codes.set(this.#codes.subarray(0, this.#rows))
    times.set(this.#times.subarray(0, this.#rows))
    this.#codes = codes
    this.#times = times
  }

  push(event: RunEvent): void {
    this.#row(EVENT, this.#events.push(event) - 1, 0)
  }

  added(index: number, at: number, bound: boolean): void {
    if (this.#isFar(at)) return this.push(this.#make(bound ? ADDED_BOUND : ADDED, this.end + 1, at, index))
    this.#row(bound ? ADDED_BOUND : ADDED, index, at - this.#origin)
  }

  ready(index: number, at: number): void {
    if (this.#isFar(at)) return this.push(this.#make(READY, this.end + 1, at, index))
    this.#row(READY, index, at - this.#origin)
  }

  /** The first attempt of a task, with the input that stands in its spec, and nothing reserved. */
  started(index: number, at: number, pool: string, backend: string): void {
    if (this.#isFar(at) || !this.#isUsual(pool, backend))
      return this.push(startOf(this.#run, this.end + 1, at, index, pool, backend))
    this.#row(STARTED, index, at - this.#origin)
  }

  /** The state of the task has all that there is to say. */
  succeeded(index: number, at: number): void {
    if (this.#isFar(at)) return this.push(this.#make(SUCCEEDED, this.end + 1, at, index))
    this.#row(SUCCEEDED, index, at - this.#origin)
  }

  /** What has come since the last commit is one record. */
  commit(): void {
    const last = this.#rows - 1
    if (last < this.#committed) return
    this.#codes[last] = (this.#codes[last] as number) | 1
    this.#committed = last + 1
  }

  typeOf(seq: number): RunEventType {
    const code = this.#codeOf(seq)
    const kind = (code >> 1) & 7
    return kind === EVENT ? (this.#events[code >> 4] as RunEvent).type : (TYPES[kind] as RunEventType)
  }

  /** Which task it is about; -1 for none. */
  indexOf(seq: number): number {
    const code = this.#codeOf(seq)
    if (((code >> 1) & 7) !== EVENT) return code >> 4
    return (this.#events[code >> 4] as { readonly index?: number }).index ?? -1
  }

  /** The number of the attempt that started. */
  attemptOf(seq: number): number {
    const code = this.#codeOf(seq)
    return ((code >> 1) & 7) === EVENT ? (this.#events[code >> 4] as AttemptStarted).attempt : 1
  }

  event(seq: number): RunEvent {
    const code = this.#codeOf(seq)
    const kind = (code >> 1) & 7
    if (kind === EVENT) return this.#events[code >> 4] as RunEvent
    return this.#make(kind, seq, this.#origin + (this.#times[seq - 1 - this.#base] as number), code >> 4)
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

  /** Forgets everything: nobody will ask for it any more. */
  release(): void {
    this.#rows = 0
    this.#committed = 0
    this.#codes = new Int32Array(0)
    this.#times = new Int32Array(0)
    this.#events.length = 0
  }

  #codeOf(seq: number): number {
    return this.#codes[seq - 1 - this.#base] as number
  }

  #row(kind: number, index: number, time: number): void {
    const row = this.#rows++
    if (row === this.#codes.length) this.reserve(row)
    this.#codes[row] = (index << 4) | (kind << 1)
    this.#times[row] = time
  }

  /** Too late for a time of 32 bits: after 24 days events stand here as they are. */
  #isFar(at: number): boolean {
    if (this.#origin === -1) this.#origin = at
    return at - this.#origin > MOST_MS
  }

  #isUsual(pool: string, backend: string): boolean {
    if (pool === this.#pool && backend === this.#backend) return true
    const usual = this.#backends.get(pool) ?? backend
    this.#backends.set(pool, usual)
    if (usual !== backend) return false
    this.#pool = pool
    this.#backend = backend
    return true
  }

  #usualOf(pool: string): string {
    return pool === this.#pool ? this.#backend : (this.#backends.get(pool) as string)
  }

  /** Built member by member in one order, so that V8 keeps one shape for each. */
  #make(kind: number, seq: number, at: number, index: number): RunEvent {
    const { runId, specs, states } = this.#run
    const spec = specs[index] as TaskSpec
    const taskId = spec.id
    if (kind === ADDED) return { type: 'task.added', seq, at, runId, taskId, index, spec } satisfies TaskAdded
    if (kind === ADDED_BOUND)
      return { type: 'task.added', seq, at, runId, taskId, index, spec, bound: true } satisfies TaskAdded
    if (kind === READY) return { type: 'task.ready', seq, at, runId, taskId, index } satisfies TaskReady
    const { pool = '' } = spec
    if (kind === STARTED) return startOf(this.#run, seq, at, index, pool, this.#usualOf(pool))
    const { attempt, output, usage } = states[index] as SucceededState
    if (usage)
      return { type: 'task.succeeded', seq, at, runId, taskId, index, attempt, output, usage } satisfies TaskSucceeded
    return { type: 'task.succeeded', seq, at, runId, taskId, index, attempt, output } satisfies TaskSucceeded
  }
}

/** The start of a first attempt, with the input that stands in its spec. */
function startOf(
  run: HistoryRun,
  seq: number,
  at: number,
  index: number,
  pool: string,
  backend: string,
): AttemptStarted {
  const { runId, specs } = run
  const { id: taskId, input = null } = specs[index] as TaskSpec
  const key = idempotencyKey(runId, taskId, 1)
  return { type: 'attempt.started', seq, at, runId, taskId, index, attempt: 1, pool, backend, key, input }
}
