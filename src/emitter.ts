import { EventEmitter } from 'eventemitter3'
import type { RunEvent } from './core/state/events.js'
import type { PoolEvent } from './pools/pool-events.js'

/** Published, never journaled: what an attempt says while it works, thinned to one report per attempt and 100 ms. */
export interface AttemptProgressed {
  readonly type: 'attempt.progressed'
  readonly at: number
  readonly runId: string
  readonly taskId: string
  readonly index: number
  readonly attempt: number
  /** Share done, 0 to 1. */
  readonly progress?: number
  readonly message?: string
}

/** Published when a listener, hook or journal of the host failed. It has changed nothing, unless the message says so. */
export interface HostError {
  readonly type: 'error'
  readonly error: unknown
  /** Where it happened: `listener of task.succeeded`, `journal`. */
  readonly where: string
  readonly runId?: string
}

/** What a run tells on its channel `event`. */
export type RunChannelEvent = RunEvent | AttemptProgressed

/** Everything that can be heard on the channel `event` of an orchestrator: of its runs, and of its pools. */
export type CounterpointEvent = RunChannelEvent | PoolEvent

/** Events by their names, all of them on `event`, and what went wrong in the host's code on `error`. */
export type EventsByName<E extends { readonly type: string }> = { readonly [T in E as T['type']]: T } & {
  readonly event: E
  readonly error: HostError
}

/** The names that a run lets be listened to, with what each listener gets. `event` hears everything but `error`. */
export type RunEventMap = EventsByName<RunChannelEvent>

/** The same of an orchestrator. */
export type EventMap = EventsByName<CounterpointEvent>

type Listener = (payload: never) => unknown

/**
 * Events by name and all of them on `event`. The only user of eventemitter3.
 * Trap 7: eventemitter3 rethrows a listener's error into `emit`. Here a listener that throws, or whose promise rejects, changes nothing:
 * its error is heard once on `error`; with nobody listening there it goes to the console.
 */
export class Emitter<M extends { readonly event: CounterpointEvent } = EventMap> {
  readonly #emitter = new EventEmitter()
  readonly #guarded = new Map<string, Map<Listener, (payload: unknown) => void>>()
  readonly #parent: { report(error: HostError): void } | undefined
  #listeners = 0
  /** Those that hear one kind of event. */
  #ofOneKind = 0

  /** Errors that nobody hears here are heard by `parent`. */
  constructor(parent?: { report(error: HostError): void }) {
    this.#parent = parent
  }

  on<K extends keyof M & string>(name: K, listener: (payload: M[K]) => unknown): () => void {
    const listeners = this.#guarded.get(name) ?? new Map<Listener, (payload: unknown) => void>()
    this.#guarded.set(name, listeners)
    if (!listeners.has(listener)) {
      const guarded = (payload: unknown): void => this.#call(name, listener as (payload: unknown) => unknown, payload)
      listeners.set(listener, guarded)
      this.#count(name, 1)
      this.#emitter.on(name, guarded)
    }
    return () => this.off(name, listener)
  }

  off<K extends keyof M & string>(name: K, listener: (payload: M[K]) => unknown): void {
    const guarded = this.#guarded.get(name)?.get(listener)
    if (guarded === undefined) return
    this.#guarded.get(name)?.delete(listener)
    this.#count(name, -1)
    this.#emitter.off(name, guarded)
  }

  /** True while anybody listens. */
  get isHeard(): boolean {
    return this.#listeners > 0
  }

  /** Under its name, then on `event`. */
  publish(event: M['event']): void {
    if (this.#ofOneKind > 0) this.#emitter.emit(event.type, event)
    if (this.#listeners > 0) this.#emitter.emit('event', event)
  }

  /** Reports an error of the host's code: here, else to the parent, else to the console. Never throws. */
  report(error: HostError): void {
    if (this.#emitter.listenerCount('error') > 0) this.#emitter.emit('error', error)
    else if (this.#parent) this.#parent.report(error)
    else console.error(`counterpoint: ${error.where} failed. Listen to 'error' to handle this.`, error.error)
  }

  #count(name: string, more: number): void {
    this.#listeners += more
    if (name !== 'event' && name !== 'error') this.#ofOneKind += more
  }

  #call(name: string, listener: (payload: unknown) => unknown, payload: unknown): void {
    try {
      const result = listener(payload)
      if (typeof result === 'object' && result instanceof Promise)
        result.then(undefined, error => this.#listenerFailed(name, payload, error))
    } catch (error) {
      this.#listenerFailed(name, payload, error)
    }
  }

  /** A failing listener of `error` is not reported to itself. */
  #listenerFailed(name: string, payload: unknown, error: unknown): void {
    if (name === 'error') return
    const { runId } = payload as { runId?: string }
    this.report({ type: 'error', error, where: `listener of ${name}`, ...(runId !== undefined && { runId }) })
  }
}
