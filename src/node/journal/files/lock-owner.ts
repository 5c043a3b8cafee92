import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { readFileSync, readlinkSync } from 'node:fs'
import { hostname } from 'node:os'
import { startOf } from '../../process/process-table.js'

/** The process that owns a lock. Members that the platform does not provide are omitted. */
export interface LockOwner {
  readonly pid: number
  /** When the process started, in the platform's format: pids are reused. */
  readonly startTime?: string
  /** The boot of the machine in which it ran. */
  readonly bootId?: string
  readonly host: string
  /** The network namespace: kernel locks are visible only within one, and containers have their own. */
  readonly network?: string
  /** Unique for each lock. */
  readonly nonce: string
}

/** This process, as the owner of a new lock. */
export async function thisOwner(): Promise<LockOwner> {
  thisProcess ??= identify()
  return { ...(await thisProcess), nonce: randomUUID() }
}

let thisProcess: Promise<Omit<LockOwner, 'nonce'>> | undefined

async function identify(): Promise<Omit<LockOwner, 'nonce'>> {
  const startTime = await startTimeOf(process.pid)
  const bootId = orUndefined(() => readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim())
  const network = orUndefined(() => readlinkSync('/proc/self/ns/net'))
  return {
    pid: process.pid,
    ...(startTime !== undefined && { startTime }),
    ...(bootId !== undefined && { bootId }),
    host: hostname(),
    ...(network !== undefined && { network }),
  }
}

/**
 * True when the owner of a lock is certainly dead. With `hasKernelLock` we have the kernel's lock, so no process that shares our kernel
 * locks is alive. For another machine, or a container with another host name, nothing is certain. Two machines of the same name
 * on a shared disk look like one that was rebooted; there the protocol of `FolderLock` keeps the journal safe.
 */
export async function isDead(owner: LockOwner, self: LockOwner, hasKernelLock: boolean): Promise<boolean> {
  if (owner.host !== self.host) return false
  if (owner.bootId !== self.bootId) return true
  if (hasKernelLock && owner.network === self.network) return true
  if (!exists(owner.pid)) return true
  return owner.startTime !== undefined && owner.startTime !== (await startTimeOf(owner.pid))
}

/** Parses the JSON of a lock owner; undefined when it is not one. */
export function parseOwner(text: string): LockOwner | undefined {
  try {
    const value = JSON.parse(text) as Partial<LockOwner> | null
    const isOwner = typeof value?.pid === 'number' && typeof value.host === 'string' && typeof value.nonce === 'string'
    return isOwner ? (value as LockOwner) : undefined
  } catch {
    return undefined
  }
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** From /proc on Linux, from `ps` on macOS and the BSDs. Unknown on Windows, where the kernel's lock is enough. */
async function startTimeOf(pid: number): Promise<string | undefined> {
  if (process.platform === 'win32') return undefined
  const start = startOf(pid)
  if (start !== undefined) return String(start)
  if (process.platform === 'linux') return undefined
  return new Promise(resolve => {
    const options = { env: { LC_ALL: 'C', TZ: 'UTC' } }
    execFile('/bin/ps', ['-o', 'lstart=', '-p', String(pid)], options, (_error, text) =>
      resolve(text.trim() || undefined),
    )
  })
}

function orUndefined(read: () => string): string | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}
