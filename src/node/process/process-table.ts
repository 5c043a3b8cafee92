import { execFile } from 'node:child_process'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { setImmediate as nextTurn } from 'node:timers/promises'

/** The environment variable that marks every process of an attempt. Tags nest: an orchestrator inside an agent appends its own after a dot. */
export const TAG_VARIABLE = 'COUNTERPOINT_RUN_TAG'

/** A running process. `pid` and `start` together identify it: pids are reused. */
export interface ProcessRow {
  readonly pid: number
  readonly ppid: number
  readonly group: number
  /** Absent where `ps` is used. */
  readonly session?: number
  /** When it started, in the platform's unit. */
  readonly start: number
  /** The attempts that it belongs to, from its environment. Empty where environments cannot be read. */
  readonly tags: readonly string[]
}

/** The result of one scan. Without zombies, which are dead. */
export interface ProcessTable {
  readonly rows: readonly ProcessRow[]
  /** False when a process ended or changed its program during the scan: it, or a child of it, may be missing. */
  readonly isReliable: boolean
}

/** True where `/proc` is Linux's and shows the process ids of our own namespace. */
export const hasProc: boolean = process.platform === 'linux' && procHasOurPid()

function procHasOurPid(): boolean {
  try {
    return readlinkSync('/proc/self') === String(process.pid)
  } catch {
    return false
  }
}

/** The longest that a scan blocks the event loop at a time, in milliseconds. */
const SLICE_MS = 2

/**
 * The processes that started at `since` or later.
 *
 * Measured on Node 20: 12 us a process, and 11 us more for each whose environment is read: 1 ms on a machine with 75 processes, 13 ms with
 * 1,000. So the scan is done in slices, and attempts that end together share one.
 * Invariant: a caller gets a scan that began after its call.
 */
export function listProcesses(since: number): Promise<ProcessTable> {
  upcoming ??= { since, table: scanNext() }
  upcoming.since = Math.min(upcoming.since, since)
  return upcoming.table
}

let upcoming: { since: number; readonly table: Promise<ProcessTable> } | undefined
let current: Promise<ProcessTable> | undefined

async function scanNext(): Promise<ProcessTable> {
  await current?.catch(() => undefined)
  const since = upcoming!.since
  upcoming = undefined
  current = hasProc ? scanInSlices(since) : scanWithPs()
  return current
}

/** The same, synchronously, for the exit of the host. Empty where there is no `/proc`. */
export function listProcessesNow(since: number): ProcessTable {
  if (!hasProc) return { rows: [], isReliable: true }
  const steps = scan(since)
  for (;;) {
    const step = steps.next()
    if (step.done) return step.value
  }
}

async function scanInSlices(since: number): Promise<ProcessTable> {
  const steps = scan(since)
  let sliceEnd = performance.now() + SLICE_MS
  for (;;) {
    const step = steps.next()
    if (step.done) return step.value
    if (performance.now() < sliceEnd) continue
    await nextTurn()
    sliceEnd = performance.now() + SLICE_MS
  }
}

/**
 * BAD: trust a scan that found nothing. A listed process may have forked and died before it was read; its child is not in the list.
 * GOOD: scan again if a listed process is dead that was not dead in the previous scan.
 */
function* scan(since: number): Generator<void, ProcessTable> {
  const rows: ProcessRow[] = []
  const dead = new Set<string>()
  let isReliable = true
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    yield
    const stat = readStat(name)
    if (stat === undefined) isReliable = false
    if (stat === undefined || stat.start < since || stat.kernel) continue
    if (stat.dead) {
      const id = `${name}:${stat.start}`
      isReliable &&= zombies.has(id)
      dead.add(id)
      continue
    }
    const tags = readTags(name)
    if (tags === undefined) isReliable = false
    const { ppid, group, session, start } = stat
    rows.push({ pid: Number(name), ppid, group, session, start, tags: tags ?? [] })
  }
  zombies = dead
  return { rows, isReliable }
}

/** The zombies of the last scan: some hosts do not reap them for a long time. */
let zombies: ReadonlySet<string> = new Set()

/** When the process `pid` started, as in {@link ProcessRow.start}; undefined when it has ended or that is unknown. Never throws. */
export function startOf(pid: number): number | undefined {
  try {
    return hasProc ? readStat(String(pid))?.start : undefined
  } catch {
    return undefined
  }
}

/** The session of this process; undefined when that is unknown. It does not change. */
export function ownSession(): number | undefined {
  own ??= { session: hasProc ? readStat(String(process.pid))?.session : undefined }
  return own.session
}

let own: { readonly session: number | undefined } | undefined

/** False when the process of this row has ended, so that its pid may be reused. Always true where there is no `/proc`. */
export function isSameProcess(row: ProcessRow): boolean {
  return !hasProc || startOf(row.pid) === row.start
}

interface Stat {
  readonly dead: boolean
  readonly kernel: boolean
  readonly ppid: number
  readonly group: number
  readonly session: number
  readonly start: number
}

const KERNEL_THREAD = 0x00200000

function readStat(pid: string): Stat | undefined {
  const text = readProc(`/proc/${pid}/stat`)
  if (text === undefined) return undefined
  // The name of the program is in parentheses and may contain some: the other fields follow the last one.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return {
    dead: fields[0] === 'Z' || fields[0] === 'X',
    kernel: (Number(fields[6]) & KERNEL_THREAD) !== 0,
    ppid: Number(fields[1]),
    group: Number(fields[2]),
    session: Number(fields[3]),
    start: Number(fields[19]),
  }
}

/** Undefined when unknown at the moment: the process has ended, or is between two programs, when its environment is empty for an instant. */
function readTags(pid: string): readonly string[] | undefined {
  const text = readProc(`/proc/${pid}/environ`)
  if (text === undefined || text === '') return undefined
  const entry = text.split('\0').find(line => line.startsWith(`${TAG_VARIABLE}=`))
  return entry === undefined ? [] : entry.slice(TAG_VARIABLE.length + 1).split('.')
}

/** Undefined when the process has ended. A file of another user counts as one without content. */
function readProc(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1')
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'ENOENT' || code === 'ESRCH') return undefined
    if (code === 'EACCES' || code === 'EPERM') return 'hidden'
    throw error
  }
}

const PS_COLUMNS = 'pid=,ppid=,pgid=,stat=,lstart='

/** macOS and the BSDs: without environments, a child that left its group is found only through its running parent. */
function scanWithPs(): Promise<ProcessTable> {
  return new Promise(resolve => {
    const options = { env: { LC_ALL: 'C' }, maxBuffer: 2 ** 26 }
    execFile('/bin/ps', ['-A', '-o', PS_COLUMNS], options, (_error, text) => {
      resolve({ rows: parsePs(text), isReliable: true })
    })
  })
}

/** Parses `ps -A -o pid=,ppid=,pgid=,stat=,lstart=`, and ignores invalid lines. */
export function parsePs(text: string): ProcessRow[] {
  const rows: ProcessRow[] = []
  for (const line of text.split('\n')) {
    const [pid, ppid, group, state = 'Z', ...started] = line.trim().split(/\s+/)
    if (state.startsWith('Z')) continue
    rows.push({
      pid: Number(pid),
      ppid: Number(ppid),
      group: Number(group),
      start: Date.parse(started.join(' ')),
      tags: [],
    })
  }
  return rows
}
