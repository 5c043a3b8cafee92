import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { EventOf, Json, RunEvent, TaskSpec } from 'counterpoint'
import { fileJournal } from 'counterpoint/node'
import { replay } from '../../src/core/state/evolve.js'
import type { RunState } from '../../src/core/state/run-state.js'
import { checkHistory } from '../support/history.js'
import type { SeededRandom } from '../support/seeded-random.js'
import type { Instructions } from './crash-plan.js'
import { processesOf } from './processes.js'

/** When a host is killed: some time after its start, or after it has printed some lines. */
type KillTime = { readonly afterMs: number } | { readonly afterLines: number; readonly laterMs: number } | undefined

/** A host that takes longer hangs, which fails the test. */
const MAX_HOST_MS = 60_000

/** A run whose host is killed repeatedly, and the events that its hosts emitted. */
export class CrashRun {
  /** How often a host was killed before the run settled. */
  crashes = 0
  /** The number of attempts that the kills interrupted. */
  interrupted = 0
  readonly #program: string
  readonly #folder: string
  readonly #seed: string
  /** Unique: identifies the processes that its attempts leave. */
  readonly #runId: string
  readonly #emitted: RunEvent[] = []
  readonly #errors: string[] = []
  #settled: { readonly outcome: string; readonly outputs: Record<string, Json> } | undefined

  constructor(buildProgram: string, folder: string, seed: string) {
    this.#program = buildProgram
    this.#folder = folder
    this.#seed = seed
    this.#runId = `run-${seed}`
    mkdirSync(folder, { recursive: true })
  }

