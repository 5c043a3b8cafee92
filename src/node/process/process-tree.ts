import { type ChildProcess, execFile } from 'node:child_process'
import { systemClock } from 'counterpoint'
import {
  hasProc,
  isSameProcess,
  listProcesses,
  listProcessesNow,
  type ProcessRow,
  type ProcessTable,
  startOf,
} from './process-table.js'

/** How a process ended: one of the two is null. */
export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** Between two scans for processes that have not ended yet, in milliseconds. */
const FIRST_PAUSE_MS = 5
const LONGEST_PAUSE_MS = 250
/** How often an unreliable scan that found nothing is repeated. */
const MAX_UNRELIABLE_SCANS = 2

/**
 * A process that was spawned as leader of its own group, and all its descendants.
 *
 * It consists of: the leader; its group; processes with its tag (Linux); children of a member; members found by an earlier scan.
 * A process escapes if it left its group *and* its tag *and* lost its parent before the first scan. Outside Linux tags cannot be read; on
 * Windows only descendants of a running leader are found. A process of another user that cannot be signalled is not awaited.
 * Invariant: a group is signalled only until its leader is reaped, because until then its number cannot be reused.
 */
export class ProcessTree {
  /** Resolves when the leader has ended. */
  readonly exited: Promise<Exit>
  readonly #pid: number
  readonly #tag: string
  #start: number | undefined
  #leaderIsGone = false
  readonly #seen = new Set<string>()
  readonly #terminated = new Set<string>()
  readonly #notPermitted = new Set<string>()

  constructor(leader: ChildProcess & { readonly pid: number }, tag: string) {
    this.#pid = leader.pid
    this.#tag = tag
    this.#start = startOf(leader.pid)
    this.exited = new Promise(resolve => {
      leader.once('exit', (code, signal) => {
        this.#leaderIsGone = true
        resolve({ code, signal })
      })
    })
    if (running.size === 0) process.on('exit', killAllNow)
    running.add(this)
  }

