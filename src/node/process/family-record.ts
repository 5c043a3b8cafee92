import { appendFileSync, lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Cgroup } from './cgroup.js'
import type { ProcessRow } from './process-table.js'

/** What a line of a record may say. All members that are known are repeated in no line. */
interface Line {
  /** The boot of the machine and the namespace of its pids: elsewhere the numbers mean nothing. First line. */
  readonly machine?: string
  readonly cgroup?: string
  /** `[pid, start, leads a session]` */
  readonly processes?: readonly (readonly [pid: number, start: number, leads: boolean])[]
}

/**
 * The file that remembers, for another process, which processes an attempt has: a child without our tag cannot be found once its parent and
 * the host are dead. In a folder of the system's temporary folder that only this user may enter. It needs no flush: processes do not
 * outlive the machine. Where it cannot be written it is left out: it only helps.
 */
export class FamilyRecord {
  readonly #file: string

  private constructor(file: string) {
    this.#file = file
  }

  /** Undefined where no safe folder is available. */
  static open(tag: string, cgroup: Cgroup | undefined): FamilyRecord | undefined {
    const folder = ownFolder()
    if (folder === undefined) return undefined
    const record = new FamilyRecord(path.join(folder, tag))
    return record.#append({ machine: machine(), ...(cgroup && { cgroup: cgroup.folder }) }) ? record : undefined
  }

  add(rows: readonly Pick<ProcessRow, 'pid' | 'session' | 'start'>[]): void {
    if (rows.length > 0) this.#append({ processes: rows.map(row => [row.pid, row.start, row.pid === row.session]) })
  }

  remove(): void {
    rmSync(this.#file, { force: true })
  }

  #append(line: Line): boolean {
    try {
      appendFileSync(this.#file, `${JSON.stringify(line)}\n`, { mode: 0o600 })
      return true
    } catch {
      return false
    }
  }
}

/** A record that a host left behind. */
export interface LeftRecord {
  readonly cgroup: Cgroup | undefined
  readonly known: readonly string[]
  readonly sessions: readonly (readonly [session: number, leaderStart: number])[]
  remove(): void
}

/** The records of attempts whose tag `isTag` accepts. Without those of another boot, which are removed. */
export function recordsLeft(isTag: (tag: string) => boolean): readonly LeftRecord[] {
  const folder = ownFolder()
  if (folder === undefined) return []
  const files = readdirSync(folder).filter(isTag)
  return files.flatMap(name => {
    const file = path.join(folder, name)
    const lines = linesOf(file)
    if (lines[0]?.machine === machine()) return [recordOf(file, lines)]
    rmSync(file, { force: true })
    return []
  })
}

function recordOf(file: string, lines: readonly Line[]): LeftRecord {
  const processes = lines.flatMap(line => line.processes ?? [])
  const cgroup = lines.find(line => line.cgroup !== undefined)?.cgroup
  return {
    cgroup: cgroup === undefined ? undefined : new Cgroup(cgroup),
    known: processes.map(([pid, start]) => `${pid}:${start}`),
    sessions: processes.filter(([, , leads]) => leads).map(([pid, start]) => [pid, start] as const),
    remove: () => rmSync(file, { force: true }),
  }
}

/** Without the last line, if the host died while it wrote that. */
function linesOf(file: string): readonly Line[] {
  const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1)
  return lines.map(line => JSON.parse(line) as Line)
}

/**
 * BAD: any folder of that name. In a temporary folder that all share, another user could put records there, and have our processes killed.
 * GOOD: one that is ours, that nobody else can enter, and that is no link.
 */
function ownFolder(): string | undefined {
  const uid = process.getuid?.()
  if (uid === undefined) return undefined
  const folder = path.join(tmpdir(), `counterpoint-${uid}`)
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    const found = lstatSync(folder)
    return found.isDirectory() && found.uid === uid && (found.mode & 0o077) === 0 ? folder : undefined
  } catch {
    return undefined
  }
}

let known: string | undefined

function machine(): string {
  known ??= [
    () => readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim(),
    () => readlinkSync('/proc/self/ns/pid'),
  ]
    .map(orNothing)
    .join(' ')
  return known
}

function orNothing(read: () => string): string {
  try {
    return read()
  } catch {
    return ''
  }
}
