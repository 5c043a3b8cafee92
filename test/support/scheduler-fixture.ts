import assert from 'node:assert/strict'
import {
  FailureHandler,
  type FailureHandlerOptions,
  type FailureKind,
  type FailureMode,
  type Json,
  type RunEvent,
  type TaskSpec,
  type TaskStatus,
  type Usage,
} from 'counterpoint'
import type { JudgeFailure } from '../../src/core/failure/failure-facts.js'
import { decide } from '../../src/core/scheduler/decide.js'
import type { AddSignal, FailSignal, Signal, StartSignal } from '../../src/core/scheduler/signals.js'
import { evolve, replay } from '../../src/core/state/evolve.js'
import { emptyState } from '../../src/core/state/new-state.js'
import type { RunState } from '../../src/core/state/run-state.js'
import type { TaskState } from '../../src/core/state/task.js'
import { checkAtRest, checkInvariants, checkKey } from './invariants.js'

/** Options of a scene. */
export interface SchedulerFixtureOptions extends FailureHandlerOptions {
  readonly failureMode?: FailureMode
  readonly judge?: JudgeFailure
  readonly cancelled?: string
  readonly budget?: AddSignal['budget']
  readonly mode?: AddSignal['mode']
  readonly autoFallbackToSerial?: boolean
  /** False skips the checks after each event, where there are thousands of scenes. Default true. */
  readonly checks?: boolean
}

/** A step of a scene: a signal about tasks by id, created when the step is executed. */
export type Step = (scene: SchedulerFixture) => Signal

/**
 * `'a b<a c<a,b'`: three tasks with their dependencies. `-a` is an order-only dependency, `?a` a soft one, `d:all_done<a` has a
 * trigger rule, `d!` needs approval.
 */
export function specs(text: string): readonly TaskSpec[] {
  return text
    .split(' ')
    .filter(Boolean)
    .map(word => {
      const [head = '', list = ''] = word.split('<')
      const [name = '', rule] = head.split(':')
      const id = name.replace('!', '')
      const needs = list.split(',').filter(Boolean)
      const of = (mark: string): string[] => needs.filter(need => need[0] === mark).map(need => need.slice(1))
      const [after, softAfter, orderAfter] = [needs.filter(need => /^[^?-]/.test(need)), of('?'), of('-')]
      return {
        id,
        description: id,
        pool: 'p',
        ...(after.length > 0 && { after }),
        ...(softAfter.length > 0 && { softAfter }),
        ...(orderAfter.length > 0 && { orderAfter }),
        ...(rule && { triggerRule: rule as NonNullable<TaskSpec['triggerRule']> }),
        ...(name.endsWith('!') && { approval: true }),
      }
    })
}

/**
 * A run at the level of `decide`: signals in, events out, without clock, pools or journal. Every delay is half of its upper bound.
 * Each event is also applied to a second state, and the invariants are checked after each.
 */
export class SchedulerFixture {
  readonly state: RunState
  readonly records: RunEvent[][] = []
  at = 1_000
  readonly #shadow: RunState | undefined
  readonly #judge: JudgeFailure

  constructor(options: SchedulerFixtureOptions = {}, records: readonly (readonly RunEvent[])[] = []) {
    const { judge, checks = true, failureMode, cancelled, budget, mode, autoFallbackToSerial, ...handling } = options
    const handler = new FailureHandler(handling)
    this.#judge = judge ?? ((failure, facts) => handler.verdict(failure, facts))
    this.state = replay('r', records.flat())
    if (checks) this.#shadow = replay('r', records.flat())
    for (const record of records) this.records.push([...record])
  }

  /** A scene with these tasks. */
  static of(tasks: string | readonly TaskSpec[], options: SchedulerFixtureOptions = {}): SchedulerFixture {
    const { failureMode, cancelled, budget, mode, autoFallbackToSerial } = options
    const scene = new SchedulerFixture(options)
    const list = typeof tasks === 'string' ? specs(tasks) : tasks
    scene.send({
      type: 'add',
      tasks: list,
      ...(failureMode && { failureMode }),
      ...(cancelled && { cancelled }),
      ...(budget && { budget }),
      ...(mode && { mode }),
      ...(autoFallbackToSerial && { autoFallbackToSerial }),
    })
    return scene
  }

  get events(): readonly RunEvent[] {
    return this.records.flat()
  }

