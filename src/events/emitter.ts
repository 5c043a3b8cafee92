import { EventEmitter } from 'eventemitter3'
import { nonEmptyString } from '../backends/safe-read.js'
import { isThenable } from '../core/is-thenable.js'
import { readMember } from '../core/read-member.js'
import { didYouMean, show } from '../error-text.js'
import { invalid, invalidInput } from '../options-check.js'
import { CHANNELS, type CounterpointEvent, type EventMap, type HostError } from './event-map.js'

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
   * @throws INVALID_INPUT for a name that no event has, or a listener that is not a function.
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
  const hint =
    ofPool ||
    (typeof name === 'string' && didYouMean(name, channels)) ||
    `; expected one of ${[...channels].join(', ')}`
  return invalidInput([{ path: 'name', message: `there is no event ${show(name)} here${hint}` }])
}
