import type { Cgroup } from './cgroup.js'
import { isSameProcess, ownSession, type ProcessRow } from './process-table.js'

/** What is known of the processes of an attempt, before any of them is looked for. */
export interface FamilyFacts {
  /** True for the tag of the attempt. */
  readonly isTag: (tag: string) => boolean
  readonly cgroups?: readonly Cgroup[]
  /** Members that were found before, as `pid:start`. */
  readonly known?: Iterable<string>
  /** Sessions that a member led, with the start of their leader. */
  readonly sessions?: Iterable<readonly [session: number, leaderStart: number | undefined]>
}

/**
 * The processes of an attempt, or of several: the one finder, for a live attempt and for what a dead host left running.
 *
 * A process belongs to it if it is in its control group, has its tag in the environment, was found before, or was started by a member or
 * belongs to the session of one, transitively. So it is found without an environment of ours, in a session of its own, and without its
 * parent: as long as the control group or one of these links is left.
 *
 * Invariants: a number that the kernel may have given to another process is not followed, so each member is known by pid and start, and a
 * session only until another process has its number. Our own session, and that of the init process, are never followed.
 */
export class Family {
  readonly #isTag: FamilyFacts['isTag']
  readonly #cgroups: readonly Cgroup[]
  readonly #known: Set<string>
  readonly #sessions: Map<number, number | undefined>
  readonly #notPermitted = new Set<string>()

  constructor({ isTag, cgroups = [], known, sessions }: FamilyFacts) {
    this.#isTag = isTag
    this.#cgroups = cgroups
    this.#known = new Set(known)
    this.#sessions = new Map(sessions)
  }

  /** The number of members that were found so far. */
  get size(): number {
    return this.#known.size
  }

  /** Makes a process a member. */
  adopt(row: ProcessRow): void {
    this.#known.add(identity(row))
    if (row.pid === sessionOf(row)) this.#sessions.set(row.pid, row.start)
  }

  /** The members among the processes `rows` of the machine that may be signalled. Remembers all of them. */
  find(rows: readonly ProcessRow[]): ProcessRow[] {
    const found = this.#closure(rows)
    for (const row of found) this.adopt(row)
    return found.filter(row => !this.#notPermitted.has(identity(row)))
  }

  /** The same, with the members that were not found before. */
  findNew(rows: readonly ProcessRow[]): ProcessRow[] {
    const before = new Set(this.#known)
    return this.find(rows).filter(row => !before.has(identity(row)))
  }

  /** Nothing happens if the process has ended. A process of another user that may not be signalled is no longer found. */
  signal(row: ProcessRow, signal: NodeJS.Signals): void {
    if (!isSameProcess(row)) return
    try {
      process.kill(row.pid, signal)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EPERM') this.#notPermitted.add(identity(row))
    }
  }

  /** Sends KILL to these members, and to all of the control group. */
  kill(rows: readonly ProcessRow[]): void {
    for (const cgroup of this.#cgroups) cgroup.kill()
    for (const row of rows) this.signal(row, 'SIGKILL')
  }

  #closure(rows: readonly ProcessRow[]): readonly ProcessRow[] {
    const children = groupBy(rows, row => row.ppid)
    const mates = groupBy(rows, sessionOf)
    const sessions = this.#sessionsStillOurs(rows)
    // Read after `rows`: a process that has ended since is then not taken for a member that got its number.
    const contained = new Set(this.#cgroups.flatMap(cgroup => cgroup.pids()))
    const isLinked = (row: ProcessRow): boolean =>
      row.tags.some(this.#isTag) ||
      this.#known.has(identity(row)) ||
      sessions.has(sessionOf(row)) ||
      contained.has(row.pid)
    const todo = rows.filter(isLinked)
    const found = new Map<string, ProcessRow>()
    for (const row of todo) {
      if (found.has(identity(row)) || row.pid === process.pid) continue
      found.set(identity(row), row)
      todo.push(...(children.get(row.pid) ?? []))
      const session = sessionOf(row)
      if (session > 1 && session !== ownSession()) todo.push(...(mates.get(session) ?? []))
      mates.delete(session)
    }
    return [...found.values()]
  }

  /** The kernel gives the number of a session to another process only after the last process of the session has ended. */
  #sessionsStillOurs(rows: readonly ProcessRow[]): ReadonlySet<number> {
    const sessions = new Set(this.#sessions.keys())
    for (const { pid, start } of rows) if (this.#sessions.get(pid) !== start) sessions.delete(pid)
    return sessions
  }
}

/** Without sessions, groups: a process group never spans two of them. */
function sessionOf({ session, group }: ProcessRow): number {
  return session ?? group
}

/** A pid alone may be reused. */
export function identity({ pid, start }: { readonly pid: number; readonly start: number }): string {
  return `${pid}:${start}`
}

function groupBy(rows: readonly ProcessRow[], keyOf: (row: ProcessRow) => number): Map<number, ProcessRow[]> {
  const groups = new Map<number, ProcessRow[]>()
  for (const row of rows) {
    const group = groups.get(keyOf(row))
    if (group) group.push(row)
    else groups.set(keyOf(row), [row])
  }
  return groups
}
