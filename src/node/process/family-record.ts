import { appendFileSync, lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import * as z from 'zod'
import { Cgroup } from './cgroup.js'
import type { ProcessRow } from './process-table.js'

/** What a line of a record may say. All members that are known are repeated in no line. */
const LINE = z.object({
  /** The boot of the machine and the namespace of its pids: elsewhere the numbers mean nothing. First line. */
  machine: z.string().optional(),
  cgroup: z.string().optional(),
  /** `[pid, start, leads a session]` */
  processes: z.array(z.tuple([z.number(), z.number(), z.boolean()])).optional(),
})

type Line = z.infer<typeof LINE>

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
    removeFile(this.#file)
  }

  #append(line: Line): boolean {
    try {
      // The newline comes first: a line that was written in part, on a full disk, then spoils only itself.
      appendFileSync(this.#file, `\n${JSON.stringify(line)}`, { mode: 0o600 })
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

/**
 * The records of attempts whose tag `isTag` accepts. Without those of another boot, which are removed, and without what cannot be read: it
 * only helps.
 *
 * @throws The error of the system when this process has no free file handle.
 */
export function recordsLeft(isTag: (tag: string) => boolean): readonly LeftRecord[] {
  const folder = ownFolder()
  if (folder === undefined) return []
  const names = unlessUnreadable(() => readdirSync(folder)) ?? []
  return names.filter(isTag).flatMap(name => {
    const file = path.join(folder, name)
    // Another host that has the same runs may have removed it.
    const lines = unlessUnreadable(() => linesOf(file))
    if (lines?.[0]?.machine === machine()) return [recordOf(file, name, lines)]
    if (lines) removeFile(file)
    return []
  })
}

function recordOf(file: string, tag: string, lines: readonly Line[]): LeftRecord {
  const processes = lines.flatMap(line => line.processes ?? [])
  const cgroup = lines.find(line => line.cgroup !== undefined)?.cgroup
  return {
    cgroup: cgroup === undefined ? undefined : Cgroup.recorded(cgroup, tag),
    known: processes.map(([pid, start]) => `${pid}:${start}`),
    sessions: processes.filter(([, , leads]) => leads).map(([pid, start]) => [pid, start] as const),
    remove: () => removeFile(file),
  }
}

/** Without lines that are not whole. None if it is no file. */
function linesOf(file: string): readonly Line[] {
  return lstatSync(file).isFile() ? readFileSync(file, 'utf8').split('\n').flatMap(parseLine) : []
}

function parseLine(text: string): readonly Line[] {
  try {
    const line = LINE.safeParse(JSON.parse(text))
    return line.success ? [line.data] : []
  } catch {
    return []
  }
}

function unlessUnreadable<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException
    if (code === 'EMFILE' || code === 'ENFILE') throw error
    return undefined
  }
}

/** What cannot be removed is left: it does no harm. */
function removeFile(file: string): void {
  try {
    rmSync(file, { force: true })
  } catch {
    // A folder of that name, or one that is not writable any more.
  }
}

/**
 * BAD: any folder of that name. In a temporary folder that all share, another user could put records there, and have our processes killed.
 * GOOD: a folder that this user owns and that only this user may enter; symbolic links are refused.
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
