import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type EventOf, type Json, type RunEvent, type RunState, replay, type TaskSpec } from 'counterpoint'
import { fileJournal } from 'counterpoint/node'
import type { Dice } from '../support/dice.js'
import { checkHistory } from '../support/history.js'
import type { Part } from './crash-plan.js'
import { processesOf } from './processes.js'

/** When a host is killed: so long after its start, or after it has said so many lines. */
type Doom = { readonly afterMs: number } | { readonly afterLines: number; readonly laterMs: number } | undefined

/** Longer than this no host takes, in milliseconds: one that hangs fails the test. */
const PATIENCE_MS = 60_000

/** A run whose process is killed again and again, and what was heard of it. */
export class CrashRun {
  /** How often a host of it was killed in the middle. */
  crashes = 0
  /** How many attempts were under way when that came. */
  interrupted = 0
  readonly #program: string
  readonly #folder: string
  readonly #seed: string
  /** Another one for each: what is left of attempts is known by it. */
  readonly #runId: string
  readonly #heard: RunEvent[] = []
  readonly #errors: string[] = []
  #settled: { readonly outcome: string; readonly outputs: Record<string, Json> } | undefined

  constructor(buildProgram: string, folder: string, seed: string) {
    this.#program = buildProgram
    this.#folder = folder
    this.#seed = seed
    this.#runId = `run-${seed}`
    mkdirSync(folder, { recursive: true })
  }

  /** Starts a host, kills it up to `kills` times, each time another one, and lets the last one come to the end. */
  async play(kills: number, dice: Dice): Promise<void> {
    for (let left = kills; this.#settled === undefined; left--) {
      const killed = await this.#host(left > 0 ? doom(dice) : undefined)
      assert.ok(killed || this.#settled, 'a host that is not killed goes on until the run has settled')
      if (killed && this.#settled === undefined) this.crashes++
    }
  }

  /** True when it was killed. */
  async #host(end: Doom): Promise<boolean> {
    const host = spawn(process.execPath, [this.#program, this.#folder, this.#seed], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const exited = new Promise<string | number | null>(resolve => host.once('exit', (code, by) => resolve(by ?? code)))
    const patience = setTimeout(() => host.kill('SIGABRT'), PATIENCE_MS)
    const calledOff = end && 'afterMs' in end ? setTimeout(() => host.kill('SIGKILL'), end.afterMs) : undefined
    let said = ''
    host.stderr.on('data', (text: Buffer) => {
      said += text
    })
    await this.#listen(host, end)
    const how = await exited
    clearTimeout(patience)
    clearTimeout(calledOff)
    assert.ok(how === 0 || how === 'SIGKILL', `a host ended by ${how}: ${said}`)
    return how === 'SIGKILL'
  }

  /** What a host has said is read to the end, also when it is dead. */
  async #listen(host: ChildProcess, end: Doom): Promise<void> {
    let lines = 0
    for await (const line of createInterface({ input: host.stdout! })) {
      if (end && 'afterLines' in end && ++lines === end.afterLines) setTimeout(() => host.kill('SIGKILL'), end.laterMs)
      const [, word, json] = /^(\w+) (.*)$/.exec(line)!
      const value: unknown = JSON.parse(json!)
      if (word === 'heard') this.#hear(value as RunEvent)
      if (word === 'error') this.#errors.push(value as string)
      if (word === 'settled') this.#settled = value as { outcome: string; outputs: Record<string, Json> }
    }
  }

  #hear(event: RunEvent | { readonly type: 'attempt.progressed' }): void {
    if (event.type !== 'attempt.progressed') this.#heard.push(event)
  }

  /** All that must be so of a run that was killed, whenever that was. */
  async check(): Promise<void> {
    const events = await this.#journal()
    this.interrupted = events.filter(e => e.type === 'attempt.failed' && e.failure.kind === 'interrupted').length
    checkHistory(events)
    this.#checkHeard(events)
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

  /** What was heard has happened for ever, once: it stands in the journal as it was told. */
  #checkHeard(events: readonly RunEvent[]): void {
    let last = 0
    for (const event of this.#heard) {
      assert.ok(event.seq > last, `event ${event.seq} was heard after event ${last}`)
      last = event.seq
      assert.deepEqual(events[event.seq - 1], event, 'what was heard is kept')
    }
    const settled = events.at(-1) as EventOf<'run.settled'>
    const outputs = Object.fromEntries(events.flatMap(e => (e.type === 'task.succeeded' ? [[e.taskId, e.output]] : [])))
    assert.deepEqual(this.#settled, { outcome: settled.outcome, outputs }, 'the result is what the journal holds')
  }

  /** Agents note each of their starts: none but those that were durable, each once, and none of what had succeeded. */
  #checkStarts(events: readonly RunEvent[]): void {
    const path = join(this.#folder, 'starts')
    const starts = existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n').filter(Boolean) : []
    const durable = new Set(events.flatMap(e => (e.type === 'attempt.started' ? [`${e.key} ${e.attempt}`] : [])))
    assert.equal(new Set(starts).size, starts.length, 'an attempt calls its agent at most once')
    for (const start of starts) assert.ok(durable.has(start), `${start} was durable before its agent was called`)
    for (const event of events)
      if (event.type === 'task.succeeded')
        assert.ok(
          !starts.includes(`${this.#runId}/${event.taskId}/1 ${event.attempt + 1}`),
          `${event.taskId} ran again`,
        )
  }
}

/** Failures cost retries, interruptions have a limit of their own, and each task came to the end that its agent makes. */
function checkCounting({ specs, states, tallies }: RunState, events: readonly RunEvent[]): void {
  for (const [index, spec] of specs.entries()) {
    const { failures, interrupted } = tallies[index]!
    const state = states[index]!
    const { retries = 2 } = spec
    const what = `${spec.id} (${spec.description}) is ${state.status}, after ${failures} failures and ${interrupted} interruptions: ${storyOf(events, spec.id)}`
    const byInterruption = state.status === 'dead' && state.failure.kind === 'interrupted'
    if (byInterruption) assert.ok(interrupted === 4 && failures <= retries, what)
    else if (state.status === 'dead') assert.ok(failures === retries + 1 && interrupted <= 3, what)
    else assert.ok(failures <= retries && interrupted <= 3, what)
    if (!byInterruption && state.status !== 'skipped') assert.equal(state.status, endOf(spec), what)
  }
}

/** What became of the attempts of a task, in short. */
function storyOf(events: readonly RunEvent[], id: string): string {
  return events
    .flatMap(e => (e.type === 'attempt.failed' && e.taskId === id ? [`${e.attempt} ${JSON.stringify(e.failure)}`] : []))
    .join('; ')
}

function endOf({ context }: TaskSpec): string {
  const { fate } = context as unknown as Part
  return ['fails', 'hangs', 'stubborn', 'poison'].includes(fate) ? 'dead' : 'succeeded'
}

/** Half of the dooms come at a time, in a start or a resumption too; half after a line, wherever that is. */
function doom(dice: Dice): Doom {
  if (dice.chance(0.5)) return { afterMs: dice.below(dice.chance(0.3) ? 150 : 900) }
  return { afterLines: 1 + dice.below(50), laterMs: dice.below(30) }
}