  /** Starts hosts one after the other, kills the first `kills` of them, and lets the last one finish the run. */
  async play(kills: number, dice: SeededRandom): Promise<void> {
    for (let left = kills; this.#settled === undefined; left--) {
      const killed = await this.#host(left > 0 ? killTime(dice) : undefined)
      assert.ok(killed || this.#settled, 'a host that is not killed finishes the run')
      if (killed && this.#settled === undefined) this.crashes++
    }
  }

  /** True when it was killed. */
  async #host(end: KillTime): Promise<boolean> {
    const host = spawn(process.execPath, [this.#program, this.#folder, this.#seed], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const exited = new Promise<string | number | null>(resolve => host.once('exit', (code, by) => resolve(by ?? code)))
    const limit = setTimeout(() => host.kill('SIGABRT'), MAX_HOST_MS)
    const kill = end && 'afterMs' in end ? setTimeout(() => host.kill('SIGKILL'), end.afterMs) : undefined
    let stderr = ''
    host.stderr.on('data', (text: Buffer) => {
      stderr += text
    })
    await this.#listen(host, end)
    const how = await exited
    clearTimeout(limit)
    clearTimeout(kill)
    assert.ok(how === 0 || how === 'SIGKILL', `a host ended by ${how}: ${stderr}`)
    return how === 'SIGKILL'
  }

  /** Reads the output of a host to the end, even after it was killed. */
  async #listen(host: ChildProcess, end: KillTime): Promise<void> {
    let lines = 0
    for await (const line of createInterface({ input: host.stdout! })) {
      if (end && 'afterLines' in end && ++lines === end.afterLines) setTimeout(() => host.kill('SIGKILL'), end.laterMs)
      const [, word, json] = /^(\w+) (.*)$/.exec(line)!
      const value: unknown = JSON.parse(json!)
      if (word === 'event') this.#onEvent(value as RunEvent)
      if (word === 'error') this.#errors.push(value as string)
      if (word === 'settled') this.#settled = value as { outcome: string; outputs: Record<string, Json> }
    }
  }

  #onEvent(event: RunEvent | { readonly type: 'attempt.progressed' }): void {
    if (event.type !== 'attempt.progressed') this.#emitted.push(event)
  }

  /** Checks everything that must hold whenever the hosts were killed. */
  async check(): Promise<void> {
    const events = await this.#journal()
    this.interrupted = events.filter(e => e.type === 'attempt.failed' && e.failure.kind === 'interrupted').length
    checkHistory(events)
    this.#checkEmitted(events)
    this.#checkStarts(events)
    checkCounting(replay(this.#runId, events), events)
    assert.deepEqual(processesOf(this.#folder), [], 'no process is left')
    // A torn write is reported, and nothing else goes wrong.
    for (const error of this.#errors) assert.match(error, /torn/)
  }

  async #journal(): Promise<readonly RunEvent[]> {
    const events: RunEvent[] = []
    for await (const record of fileJournal({ folder: join(this.#folder, 'runs') }).read(this.#runId))
      events.push(...record)
    return events
  }

  /** Every emitted event is in the journal, unchanged, and was emitted in order. */
  #checkEmitted(events: readonly RunEvent[]): void {
    let last = 0
    for (const event of this.#emitted) {
      assert.ok(event.seq > last, `event ${event.seq} was emitted after event ${last}`)
      last = event.seq
      assert.deepEqual(events[event.seq - 1], event, 'an emitted event is in the journal')
    }
    const settled = events.at(-1) as EventOf<'run.settled'>
    const outputs = Object.fromEntries(events.flatMap(e => (e.type === 'task.succeeded' ? [[e.taskId, e.output]] : [])))
    assert.deepEqual(this.#settled, { outcome: settled.outcome, outputs }, 'the result equals the journal')
  }

  /** Agents record their starts: only durable attempts start, once each, and no succeeded task starts again. */
  #checkStarts(events: readonly RunEvent[]): void {
    const path = join(this.#folder, 'starts')
    const starts = existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n').filter(Boolean) : []
    const durable = new Set(events.flatMap(e => (e.type === 'attempt.started' ? [`${e.key} ${e.attempt}`] : [])))
    assert.equal(new Set(starts).size, starts.length, 'each attempt starts its agent at most once')
    for (const start of starts) assert.ok(durable.has(start), `${start} was durable before its agent started`)
    for (const event of events)
      if (event.type === 'task.succeeded')
        assert.ok(
          !starts.includes(`${this.#runId}/${event.taskId}/1 ${event.attempt + 1}`),
          `${event.taskId} ran again`,
        )
  }
}

/** Failures count as retries, interruptions have a limit of their own, and each task ends as its agent determines. */
function checkCounting({ specs, states, tallies }: RunState, events: readonly RunEvent[]): void {
  for (const [index, spec] of specs.entries()) {
    const { failures, interrupted } = tallies[index]!
    const state = states[index]!
    const { retries = 2 } = spec
    const what = `${spec.id} (${spec.description}) is ${state.status}, after ${failures} failures and ${interrupted} interruptions: ${failuresOf(events, spec.id)}`
    const byInterruption = state.status === 'dead' && state.failure.kind === 'interrupted'
    if (byInterruption) assert.ok(interrupted === 4 && failures <= retries, what)
    else if (state.status === 'dead') assert.ok(failures === retries + 1 && interrupted <= 3, what)
    else assert.ok(failures <= retries && interrupted <= 3, what)
    if (!byInterruption && state.status !== 'skipped') assert.equal(state.status, endOf(spec), what)
  }
}

/** The failed attempts of a task, for messages. */
function failuresOf(events: readonly RunEvent[], id: string): string {
  return events
    .flatMap(e => (e.type === 'attempt.failed' && e.taskId === id ? [`${e.attempt} ${JSON.stringify(e.failure)}`] : []))
    .join('; ')
}

function endOf({ context }: TaskSpec): string {
  const { behavior } = context as unknown as Instructions
  return ['fails', 'hangs', 'stubborn', 'poison'].includes(behavior) ? 'dead' : 'succeeded'
}

/** Half of the kills come after a time, during a start or a resume too; half after a line of output. */
function killTime(dice: SeededRandom): KillTime {
  if (dice.chance(0.5)) return { afterMs: dice.below(dice.chance(0.3) ? 150 : 900) }
  return { afterLines: 1 + dice.below(50), laterMs: dice.below(30) }
}
