import type { RunEvent } from 'counterpoint'
import { describe, expect, test } from 'vitest'
import { decideInto } from '../../../src/core/scheduler/decide.js'
import { Decision } from '../../../src/core/scheduler/decision.js'
import type { Signal } from '../../../src/core/scheduler/signals.js'
import { replay } from '../../../src/core/state/evolve.js'
import { History } from '../../../src/core/state/history.js'
import { emptyState } from '../../../src/core/state/new-state.js'
import type { RunState } from '../../../src/core/state/run-state.js'

const DAY_MS = 86_400_000

/** A run whose decisions are written to a history. */
class Writing {
  readonly state: RunState = emptyState('run/1')
  readonly history: History = new History(this.state)
  readonly #context = { at: 0, random: () => 0.5, judge: () => ({ action: 'retry', delayMs: 0 }) as const }
  readonly #decision = new Decision(this.state, this.history, this.#context)

  send(at: number, signal: Signal): this {
    this.#context.at = at
    decideInto(this.#decision, signal)
    this.history.commit()
    return this
  }

  start(at: number, index: number, more: Partial<Extract<Signal, { type: 'start' }>> = {}): this {
    return this.send(at, { type: 'start', index, pool: 'p', backend: 'p', input: null, ...more })
  }

  succeed(at: number, index: number, more: Partial<Extract<Signal, { type: 'succeed' }>> = {}): this {
    return this.send(at, { type: 'succeed', index, attempt: 1, output: { n: index }, ...more })
  }
}

const tasks = ['a', 'b%/c', 'd', 'e'].map(id => ({ id, description: id, pool: 'p' }))
const writing = (at = 1_000): Writing => new Writing().send(at, { type: 'add', tasks })
const all = ({ history }: Writing): readonly RunEvent[] => history.slice(1, history.end)

describe('History', () => {
  test('returns the events that were decided, complete and equal each time', () => {
    const run = writing().start(1_010, 1).succeed(1_020, 1)
    const taskOfAll = { runId: 'run/1', taskId: 'b%/c', index: 1 }
    expect(all(run).filter(event => 'index' in event && event.index === 1)).toEqual([
      { type: 'task.added', seq: 3, at: 1_000, ...taskOfAll, spec: tasks[1] },
      { type: 'task.ready', seq: 7, at: 1_000, ...taskOfAll },
      {
        type: 'attempt.started',
        seq: 10,
        at: 1_010,
        ...taskOfAll,
        attempt: 1,
        pool: 'p',
        backend: 'p',
        key: 'run%2F1/b%25%2Fc/1',
        input: null,
      },
      { type: 'task.succeeded', seq: 11, at: 1_020, ...taskOfAll, attempt: 1, output: { n: 1 } },
    ])
    expect(all(run)).toEqual(all(run))
  })

  test('replays to the state that it was recorded with', () => {
    const run = writing()
      .start(1_010, 0)
      .send(1_020, { type: 'fail', index: 0, attempt: 1, failure: { kind: 'agent', message: 'no' } })
      .send(1_020, { type: 'wake', index: 0 })
      .start(1_030, 0, { input: { other: 'than its spec says' } })
      .succeed(1_040, 0, { attempt: 2, usage: { costUsd: 1 } })
      .start(1_050, 1, { backend: 'p#2' })
      .succeed(1_060, 1, { usage: { tokens: 9 } })
      .start(1_070, 2)
      .succeed(1_080, 2)
    expect(replay('run/1', all(run)).states).toEqual(run.state.states)
    expect(all(run).map(({ seq }) => seq)).toEqual(all(run).map((_, place) => place + 1))
  })

  test('distinguishes the backends of a failover list', () => {
    const run = writing()
      .start(1_001, 0)
      .start(1_002, 1, { backend: 'p#2' })
      .start(1_003, 2)
      .start(1_004, 3, { backend: 'p#2' })
    const started = all(run).flatMap(event => (event.type === 'attempt.started' ? [event.backend] : []))
    expect(started).toEqual(['p', 'p#2', 'p', 'p#2'])
  })

  test('returns the type, task and attempt of an event without rebuilding it', () => {
    const run = writing().start(1_010, 2).succeed(1_020, 2)
    const { history } = run
    for (const event of all(run)) {
      expect(history.typeOf(event.seq)).toBe(event.type)
      expect(history.indexOf(event.seq)).toBe('index' in event ? event.index : -1)
      if (event.type === 'attempt.started') expect(history.attemptOf(event.seq)).toBe(event.attempt)
    }
  })

  test('iterates over the committed records', () => {
    const run = writing().start(1_010, 0)
    const before = [...run.history]
    run.history.push({ type: 'run.paused', seq: run.history.end + 1, at: 1_020, runId: 'run/1' })
    expect([...run.history]).toEqual(before)
    run.history.commit()
    expect([...run.history].map(record => record.length)).toEqual([9, 1, 1])
    expect([...run.history].flat()).toEqual(all(run))
  })

  test('stores times from 0, and times more than 24 days (31 bits) after the first event', () => {
    for (const began of [0, 1_700_000_000_000]) {
      const late = began + 30 * DAY_MS
      const run = writing(began)
        .start(began + 1, 0)
        .succeed(late, 0)
        .start(late + 1, 1)
        .succeed(late + 2, 1)
      run.send(late + 3, { type: 'add', tasks: [{ id: 'late', description: 'late' }] })
      const times = all(run).map(({ at }) => at - began)
      expect(times.slice(9)).toEqual([
        1,
        late - began,
        late - began + 1,
        late - began + 2,
        ...new Array(2).fill(late - began + 3),
      ])
      expect(replay('run/1', all(run)).states).toEqual(run.state.states)
    }
  })

  test('drops all events when released', () => {
    const { history } = writing().start(1_010, 0)
    history.release()
    expect([...history]).toEqual([])
    expect(history.end).toBe(0)
  })
})
