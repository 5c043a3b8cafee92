import { type Failure, INPUT_TIMEOUT } from '../core/failure/failure.js'
import type { Json } from '../core/json.js'
import type { History } from '../core/state/history.js'
import type { RunState } from '../core/state/run-state.js'
import type { TaskSpec } from '../core/state/task.js'
import type { TaskBinding } from '../plan/task-graph.js'
import { type Attempts, timeoutOf } from './attempt/attempts.js'
import { type InputFunction, makeInput, outputsFor } from './attempt/request.js'
import { askGate, type Gate } from './gates.js'

/** What a {@link HostFunctions} works with. */
export interface HostFunctionsOptions {
  readonly attempts: Attempts
  readonly head: RunState
  readonly durable: RunState
  binding(taskId: string): TaskBinding | undefined
  /** The input is there, or the failure that it is. */
  start(index: number, input: Json, failure?: Failure): void
  /** Nobody has to approve it: it may go into the queue. */
  pass(index: number): void
  /** A person has to approve it. */
  hold(index: number): void
}

/**
 * What the host's functions have to say before a task starts: whether a person must approve it, once it is ready; and its input, once it has
 * a slot. They are called when it is durable that the task is ready: what they see cannot be taken back.
 */
export class HostFunctions {
  readonly #setup: HostFunctionsOptions
  readonly #head: RunState
  /** Tasks whose function waits until it is durable that they are ready. */
  readonly #waiting = new Map<number, 'gate' | 'input'>()
  /** Tasks whose gate is being asked. */
  readonly #asking = new Set<number>()
  /** Tasks that need nobody's word. */
  readonly #passed = new Set<number>()
  /** Tasks whose gate failed: that is told when they have a slot, as every failure of an attempt is. */
  readonly #failed = new Map<number, Failure>()

  constructor(setup: HostFunctionsOptions) {
    this.#setup = setup
    this.#head = setup.head
  }

  /** True when the task must not be queued yet: its approval function is asked first. */
  gates(index: number): boolean {
    if (this.#gateOf(index) === undefined || this.#passed.has(index) || this.#head.approved.has(index)) return false
    this.#asking.add(index)
    if (this.#setup.durable.states[index]?.status === 'ready') this.#ask(index)
    else this.#waiting.set(index, 'gate')
    return true
  }

  /** True when the start has to wait for the input function of a task that has a slot, or has failed already. */
  makesInput(index: number): boolean {
    const failure = this.#failed.size === 0 ? undefined : this.#failed.get(index)
    if (failure) {
      this.#failed.delete(index)
      this.#passed.delete(index)
      this.#setup.start(index, null, failure)
      return true
    }
    if (this.#head.bound.size === 0 || !this.#head.bound.has(index)) return false
    const { id } = this.#head.specs[index] as TaskSpec
    if (typeof this.#setup.binding(id)?.input !== 'function') return false
    if (this.#setup.durable.states[index]?.status === 'ready') this.#makeInput(index)
    else this.#waiting.set(index, 'input')
    return true
  }

  /** What became ready with these events is durable now. */
  published(history: History, from: number, to: number): void {
    if (this.#waiting.size === 0) return
    for (let seq = from; seq <= to; seq++) {
      const index = history.indexOf(seq)
      const what = history.typeOf(seq) === 'task.ready' ? this.#waiting.get(index) : undefined
      if (what === undefined) continue
      this.#waiting.delete(index)
      if (what === 'gate') this.#ask(index)
      else this.#makeInput(index)
    }
  }

  /** The task is ready no more. True when it was not in the queue, for its gate was being asked. */
  callOff(index: number): boolean {
    this.#waiting.delete(index)
    return this.#asking.delete(index)
  }

  /** The input of a task took too long to make. */
  inputExpired(index: number): void {
    const timeoutMs = timeoutOf(this.#setup.head.specs[index] as TaskSpec)
    const message = `the input function took longer than ${timeoutMs} ms`
    this.#setup.start(index, null, { kind: 'timeout', timeout: 'attempt', code: INPUT_TIMEOUT, message })
  }

  #gateOf(index: number): Gate | undefined {
    if (this.#head.bound.size === 0 || !this.#head.bound.has(index)) return undefined
    return this.#setup.binding((this.#head.specs[index] as TaskSpec).id)?.approval
  }

  #ask(index: number): void {
    const { head, pass, hold } = this.#setup
    const state = head.states[index]
    askGate(this.#gateOf(index) as Gate, outputsFor(this.#setup.durable, index), (needsApproval, failure) => {
      // It may come too late: for a task that was cancelled, or has become ready anew.
      if (head.states[index] !== state || !this.#asking.delete(index)) return
      if (needsApproval) return hold(index)
      if (failure) this.#failed.set(index, failure)
      this.#passed.add(index)
      pass(index)
    })
  }

  #makeInput(index: number): void {
    const { attempts, head, binding, start } = this.#setup
    const spec = head.specs[index] as TaskSpec
    const make = binding(spec.id)?.input as InputFunction
    const attempt = attempts.of(index)
    attempt?.limitInput(timeoutOf(spec))
    makeInput(make, outputsFor(this.#setup.durable, index), (input, failure) => {
      // It may come too late: for a task that was cancelled, or an attempt that did not get it in time.
      if (attempt && attempts.of(index) === attempt) start(index, input, failure)
    })
  }
}
