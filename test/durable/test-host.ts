import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type HostError,
  type Journal,
  type JournalRecord,
  memoryJournal,
  type OpenJournal,
  Orchestrator,
  type OrchestratorOptions,
  type PoolOptions,
  type Run,
  type RunEvent,
} from 'counterpoint'
import { fileJournal } from 'counterpoint/node'
import { MockBackend, type SlowJournal, slowJournal, VirtualClock } from 'counterpoint/testing'
import { onTestFinished } from 'vitest'

/** The kind of journal of a host. */
export type JournalKind = 'memory' | 'slow' | 'file'

/** All kinds of journals. */
export const JOURNAL_KINDS: readonly JournalKind[] = ['memory', 'slow', 'file']

/** Options of a {@link TestHost}. */
export interface TestHostOptions extends Partial<Omit<OrchestratorOptions, 'pools' | 'journal'>> {
  /** Options of the pool `p`, whose agents answer with the id of their task. */
  readonly pool?: Partial<PoolOptions>
  /** The jump of the wall clock against the previous host. Default 0. */
  readonly jumpMs?: number
  /** The journal of another orchestrator, to use it concurrently. */
  readonly journal?: Journal
}

/**
 * A simulated host process: an orchestrator with a virtual clock and a journal of one kind. `next()` simulates a crash and a new process,
 * which finds only durable data, whatever the old one still does.
 */
export class TestHost {
  readonly clock: VirtualClock
  readonly backend: MockBackend
  readonly journal: Journal
  readonly orchestrator: Orchestrator
  /** The `error` events. */
  readonly errors: HostError[] = []
  /** The folder of a file journal. */
  readonly folder: string
  readonly #kind: JournalKind

  constructor(kind: JournalKind, options: TestHostOptions = {}, folder = temporaryFolder(kind), startAt?: number) {
    const { pool, jumpMs = 0, journal, ...rest } = options
    this.#kind = kind
    this.folder = folder
    this.clock = new VirtualClock({ startAt: (startAt ?? Date.UTC(2026, 0, 1)) + jumpMs })
    this.journal = journal ?? newJournal(kind, this.clock, folder)
    this.backend = new MockBackend({ clock: this.clock }).answer('*', request => request.task.id)
    this.orchestrator = new Orchestrator({
      clock: this.clock,
      random: () => 0.5,
      journal: this.journal,
      pools: { p: { backend: this.backend, ...pool } },
      ...rest,
    })
    this.orchestrator.on('error', error => void this.errors.push(error))
  }

  /** Simulates a crash, and returns a new host. */
  async next(options: TestHostOptions = {}): Promise<TestHost> {
    const { journal: _, ...same } = options
    const folder = temporaryFolder(this.#kind)
    if (this.#kind === 'file') cpSync(this.folder, folder, { recursive: true })
    const host = new TestHost(this.#kind, same, folder, this.clock.now())
    if (this.#kind === 'memory') await copyRecords(this.journal, host.journal)
    if (this.#kind !== 'slow') return host
    const copied = copyRecords(this.journal, host.journal)
    while (!(await isDone(copied))) await (host.journal as SlowJournal).flush()
    return host
  }

  /** Lets promises, files and `ms` of virtual time per step proceed until `holds` returns true. */
  async until(holds: () => unknown, ms = 0): Promise<void> {
    const deadline = performance.now() + 10_000
    while (!holds()) {
      if (performance.now() > deadline) throw new Error(`still false after 10 s: ${holds}; errors: ${this.#errorText}`)
      await this.clock.advance(ms === 0 && this.#kind === 'slow' ? 1 : ms)
      await nextTurn()
    }
  }

  get #errorText(): string {
    return this.errors.map(({ where, error }) => `${where}: ${error}`).join('; ') || 'nothing'
  }

  /** Awaits `work` while time passes. */
  async done<T>(work: Promise<T>, ms = 10): Promise<T> {
    let isOver = false
    const over = (): void => {
      isOver = true
    }
    work.then(over, over)
    await this.until(() => isOver, ms)
    return work
  }

  /** Resolves when the durable state of a task is `status`. */
  reached(run: Run, id: string, status: string): Promise<void> {
    return this.until(() => run.task(id)?.status === status)
  }

  /** `a1 b1 a2`: the attempts whose backend was called. */
  get called(): string {
    return this.backend.calls.map(({ taskId, attempt }) => `${taskId}${attempt}`).join(' ')
  }

  /** The records of a run in the journal. */
  async records(runId: string): Promise<readonly JournalRecord[]> {
    const records: JournalRecord[] = []
    for await (const record of this.journal.read(runId)) records.push(record)
    return records
  }
}

/** All events of a settled or suspended run. */
export async function eventsOf(run: Run): Promise<readonly RunEvent[]> {
  const events: RunEvent[] = []
  for await (const event of run.events()) events.push(event)
  return events
}

/** A folder that is deleted at the end of the test. */
export function temporaryFolder(kind: JournalKind = 'file'): string {
  if (kind !== 'file') return ''
  const folder = mkdtempSync(join(tmpdir(), 'counterpoint-durable-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** One turn of the event loop, including file callbacks. */
function nextTurn(): Promise<void> {
  return new Promise(resolve => setTimeout(() => setImmediate(resolve), 0))
}

function newJournal(kind: JournalKind, clock: VirtualClock, folder: string): Journal {
  if (kind === 'memory') return memoryJournal()
  return kind === 'slow' ? slowJournal({ clock, delayMs: 1 }) : closedAfterTest(fileJournal({ folder }))
}

/**
 * Closes everything that was opened in a journal at the end of the test. The kernel's lock on a run belongs to the inode of its folder: if it
 * outlived the folder, it could lock a folder of another test that reuses the inode.
 */
export function closedAfterTest(journal: Journal): Journal {
  const opened: OpenJournal[] = []
  onTestFinished(async () => void (await Promise.allSettled(opened.map(open => open.close()))))
  const open: Journal['open'] = async (runId, host) => {
    const run = await journal.open(runId, host)
    opened.push(run)
    return run
  }
  return { ...journal, open }
}

async function copyRecords(from: Journal, to: Journal): Promise<void> {
  for (const runId of await from.list()) {
    const open = await to.open(runId)
    for await (const record of from.read(runId)) await open.append(JSON.parse(JSON.stringify(record)) as JournalRecord)
    await open.close()
  }
}

async function isDone(work: Promise<unknown>): Promise<boolean> {
  return Promise.race([work.then(() => true), new Promise<false>(resolve => setImmediate(() => resolve(false)))])
}
