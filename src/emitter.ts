import { EventEmitter } from 'eventemitter3'
import { nonEmptyString, readMember } from './backends/safe-read.js'
import type { Json } from './core/json.js'
import type { RunEvent } from './core/state/events.js'
import { didYouMean, show } from './error-text.js'
import { invalid, invalidInput } from './options-check.js'
import type { PoolEvent } from './pools/pool-events.js'

/** Published, never journaled: what an attempt reports while it runs. At most one report per attempt in 100 ms, and the last one before it ends. */
export type AttemptProgressed = {
  readonly type: 'attempt.progressed'
  /** In milliseconds since 1970. */
  readonly at: number
  readonly runId: string
  readonly taskId: string
  readonly index: number
  /** From 1. */
  readonly attempt: number
  /** Share done, 0 to 1. */
  readonly progress?: number
  readonly message?: string
  /** What the host's own code wants to show: any JSON. */
  readonly data?: Json
}

/** Published, never journaled: a chunk that an attempt streamed while it runs. None is lost, and those of an attempt are in order. */
export type AttemptStreamed = {
  readonly type: 'attempt.streamed'
  /** In milliseconds since 1970. */
  readonly at: number
  readonly runId: string
  readonly taskId: string
  /** The position of the task in the run. */
  readonly index: number
  /** From 1. */
  readonly attempt: number
  readonly chunk: Json
}

/** What a run publishes and does not journal: it has no `seq`. */
export type LiveEvent = AttemptProgressed | AttemptStreamed

/**
 * Published when a listener, a hook or the journal of the host failed; or when a backend gave a usage or threw an `AgentError` that cannot be
 * read. It has changed nothing, unless `where` says so.
 */
export interface HostError {
  readonly type: 'error'
  readonly error: unknown
  /** What failed: `listener of task.succeeded`, `journal`, `usage of backend small in pool writer`. */
  readonly where: string
  readonly runId?: string
}

/** What a run emits on its channel `event`. */
export type RunChannelEvent = RunEvent | AttemptProgressed | AttemptStreamed

/** What an orchestrator emits on its channel `event`: the events of its runs and of its pools. */
export type CounterpointEvent = RunChannelEvent | PoolEvent

/** The event with one name: `EventOf<'task.dead'>`, `EventOf<'pool.parked'>`. Members of each: docs/events.md. */
export type EventOf<T extends CounterpointEvent['type']> = Extract<CounterpointEvent, { readonly type: T }>

/** Events by name, all of them on `event`, and the errors of the host's code on `error`. */
export type EventsByName<E extends { readonly type: string }> = { readonly [T in E as T['type']]: T } & {
  readonly event: E
  readonly error: HostError
}

/** The events of a run, by the name to listen to. `event` gets everything but `error`. */
export type RunEventMap = EventsByName<RunChannelEvent>

/** The events of an orchestrator, by the name to listen to. `event` gets everything but `error`. */
export type EventMap = EventsByName<CounterpointEvent>

type Names<E extends { readonly type: string }> = Readonly<Record<E['type'], true>>

/** A name that is missing here, or is none, does not compile. */
const RUN_NAMES: Names<RunChannelEvent> = {
  'run.started': true,
  'run.mode-chosen': true,
  'run.paused': true,
  'run.unpaused': true,
  'run.stopping': true,
  'run.draining': true,
  'run.suspended': true,
  'run.recovered': true,
  'run.settled': true,
  'task.added': true,
  'task.ready': true,
  'task.held': true,
  'task.delayed': true,
  'task.succeeded': true,
  'task.dead': true,
  'task.skipped': true,
  'task.cancelled': true,
  'attempt.started': true,
  'attempt.progressed': true,
  'attempt.streamed': true,
  'attempt.stopping': true,
  'attempt.failed': true,
  'attempt.abandoned': true,
  'budget.reached': true,
  'budget.changed': true,
}

const POOL_NAMES: Names<PoolEvent> = {
  'pool.parked': true,
  'pool.opened': true,
  'pool.limit-changed': true,
  'pool.unhealthy': true,
  'pool.healthy': true,
}

/** The names to listen to at a run. */
export const RUN_CHANNELS: ReadonlySet<string> = new Set(['event', 'error', ...Object.keys(RUN_NAMES)])

/** The names to listen to at an orchestrator. */
export const CHANNELS: ReadonlySet<string> = new Set([...RUN_CHANNELS, ...Object.keys(POOL_NAMES)])

/** The beginning of `where` when a journal reports something. */
export const JOURNAL_REPORT = 'journal: '

type Listener = (payload: never) => unknown

/**
 * Emits each event under its name and on `event`. The only user of eventemitter3.
 * Trap 7: eventemitter3 rethrows a listener's error into `emit`. Here a listener that throws, or whose promise rejects, changes nothing:
 * its error is emitted once on `error`, and printed to the console when nothing listens there.
 */
export class Emitter<M extends { readonly event: CounterpointEvent } = EventMap> {
  readonly #emitter = new EventEmitter()
  /** By name and listener, the wrapper that catches its errors. */
  readonly #wrappers = new Map<string, Map<Listener, (payload: unknown) => void>>()
  readonly #channels: ReadonlySet<string>
  readonly #parent: { report(error: HostError): void } | undefined

