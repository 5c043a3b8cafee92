import { type ChildProcess, execFile } from 'node:child_process'
import { systemClock } from 'counterpoint'
import {
  hasProc,
  isStill,
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

/** Between two looks at those who have not ended yet, in milliseconds. */
const FIRST_PAUSE_MS = 5
const LONGEST_PAUSE_MS = 250
/** So often we look again when a look was not steady, but found nobody. */
const DOUBTS = 2

/**
 * A process that was spawned as leader of a group of its own, and all that came of it.
 *
 * Ours are: the leader; who is in its group; who carries its tag (Linux); whose parent is ours; who was ours at an
 * earlier look.
 * What escapes: away from its group *and* from its tag *and* orphaned before the first look. Off Linux the tag is not
 * to be seen; on Windows only what descends from a living leader is found. A process of another user that we may not
 * signal is not waited for.
 * Invariant: a group is signalled only while its leader has not been waited for, because until then no stranger can
 * have the number.
 */
export class ProcessTree {
  /** Resolves when the leader has ended. */
  readonly exited: Promise<Exit>
  readonly #pid: number
  readonly #tag: string
  #start: number | undefined
  #leaderIsGone = false
  readonly #seen = new Set<string>()
  readonly #warned = new Set<string>()
  readonly #beyondUs = new Set<string>()

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
    if (living.size === 0) process.on('exit', killAllNow)
    living.add(this)
  }

  /**
   * Ends what still lives: TERM, then KILL for who is there after `graceMs`. Resolves when nobody is left, however long
   * that takes: a process that hangs in the kernel holds it up, since it may go on working.
   */
  async end(graceMs: number): Promise<void> {
    if (process.platform === 'win32') return this.#endOnWindows()
    const killAt = performance.now() + graceMs
    if (await this.#isOverBy(killAt, rows => this.#warn(rows))) return
    await this.#isOverBy(Number.POSITIVE_INFINITY, rows => this.#kill(rows))
  }

  /** Does `press` to who is left, again and again, until nobody is or the time has come. */
  async #isOverBy(deadline: number, press: (rows: readonly ProcessRow[]) => void): Promise<boolean> {
    let doubts = 0
    for (
      let pauseMs = FIRST_PAUSE_MS;
      performance.now() < deadline;
      pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)
    ) {
      const look = await this.#look()
      const nobody = look !== undefined && look.rows.length === 0 && this.#leaderIsGone
      if (nobody && (look.steady || doubts++ === DOUBTS)) return true
      press(look?.rows ?? [])
      await this.#pause(Math.min(pauseMs, Math.max(0, deadline - performance.now())))
    }
    return false
  }

  /** To be called when the tree has ended: from then on the host's exit does not look after it. */
  release(): void {
    living.delete(this)
    if (living.size === 0) process.off('exit', killAllNow)
  }

  /** KILL without a word or a wait, when the host exits. `everyone` is a look at the machine. */
  killNow(everyone: readonly ProcessRow[]): void {
    this.#kill(this.#ours(everyone))
  }

  /** Where the search begins: nobody of ours is older than the leader. */
  get since(): number {
    return this.#start ?? 0
  }

  /** Who is left. Undefined when it could not be found out: the host has no file handle to spare. */
  async #look(): Promise<ProcessTable | undefined> {
    const isOver = !hasProc && this.#leaderIsGone && this.#seen.size === 0 && !groupLives(this.#pid)
    if (isOver) return { rows: [], steady: true }
    const everyone = await listProcesses(this.since).catch(() => undefined)
    return everyone && { rows: this.#ours(everyone.rows), steady: everyone.steady }
  }

  #ours(everyone: readonly ProcessRow[]): ProcessRow[] {
    if (!this.#leaderIsGone) this.#start ??= everyone.find(row => row.pid === this.#pid)?.start
    const rows = everyone.filter(row => row.start >= this.since)
    const numberIsReused = this.#leaderIsGone && rows.some(row => row.pid === this.#pid && row.start !== this.#start)
    const children = byParent(rows)
    const found = new Map<string, ProcessRow>()
    const todo = rows.filter(row => this.#isOurs(row, numberIsReused))
    for (const row of todo) {
      if (found.has(identity(row))) continue
      found.set(identity(row), row)
      for (const child of children.get(row.pid) ?? []) todo.push(child)
    }
    for (const id of found.keys()) this.#seen.add(id)
    return [...found.values()].filter(row => !this.#beyondUs.has(identity(row)))
  }

  #isOurs(row: ProcessRow, numberIsReused: boolean): boolean {
    if (row.tags.includes(this.#tag) || this.#seen.has(identity(row))) return true
    return !numberIsReused && (row.pid === this.#pid || row.group === this.#pid)
  }

  /** TERM, to each of them once: many programs take a second one for impatience and give up tidying. */
  #warn(rows: readonly ProcessRow[]): void {
    const groupIsNew = !this.#leaderIsGone && !this.#warned.has('group')
    if (groupIsNew) signalGroup(this.#pid, 'SIGTERM')
    this.#warned.add('group')
    for (const row of rows) {
      const reached = groupIsNew && row.group === this.#pid
      if (!reached && !this.#warned.has(identity(row))) this.#send(row, 'SIGTERM')
      this.#warned.add(identity(row))
    }
  }

  #kill(rows: readonly ProcessRow[]): void {
    if (!this.#leaderIsGone) signalGroup(this.#pid, 'SIGKILL')
    for (const row of rows) this.#send(row, 'SIGKILL')
  }

  #send(row: ProcessRow, signal: NodeJS.Signals): void {
    if (!isStill(row)) return
    try {
      process.kill(row.pid, signal)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EPERM') this.#beyondUs.add(identity(row))
    }
  }

  /** A pause that the end of the leader cuts short. */
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

  /** Windows knows no TERM: the tree is ended at once. */
  async #endOnWindows(): Promise<void> {
    if (this.#leaderIsGone) return
    const program = `${process.env.SystemRoot ?? 'C:\\Windows'}\\System32\\taskkill.exe`
    await new Promise<void>(resolve => {
      execFile(program, ['/PID', String(this.#pid), '/T', '/F'], { windowsHide: true }, () => resolve())
    })
    await this.exited
  }
}

/**
 * The trees that the host's exit would leave behind. While there are some, one listener on `process` looks after them
 * all.
 */
const living = new Set<ProcessTree>()

function killAllNow(): void {
  for (const tree of living) tree.killNow([])
  try {
    const { rows } = listProcessesNow(Math.min(...[...living].map(tree => tree.since)))
    for (const tree of living) tree.killNow(rows)
  } catch {
    // No file handle to spare: the groups at least are dead.
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

function groupLives(group: number): boolean {
  try {
    return process.kill(-group, 0)
  } catch {
    return false
  }
}

/** On Windows there are no groups: the leader alone. */
function signalGroup(group: number, signal: NodeJS.Signals): void {
  try {
    process.kill(process.platform === 'win32' ? group : -group, signal)
  } catch {
    // It ended by itself.
  }
}
