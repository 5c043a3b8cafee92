import { type ChildProcess, execFile } from 'node:child_process'
import { systemClock } from 'counterpoint'
import { Cgroup } from './cgroup.js'
import { Family, identity } from './family.js'
import { FamilyRecord } from './family-record.js'
import { familyWatch } from './family-watch.js'
import {
  hasProc,
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
 * A process that was spawned as leader of its own session, and all its descendants: the {@link Family} of an attempt that runs.
 *
 * Without a control group, a process escapes if it left its session *and* its tag *and* lost its parent before anyone looked. Outside Linux
 * tags cannot be read; on Windows only descendants of a running leader are found. A process of another user that cannot be signalled is not
 * awaited.
 * Invariant: a group is signalled only until its leader is reaped, because until then its number cannot be reused.
 */
export class ProcessTree {
  /** Resolves when the leader has ended. */
  readonly exited: Promise<Exit>
  readonly #pid: number
  #start: number | undefined
  readonly #family: Family
  readonly #cgroup: Cgroup | undefined
  readonly #record: FamilyRecord | undefined
  #leaderIsGone = false
  readonly #terminated = new Set<string>()

  constructor(leader: ChildProcess & { readonly pid: number }, tag: string) {
    this.#pid = leader.pid
    this.#start = startOf(leader.pid)
    this.#cgroup = Cgroup.create(tag)
    const sessions = [[leader.pid, this.#start]] as const
    this.#family = new Family({ isTag: each => each === tag, cgroups: this.#cgroup ? [this.#cgroup] : [], sessions })
    this.#record = hasProc ? FamilyRecord.open(tag, this.#cgroup) : undefined
    if (this.#start !== undefined) this.#record?.add([{ pid: leader.pid, start: this.#start, session: leader.pid }])
    this.exited = new Promise(resolve => {
      leader.once('exit', (code, signal) => {
        this.#leaderIsGone = true
        resolve({ code, signal })
      })
    })
    if (running.size === 0) process.on('exit', killAllNow)
    running.add(this)
  }

  /** Puts the leader where the kernel remembers its family. Resolves once it runs there. */
  async contain(): Promise<void> {
    if (this.#cgroup && (await this.#moveInto(this.#cgroup))) return
    if (!this.#leaderIsGone && running.has(this)) familyWatch.add(this)
  }

  /** The leader is stopped meanwhile: what it starts before it is in the group is outside of it, and must be moved, too. */
  async #moveInto(cgroup: Cgroup): Promise<boolean> {
    this.#signalLeader('SIGSTOP')
    try {
      if (!(await cgroup.add(this.#pid))) return false
      for (;;) {
        const rows = (await this.#scan())?.rows ?? []
        const inside = new Set(cgroup.pids())
        const outside = rows.filter(({ pid }) => !inside.has(pid))
        const moved = await Promise.all(outside.map(({ pid }) => cgroup.add(pid)))
        if (!moved.includes(true)) return outside.length === 0
      }
    } finally {
      this.#signalLeader('SIGCONT')
    }
  }

  /** Remembers members, for when they are no longer linked to another one. */
  observe(rows: readonly ProcessRow[]): void {
    this.#record?.add(this.#family.findNew(this.#sinceLeader(rows)))
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
  async release(): Promise<void> {
    running.delete(this)
    if (running.size === 0) process.off('exit', killAllNow)
    familyWatch.remove(this)
    await this.#cgroup?.remove()
    this.#record?.remove()
  }

  /** Sends KILL at once, when the host exits. `all` are the processes of the machine. */
  killNow(all: readonly ProcessRow[]): void {
    this.#kill(this.#family.find(this.#sinceLeader(all)))
  }

  /** The start of the leader: no other process of the tree is older. */
  get since(): number {
    return this.#start ?? 0
  }

  /** The processes that are left. Undefined when unknown: the host has no free file handle. */
  async #scan(): Promise<ProcessTable | undefined> {
    const isOver = !hasProc && this.#leaderIsGone && this.#family.size === 0 && !groupExists(this.#pid)
    if (isOver) return { rows: [], isReliable: true }
    const table = await listProcesses(this.since).catch(() => undefined)
    if (table === undefined) return undefined
    const rows = this.#family.find(this.#sinceLeader(table.rows))
    const listed = new Set(table.rows.map(row => row.pid))
    const isComplete = (this.#cgroup?.pids() ?? []).every(pid => listed.has(pid))
    return isComplete ? { rows, isReliable: table.isReliable } : undefined
  }

  #sinceLeader(all: readonly ProcessRow[]): readonly ProcessRow[] {
    const leader = this.#leaderIsGone ? undefined : all.find(row => row.pid === this.#pid)
    if (leader) {
      this.#start ??= leader.start
      this.#family.adopt(leader)
    }
    return all.filter(row => row.start >= this.since)
  }

  /** Sends TERM once to each: many programs stop cleaning up after a second one. */
  #terminate(rows: readonly ProcessRow[]): void {
    const signalsGroup = !this.#leaderIsGone && !this.#terminated.has('group')
    if (signalsGroup) signalGroup(this.#pid, 'SIGTERM')
    this.#terminated.add('group')
    for (const row of rows) {
      const wasReached = signalsGroup && row.group === this.#pid
      if (!wasReached && !this.#terminated.has(identity(row))) this.#family.signal(row, 'SIGTERM')
      this.#terminated.add(identity(row))
    }
  }

  #kill(rows: readonly ProcessRow[]): void {
    if (!this.#leaderIsGone) signalGroup(this.#pid, 'SIGKILL')
    this.#family.kill(rows)
  }

  #signalLeader(signal: NodeJS.Signals): void {
    if (!this.#leaderIsGone) signalPid(this.#pid, signal)
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

function groupExists(group: number): boolean {
  try {
    return process.kill(-group, 0)
  } catch {
    return false
  }
}

/** Windows has no groups: signals the leader alone. */
function signalGroup(group: number, signal: NodeJS.Signals): void {
  signalPid(process.platform === 'win32' ? group : -group, signal)
}

function signalPid(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // It has ended by itself.
  }
}
