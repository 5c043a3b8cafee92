import { execFile } from 'node:child_process'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { setImmediate as nextTurn } from 'node:timers/promises'

/**
 * The variable that marks every process of an attempt. Tags nest: an orchestrator inside an agent adds its own after a
 * dot.
 */
export const TAG_VARIABLE = 'COUNTERPOINT_RUN_TAG'

/** One living process of the machine. `pid` and `start` together are its identity: pids are used again. */
export interface ProcessRow {
  readonly pid: number
  readonly ppid: number
  readonly group: number
  /** When it started, in the platform's own unit. */
  readonly start: number
  /** The attempts that it belongs to, by its environment. Empty where environments cannot be read. */
  readonly tags: readonly string[]
}

/** What one look at the machine showed. Zombies are not in it: they are dead, only not yet buried. */
export interface ProcessTable {
  readonly rows: readonly ProcessRow[]
  /** False when a process died or changed its program under our eyes: it, or a child of it, may have been missed. */
  readonly steady: boolean
}

/** True where `/proc` is Linux's and shows the process ids that we know, too. */
export const hasProc: boolean = process.platform === 'linux' && procIsOurs()

function procIsOurs(): boolean {
  try {
    return readlinkSync('/proc/self') === String(process.pid)
  } catch {
    return false
  }
}

/** The longest that a look at the machine holds up the event loop at a time, in milliseconds. */
const SLICE_MS = 2

/**
 * The processes that started at `since` or later.
 *
 * Measured on Node 20: 12 us a process, and 11 us more for each that is young enough to have its environment read,
 * which makes 1 ms on a machine with 75 processes and 13 ms with 1,000. So it is done in slices, and attempts that end
 * together share one look.
 * Invariant: what a caller gets was read wholly after it asked.
 */
export function listProcesses(since: number): Promise<ProcessTable> {
  upcoming ??= { since, table: lookNext() }
  upcoming.since = Math.min(upcoming.since, since)
  return upcoming.table
}

let upcoming: { since: number; readonly table: Promise<ProcessTable> } | undefined
let current: Promise<ProcessTable> | undefined

async function lookNext(): Promise<ProcessTable> {
  await current?.catch(() => undefined)
  const since = upcoming!.since
  upcoming = undefined
  current = hasProc ? scanInSlices(since) : scanWithPs()
  return current
}

/** The same at once, for the moment in which the host exits. Empty where there is no `/proc`. */
export function listProcessesNow(since: number): ProcessTable {
  if (!hasProc) return { rows: [], steady: true }
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
 * BAD: to believe a look that found nobody. Who was listed may have had a child and died before we came to read it: the
 * child is not in our list. GOOD: to look again when one of the listed is dead that was not dead at the look before.
 */
function* scan(since: number): Generator<void, ProcessTable> {
  const rows: ProcessRow[] = []
  const dead = new Set<string>()
  let steady = true
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    yield
    const stat = readStat(name)
    if (stat === undefined) steady = false
    if (stat === undefined || stat.start < since || stat.kernel) continue
    if (stat.dead) {
      const id = `${name}:${stat.start}`
      steady &&= zombies.has(id)
      dead.add(id)
      continue
    }
    const tags = readTags(name)
    if (tags === undefined) steady = false
    rows.push({ pid: Number(name), ppid: stat.ppid, group: stat.group, start: stat.start, tags: tags ?? [] })
  }
  zombies = dead
  return { rows, steady }
}

/** Those of the last look: some hosts let them lie around for long. */
let zombies: ReadonlySet<string> = new Set()

/**
 * When the process `pid` started, as in {@link ProcessRow.start}; undefined when it is gone or not to be told. Never
 * throws.
 */
export function startOf(pid: number): number | undefined {
  try {
    return hasProc ? readStat(String(pid))?.start : undefined
  } catch {
    return undefined
  }
}

/** False when the process of this row is gone and its pid may be another's. True, unseen, where there is no `/proc`. */
export function isStill(row: ProcessRow): boolean {
  return !hasProc || startOf(row.pid) === row.start
}

interface Stat {
  readonly dead: boolean
  readonly kernel: boolean
  readonly ppid: number
  readonly group: number
  readonly start: number
}

const KERNEL_THREAD = 0x00200000

function readStat(pid: string): Stat | undefined {
  const text = readProc(`/proc/${pid}/stat`)
  if (text === undefined) return undefined
  // The name of the program stands in parentheses and may hold some itself: the other fields come after the last.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return {
    dead: fields[0] === 'Z' || fields[0] === 'X',
    kernel: (Number(fields[6]) & KERNEL_THREAD) !== 0,
    ppid: Number(fields[1]),
    group: Number(fields[2]),
    start: Number(fields[19]),
  }
}

/**
 * Undefined when it is not to be told at the moment: gone, or between two programs, when the environment is empty for
 * an instant.
 */
function readTags(pid: string): readonly string[] | undefined {
  const text = readProc(`/proc/${pid}/environ`)
  if (text === undefined || text === '') return undefined
  const entry = text.split('\0').find(line => line.startsWith(`${TAG_VARIABLE}=`))
  return entry === undefined ? [] : entry.slice(TAG_VARIABLE.length + 1).split('.')
}

/** Undefined when the process is gone. What we may not read (another user's) tells nothing. */
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

/** macOS and the BSDs: no environments, so a child that left its group is found through living parents only. */
function scanWithPs(): Promise<ProcessTable> {
  return new Promise(resolve => {
    const options = { env: { LC_ALL: 'C' }, maxBuffer: 2 ** 26 }
    execFile('/bin/ps', ['-A', '-o', PS_COLUMNS], options, (_error, text) => {
      resolve({ rows: parsePs(text), steady: true })
    })
  })
}

/** The rows of `ps -A -o pid=,ppid=,pgid=,stat=,lstart=`; what is no row is left out. */
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