  /** Errors without a listener here are reported to `parent`. */
  constructor(channels: ReadonlySet<string>, parent?: { report(error: HostError): void }) {
    this.#channels = channels
    this.#parent = parent
  }

  /**
   * Gives a function that removes the listener. Adding a listener twice under one name does nothing.
   * @throws INVALID_INPUT for a name that no event has, or a listener that is no function.
   */
  on<K extends keyof M & string>(name: K, listener: (payload: M[K]) => unknown): () => void {
    this.#check(name, listener)
    const wrappers = this.#wrappers.get(name) ?? new Map<Listener, (payload: unknown) => void>()
    this.#wrappers.set(name, wrappers)
    if (!wrappers.has(listener)) {
      const wrapper = (payload: unknown): void =>
        void this.#call(name, listener as (payload: unknown) => unknown, payload)
      wrappers.set(listener, wrapper)
      this.#emitter.on(name, wrapper)
    }
    return () => this.off(name, listener)
  }

  off<K extends keyof M & string>(name: K, listener: (payload: M[K]) => unknown): void {
    this.#check(name, listener)
    const wrappers = this.#wrappers.get(name)
    const wrapper = wrappers?.get(listener)
    if (wrappers === undefined || wrapper === undefined) return
    wrappers.delete(listener)
    if (wrappers.size === 0) this.#wrappers.delete(name)
    this.#emitter.off(name, wrapper)
  }

  get hasListeners(): boolean {
    return this.#wrappers.size > 0
  }

  /** Emits under the name of the event, then on `event`. */
  emit(event: M['event']): void {
    if (!this.hasListeners) return
    this.#emitter.emit(event.type, event)
    this.#emitter.emit('event', event)
  }

  /** Emits as `emit` does, and adds to `pending` a promise for each listener that returned one. It never rejects. */
  emitAndCollect(event: M['event'], pending: Promise<unknown>[]): void {
    for (const name of [event.type, 'event'])
      for (const listener of [...(this.#wrappers.get(name)?.keys() ?? [])]) {
        const settled = this.#call(name, listener as (payload: unknown) => unknown, event)
        if (settled) pending.push(settled)
      }
  }

  /** Reports an error of the host's code: to the listeners of `error`, else to the parent, else to the console. Never throws. */
  report(error: HostError): void {
    if (this.#emitter.listenerCount('error') > 0) this.#emitter.emit('error', error)
    else if (this.#parent) this.#parent.report(error)
    else print(error)
  }

  #check(name: unknown, listener: unknown): void {
    if (!this.#channels.has(name as string)) throw unknownEvent(name, this.#channels)
    if (typeof listener !== 'function') throw invalid('listener', 'a function', listener)
  }

  /** Gives a promise that never rejects when the listener returned one. */
  #call(name: string, listener: (payload: unknown) => unknown, payload: unknown): Promise<unknown> | undefined {
    try {
      const result = listener(payload)
      // By the promise of the platform: a `then` of the host's own may give back anything, and call back twice.
      if (isThenable(result))
        return new Promise(resolve => resolve(result)).catch(error => this.#onListenerError(name, payload, error))
    } catch (error) {
      this.#onListenerError(name, payload, error)
    }
    return undefined
  }

  /** An error of a listener of `error` is dropped: it cannot be reported to itself. */
  #onListenerError(name: string, payload: unknown, error: unknown): void {
    if (name === 'error') return
    const { runId } = payload as { runId?: string }
    this.report({ type: 'error', error, where: `listener of ${name}`, ...(runId !== undefined && { runId }) })
  }
}

function isThenable(value: unknown): boolean {
  const mayBe = (typeof value === 'object' && value !== null) || typeof value === 'function'
  return mayBe && typeof (value as { then?: unknown }).then === 'function'
}

/** To print an error may call the host's code: a getter of its `stack`, an inspection of its own. */
function print(error: HostError): void {
  const text = textOf(error)
  try {
    if (error.error === undefined) console.error(text)
    else console.error(text, error.error)
  } catch {
    printWithout(text, error.error)
  }
}

/** Without the error itself, of which the message may be readable. Trap 7. */
function printWithout(text: string, error: unknown): void {
  try {
    console.error(`${text} ${nonEmptyString(readMember(error, 'message')) ?? 'The error cannot be printed.'}`)
  } catch {
    // There is no console that works.
  }
}

/** For the console. What a journal reports is a text of its own, the rest the name of what failed. */
function textOf({ where }: HostError): string {
  const what = where.startsWith(JOURNAL_REPORT) ? where : `error in the ${where}`
  return `counterpoint: ${what}. To handle this yourself, listen to 'error'.`
}

function unknownEvent(name: unknown, channels: ReadonlySet<string>): Error {
  const ofPool =
    typeof name === 'string' && CHANNELS.has(name) ? '; pools emit it on the orchestrator: orchestrator.on' : ''
  const hint = ofPool || didYouMean(String(name), channels) || `; expected one of ${[...channels].join(', ')}`
  return invalidInput([{ path: 'name', message: `there is no event ${show(name)} here${hint}` }])
}