  send(signal: Signal): readonly RunEvent[] {
    this.at += 10
    const events = decide(this.state, signal, { at: this.at, random: () => 0.5, judge: this.#judge })
    if (this.#shadow) checkEach(this.#shadow, events)
    if (events.length > 0) this.records.push(events)
    return events
  }

  play(...steps: readonly Step[]): readonly RunEvent[] {
    let events: readonly RunEvent[] = []
    for (const step of steps) events = this.send(step(this))
    return events
  }

  index(id: string): number {
    const index = this.state.ids.get(id)
    assert.ok(index !== undefined, `the scene has a task ${id}`)
    return index
  }

  task(id: string): TaskState {
    return this.state.states[this.index(id)]!
  }

  /** `'a:succeeded b:ready'`. */
  get picture(): string {
    return this.state.specs.map(({ id }) => `${id}:${this.task(id).status}`).join(' ')
  }

  /** The number of the running attempt. */
  attempt(id: string): number {
    const task = this.task(id)
    return 'attempt' in task ? task.attempt : 0
  }

  status(index: number): TaskStatus {
    return this.state.states[index]!.status
  }

  /** Checks that replaying its records leads to the same state. */
  checkReplay(): void {
    const again = emptyState('r')
    for (const event of this.events) evolve(again, event)
    assert.deepEqual(again, this.state)
  }
}

function checkEach(state: RunState, events: readonly RunEvent[]): void {
  for (const event of events) {
    evolve(state, event)
    checkInvariants(state)
    if (event.type === 'attempt.started') checkKey(state, event)
  }
  checkAtRest(state)
}

export const start =
  (id: string): Step =>
  scene => ({ type: 'start', index: scene.index(id), pool: 'p', backend: 'p', input: null })

export const startFails =
  (id: string): Step =>
  scene =>
    ({ ...start(id)(scene), failure: { kind: 'bad-input', message: 'no' } }) as Signal

/** A start with an estimate, on another pool or backend, or degraded. */
export const startWith =
  (id: string, more: Partial<StartSignal>): Step =>
  scene =>
    ({ ...start(id)(scene), ...more }) as Signal

export const ok =
  (id: string, output: Json = id, attempt?: number): Step =>
  scene => ({ type: 'succeed', index: scene.index(id), attempt: attempt ?? scene.attempt(id), output })

export const fail =
  (id: string, kind: FailureKind = 'agent', attempt?: number): Step =>
  scene => ({
    type: 'fail',
    index: scene.index(id),
    attempt: attempt ?? scene.attempt(id),
    failure: { kind, message: 'no' },
  })

/** A success with usage. */
export const okUsing =
  (id: string, usage: Usage): Step =>
  scene =>
    ({ ...ok(id)(scene), usage }) as Signal

/** A failure with further members. */
export const failWith =
  (id: string, failure: Partial<FailSignal['failure']>, more: Partial<FailSignal> = {}): Step =>
  scene => {
    const signal = fail(id)(scene) as FailSignal
    return { ...signal, failure: { ...signal.failure, ...failure }, ...more }
  }

export const expire =
  (id: string, attempt?: number): Step =>
  scene => ({
    type: 'expire',
    index: scene.index(id),
    attempt: attempt ?? scene.attempt(id),
    failure: { kind: 'timeout', timeout: 'attempt', message: 'too long' },
  })

/** A queue or total timeout while no attempt runs. */
export const expireWaiting =
  (id: string, timeout: 'queue' | 'total'): Step =>
  scene => ({
    type: 'expire',
    index: scene.index(id),
    attempt: 0,
    failure: { kind: 'timeout', timeout, message: 'too long' },
  })

export const stopped =
  (id: string, abandoned = false, attempt?: number): Step =>
  scene => ({ type: 'stopped', index: scene.index(id), attempt: attempt ?? scene.attempt(id), abandoned })

export const wake =
  (id: string): Step =>
  scene => ({ type: 'wake', index: scene.index(id) })

export const cancel =
  (id?: string): Step =>
  () => ({ type: 'cancel', reason: 'enough', ...(id !== undefined && { taskId: id }) })

export const add =
  (tasks: string): Step =>
  () => ({ type: 'add', tasks: specs(tasks) })

export const hold =
  (id: string, reason: 'approval' | 'interrupted' | 'budget'): Step =>
  scene => ({ type: 'hold', index: scene.index(id), reason })

export const approve =
  (taskId: string, by?: string): Step =>
  () => ({ type: 'approve', taskId, ...(by !== undefined && { by }) })

export const reject =
  (taskId: string, reason = 'not this one'): Step =>
  () => ({ type: 'reject', taskId, reason })

export const budget =
  (amount?: AddSignal['budget']): Step =>
  () => ({ type: 'budget', ...(amount && { budget: amount }) })

export const elapse: Step = () => ({ type: 'elapse' })

export const mode =
  (name: 'serial' | 'parallel'): Step =>
  () => ({ type: 'mode', mode: name, reason: 'requested' })

export const pause: Step = () => ({ type: 'pause' })
export const unpause: Step = () => ({ type: 'unpause' })
export const recover: Step = () => ({ type: 'recover' })
export const drain: Step = () => ({ type: 'drain' })

export const interrupt =
  (id: string): Step =>
  scene => ({ type: 'interrupt', index: scene.index(id) })

/** Events as short lines: `'task.skipped c because a'`. */
export function describeEvents(events: readonly RunEvent[]): readonly string[] {
  return events.map(event =>
    [event.type, 'taskId' in event ? event.taskId : '', detail(event)].filter(Boolean).join(' '),
  )
}

function detail(event: RunEvent): string {
  switch (event.type) {
    case 'attempt.started':
    case 'attempt.abandoned':
      return String(event.attempt)
    case 'attempt.failed':
      return `${event.attempt} ${event.failure.kind}`
    case 'attempt.stopping':
      return `${event.attempt} ${event.reason.kind}`
    case 'task.delayed':
      return `${event.until - event.at}`
    case 'task.dead':
      return event.failure.kind
    case 'task.ready':
      return event.approved ? ['approved', event.by && `by ${event.by}`].filter(Boolean).join(' ') : ''
    case 'task.held':
      return `for ${event.reason}`
    case 'task.skipped':
      return `because ${event.rootCause}${event.rule ? ` by ${event.rule}` : ''}`
    case 'budget.reached':
      return `${event.scope} ${event.level} ${event.measure} ${event.action}`
    case 'run.mode-chosen':
      return event.mode
    case 'run.stopping':
      return event.cause
    case 'run.settled':
      return event.outcome
    case 'run.recovered':
      return String(event.epoch)
    default:
      return ''
  }
}