  /**
   * Sends TERM to all processes, and KILL to those still running after `graceMs`. Resolves when none is left, however long that takes: a
   * process that hangs in the kernel may continue to work.
   */
  async end(graceMs: number): Promise<void> {
    if (process.platform === 'win32') return this.#endOnWindows()
    const killAt = performance.now() + graceMs
    if (await this.#endsBefore(killAt, rows => this.#terminate(rows))) return
    await this.#endsBefore(Number.POSITIVE_INFINITY, rows => this.#kill(rows))
  }

  /** Calls `signal` with the remaining processes until none is left or the deadline has passed. */
  async #endsBefore(deadline: number, signal: (rows: readonly ProcessRow[]) => void): Promise<boolean> {
    let unreliableScans = 0
    let pauseMs = FIRST_PAUSE_MS
    while (performance.now() < deadline) {
      const table = await this.#scan()
      const isEmpty = table !== undefined && table.rows.length === 0 && this.#leaderIsGone
      if (isEmpty && (table.isReliable || unreliableScans++ === MAX_UNRELIABLE_SCANS)) return true
      signal(table?.rows ?? [])
      await this.#pause(Math.min(pauseMs, Math.max(0, deadline - performance.now())))
      pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)
    }
    return false
  }

  /** To be called when the tree has ended: the exit of the host then ignores it. */
  release(): void {
    running.delete(this)
    if (running.size === 0) process.off('exit', killAllNow)
  }

  /** Sends KILL at once, when the host exits. `all` are the processes of the machine. */
  killNow(all: readonly ProcessRow[]): void {
    this.#kill(this.#membersIn(all))
  }

  /** The start of the leader: no other process of the tree is older. */
  get since(): number {
    return this.#start ?? 0
  }

  /** The processes that are left. Undefined when unknown: the host has no free file handle. */
  async #scan(): Promise<ProcessTable | undefined> {
    const isOver = !hasProc && this.#leaderIsGone && this.#seen.size === 0 && !groupExists(this.#pid)
    if (isOver) return { rows: [], isReliable: true }
    const table = await listProcesses(this.since).catch(() => undefined)
    return table && { rows: this.#membersIn(table.rows), isReliable: table.isReliable }
  }

  #membersIn(all: readonly ProcessRow[]): ProcessRow[] {
    if (!this.#leaderIsGone) this.#start ??= all.find(row => row.pid === this.#pid)?.start
    const rows = all.filter(row => row.start >= this.since)
    const pidIsReused = this.#leaderIsGone && rows.some(row => row.pid === this.#pid && row.start !== this.#start)
    const children = byParent(rows)
    const found = new Map<string, ProcessRow>()
    const todo = rows.filter(row => this.#isMember(row, pidIsReused))
    for (const row of todo) {
      if (found.has(identity(row))) continue
      found.set(identity(row), row)
      for (const child of children.get(row.pid) ?? []) todo.push(child)
    }
    for (const id of found.keys()) this.#seen.add(id)
    return [...found.values()].filter(row => !this.#notPermitted.has(identity(row)))
  }

  #isMember(row: ProcessRow, pidIsReused: boolean): boolean {
    if (row.tags.includes(this.#tag) || this.#seen.has(identity(row))) return true
    return !pidIsReused && (row.pid === this.#pid || row.group === this.#pid)
  }

  /** Sends TERM once to each: many programs stop cleaning up after a second one. */
  #terminate(rows: readonly ProcessRow[]): void {
    const signalsGroup = !this.#leaderIsGone && !this.#terminated.has('group')
    if (signalsGroup) signalGroup(this.#pid, 'SIGTERM')
    this.#terminated.add('group')
    for (const row of rows) {
      const wasReached = signalsGroup && row.group === this.#pid
      if (!wasReached && !this.#terminated.has(identity(row))) this.#send(row, 'SIGTERM')
      this.#terminated.add(identity(row))
    }
  }

  #kill(rows: readonly ProcessRow[]): void {
    if (!this.#leaderIsGone) signalGroup(this.#pid, 'SIGKILL')
    for (const row of rows) this.#send(row, 'SIGKILL')
  }

  #send(row: ProcessRow, signal: NodeJS.Signals): void {
    if (!isSameProcess(row)) return
    try {
      process.kill(row.pid, signal)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EPERM') this.#notPermitted.add(identity(row))
    }
  }

  /** Ends early when the leader ends. */
  #pause(ms: number): Promise<void> {
    return new Promise(resolve => {
      const cancel = systemClock.schedule(resolve, ms)
      if (this.#leaderIsGone) return
      void this.exited.then(() => {
        cancel()
        resolve()
      })
    })
  }

  /** Windows has no TERM: ends the tree at once. */
  async #endOnWindows(): Promise<void> {
    if (this.#leaderIsGone) return
    const program = `${process.env.SystemRoot ?? 'C:\\Windows'}\\System32\\taskkill.exe`
    await new Promise<void>(resolve => {
      execFile(program, ['/PID', String(this.#pid), '/T', '/F'], { windowsHide: true }, () => resolve())
    })
    await this.exited
  }
}

/** The trees to kill when the host exits. While there are any, one listener on `process` handles all. */
const running = new Set<ProcessTree>()

function killAllNow(): void {
  for (const tree of running) tree.killNow([])
  try {
    const { rows } = listProcessesNow(Math.min(...[...running].map(tree => tree.since)))
    for (const tree of running) tree.killNow(rows)
  } catch {
    // No free file handle: at least the groups were killed.
  }
}

function identity(row: ProcessRow): string {
  return `${row.pid}:${row.start}`
}

function byParent(rows: readonly ProcessRow[]): Map<number, ProcessRow[]> {
  const children = new Map<number, ProcessRow[]>()
  for (const row of rows) {
    const siblings = children.get(row.ppid)
    if (siblings) siblings.push(row)
    else children.set(row.ppid, [row])
  }
  return children
}

function groupExists(group: number): boolean {
  try {
    return process.kill(-group, 0)
  } catch {
    return false
  }
}

/** Windows has no groups: signals the leader alone. */
function signalGroup(group: number, signal: NodeJS.Signals): void {
  try {
    process.kill(process.platform === 'win32' ? group : -group, signal)
  } catch {
    // It has ended by itself.
  }
}
