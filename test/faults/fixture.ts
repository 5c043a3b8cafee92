import {
  type AgentBackend,
  type AgentFunction,
  type JournalRecord,
  Orchestrator,
  type OrchestratorOptions,
  type PoolOptions,
  type Run,
  type RunEvent,
  type RunOptions,
  type RunResult,
  type TaskData,
  type TaskResult,
} from 'counterpoint'
import { MockBackend, type SlowJournal, slowJournal, VirtualClock } from 'counterpoint/testing'
import { expect } from 'vitest'
import { replay } from '../../src/core/state/evolve.js'

/** Options of a {@link Fixture} in addition to its backend. */
export interface FixtureOptions extends Partial<Omit<OrchestratorOptions, 'pools' | 'clock'>> {
  readonly pool?: Partial<PoolOptions>
}

/** An orchestrator with one pool, in virtual time, with a journal that serialises records. */
export class Fixture {
  readonly clock: VirtualClock = new VirtualClock()
  readonly mock: MockBackend = new MockBackend({ clock: this.clock })
  readonly journal: SlowJournal = slowJournal({ clock: this.clock, delayMs: 0 })
  readonly orchestrator: Orchestrator

  /** The default backend is `mock`. */
  constructor(backend?: AgentBackend | AgentFunction, { pool, ...options }: FixtureOptions = {}) {
    this.orchestrator = new Orchestrator({
      clock: this.clock,
      journal: this.journal,
      random: () => 0.5,
      pools: { pool: { backend: backend ?? this.mock, ...pool } },
      ...options,
    })
  }

  /** Starts a plan; a string stands for a task of that id. */
  start(tasks: readonly (string | object)[], options?: RunOptions): Run {
    const plan = tasks.map(
      task => ({ description: 'x', ...(typeof task === 'string' ? { id: task } : task) }) as TaskData,
    )
    return this.orchestrator.run({ tasks: plan }, options)
  }

  /** Runs a plan until it settles, and checks all invariants. */
  async run(tasks: readonly (string | object)[], options?: RunOptions): Promise<FinishedRun> {
    return this.finish(this.start(tasks, options))
  }

  /** Lets time pass until the run has settled and no timer is left, and checks all invariants. */
  async finish(run: Run): Promise<FinishedRun> {
    await this.clock.runUntilIdle()
    const result = await run.result
    const events = await eventsOf(run)
    expectSound(events, run)
    expect(this.clock.pending).toBe(0)
    const tasks = Object.fromEntries(result.tasks.map(task => [task.id, task]))
    return { run, result, events, tasks, records: this.journal.durableRecords(run.id) }
  }
}

/** A settled run. */
export interface FinishedRun {
  readonly run: Run
  readonly result: RunResult
  readonly events: readonly RunEvent[]
  readonly tasks: Readonly<Record<string, TaskResult>>
  /** Empty when the test brought its own journal. */
  readonly records: readonly JournalRecord[]
}

export async function eventsOf(run: Run): Promise<readonly RunEvent[]> {
  const events: RunEvent[] = []
  for await (const event of run.events()) events.push(event)
  return events
}

const TERMINAL = ['task.succeeded', 'task.dead', 'task.skipped', 'task.cancelled']

/** The invariants of a settled run: one terminal event per task, no attempt twice, no gap in `seq`, and the state equals the replayed events. */
export function expectSound(events: readonly RunEvent[], run: Run): void {
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_, i) => i + 1))
  expect(events.filter(({ type }) => type === 'run.settled')).toEqual([events.at(-1)])
  const ends = events.filter(({ type }) => TERMINAL.includes(type)).map(event => (event as { taskId: string }).taskId)
  const ids = events.flatMap(event => (event.type === 'task.added' ? [event.taskId] : []))
  expect(ends.toSorted()).toEqual(ids.toSorted())
  const starts = events.flatMap(event => (event.type === 'attempt.started' ? [`${event.taskId} ${event.attempt}`] : []))
  expect(starts).toEqual([...new Set(starts)])
  expect(replay(run.id, events).counts).toEqual(run.progress().counts)
}

/** The whole result, for comparison. */
export function resultAsJson({ result }: Pick<FinishedRun, 'result'>): unknown {
  return JSON.parse(JSON.stringify(result))
}

/** Resumes the run from its journal in another orchestrator. */
export async function resumed(fixture: Fixture, runId: string): Promise<FinishedRun> {
  const next = new Fixture(() => 'not called again', { journal: fixture.journal.afterCrash() })
  return next.finish(await next.orchestrator.resume(runId))
}

/** Waits for one turn of the event loop. */
export function turn(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}
