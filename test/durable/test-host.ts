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

/** Where the journal of a life is kept. */
export type JournalKind = 'memory' | 'slow' | 'file'

/** Each kind of journal. */
export const JOURNAL_KINDS: readonly JournalKind[] = ['memory', 'slow', 'file']

/** What a life may be told. */
export interface TestHostOptions extends Partial<Omit<OrchestratorOptions, 'pools' | 'journal'>> {
  /** Of the pool `p`, whose agents answer with the id of their task. */
  readonly pool?: Partial<PoolOptions>
  /** What the wall clock says at first, against the one of the life before. Default: the same. */
  readonly jumpMs?: number
  /** Another orchestrator's journal, to use it at the same time. */
  readonly journal?: Journal
}

/**
 * One process in the life of runs, from its start to a death that it does not see coming: an orchestrator under a virtual clock, with
 * a journal of one kind. The next life finds what was durable then, and the run goes on there, whatever the dead one still does.
 */
export class TestHost {
  readonly clock: VirtualClock
  readonly backend: MockBackend
  readonly journal: Journal
  readonly orchestrator: Orchestrator
  /** What was heard on `error`. */
  readonly errors: HostError[] = []
  /** Of a journal in files. */
  readonly folder: string
  readonly #keeping: JournalKind

  constructor(kind: JournalKind, options: TestHostOptions = {}, folder = temporaryFolder(kind), startAt?: number) {
    const { pool, jumpMs = 0, journal, ...rest } = options
    this.#keeping = kind
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

  /** The process is killed now, and another one starts. */
  async next(options: TestHostOptions = {}): Promise<TestHost> {
    const { journal: _, ...same } = options
    const folder = temporaryFolder(this.#keeping)
    if (this.#keeping === 'file') cpSync(this.folder, folder, { recursive: true })
    const host = new TestHost(this.#keeping, same, folder, this.clock.now())
    if (this.#keeping === 'memory') await copyRecords(this.journal, host.journal)
    if (this.#keeping !== 'slow') return host
    const copied = copyRecords(this.journal, host.journal)
    while (!(await isDone(copied))) await (host.journal as SlowJournal).flush()
    return host
  }

  /** Lets promises, files and `ms` of virtual time go on until something is so. */
  async until(isSo: () => unknown, ms = 0): Promise<void> {
    const deadline = performance.now() + 10_000
    while (!isSo()) {
      if (performance.now() > deadline) throw new Error(`still not so after 10 s: ${isSo}; on error: ${this.#told}`)
      await this.clock.advance(ms === 0 && this.#keeping === 'slow' ? 1 : ms)
      await pause()
    }
  }

  get #told(): string {
    return this.errors.map(({ where, error }) => `${where}: ${error}`).join('; ') || 'nothing'
  }

  /** Waits for what comes of `work`, while time passes. */
  async done<T>(work: Promise<T>, ms = 10): Promise<T> {
    let isOver = false
    const over = (): void => {
      isOver = true
    }
    work.then(over, over)
    await this.until(() => isOver, ms)
    return work
  }

  /** Until a task has a state, as it is durable. */
  reached(run: Run, id: string, status: string): Promise<void> {
    return this.until(() => run.task(id)?.status === status)
  }

  /** `a1 b1 a2`: the attempts whose backend was called. */
  get called(): string {
    return this.backend.calls.map(({ taskId, attempt }) => `${taskId}${attempt}`).join(' ')
  }

  /** What the journal holds of a run, for whoever looks. */
  async records(runId: string): Promise<readonly JournalRecord[]> {
    const records: JournalRecord[] = []
    for await (const record of this.journal.read(runId)) records.push(record)
    return records
  }
}

/** All events of a run that has settled or was suspended. */
export async function eventsOf(run: Run): Promise<readonly RunEvent[]> {
  const events: RunEvent[] = []
  for await (const event of run.events()) events.push(event)
  return events
}

/** A folder that is gone when the test has ended. */
export function temporaryFolder(kind: JournalKind = 'file'): string {
  if (kind !== 'file') return ''
  const folder = mkdtempSync(join(tmpdir(), 'counterpoint-durable-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** A turn of the event loop, with all that files have to say. */
function pause(): Promise<void> {
  return new Promise(resolve => setTimeout(() => setImmediate(resolve), 0))
}

function newJournal(kind: JournalKind, clock: VirtualClock, folder: string): Journal {
  if (kind === 'memory') return memoryJournal()
  return kind === 'slow' ? slowJournal({ clock, delayMs: 1 }) : closedAfterTest(fileJournal({ folder }))
}

/**
 * A journal of which nothing is open when the test has ended. The kernel's lock on a run hangs on the inode of its folder: who held it
 * longer than the folder is there would lock one that comes later, of another test.
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
