import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { readFileSync, readlinkSync } from 'node:fs'
import { hostname } from 'node:os'
import { startOf } from '../../process/process-table.js'

/** The process that owns a lock, and its lease. Members that the platform does not provide are omitted. */
export interface LockOwner {
  readonly pid: number
  /** When the process started, in milliseconds since 1970. For messages. */
  readonly startedAt?: number
  /** When the process started, in the platform's format: pids are reused. */
  readonly startTime?: string
  /** The boot of the machine in which it ran. */
  readonly bootId?: string
  readonly host: string
  /** The network namespace: kernel locks are visible only within one, and containers have their own. */
  readonly network?: string
  /** The namespace of `pid`: in containers, several processes have the same one. */
  readonly pidNamespace?: string
  /** False when it has the file only, not the kernel's lock. */
  readonly hasKernelLock?: boolean
  /** When it took the lock, in milliseconds since 1970. */
  readonly since?: number
  /** When it last renewed its lease, in milliseconds since 1970, on the clock of its machine. */
  readonly renewedAt?: number
  /** The lease ends when it has not been renewed for this long, in milliseconds. */
  readonly leaseMs?: number
  /** Unique for each lock. */
  readonly nonce: string
}

/** The longest lease, in milliseconds: a longer timer of the platform fires at once. */
export const MAX_LEASE_MS: number = 2 ** 31 - 1

/** The wall time, in milliseconds since 1970. Of the machine, also while a test has fake timers: other processes compare it. */
export const now: () => number = Date.now

/** This process, as the owner of a new lock. */
export async function thisOwner(hasKernelLock: boolean, leaseMs: number): Promise<LockOwner> {
  thisProcess ??= identify()
  const since = now()
  return { ...(await thisProcess), hasKernelLock, since, renewedAt: since, leaseMs, nonce: randomUUID() }
}

let thisProcess: Promise<Omit<LockOwner, 'nonce'>> | undefined

async function identify(): Promise<Omit<LockOwner, 'nonce'>> {
  const startTime = await startTimeOf(process.pid)
  const bootId = orUndefined(() => readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim())
  const network = orUndefined(() => readlinkSync('/proc/self/ns/net'))
  const pidNamespace = orUndefined(() => readlinkSync('/proc/self/ns/pid'))
  return {
    pid: process.pid,
    startedAt: Math.round(now() - 1000 * process.uptime()),
    ...(startTime !== undefined && { startTime }),
    ...(bootId !== undefined && { bootId }),
    host: hostname(),
    ...(network !== undefined && { network }),
    ...(pidNamespace !== undefined && { pidNamespace }),
  }
}

/**
 * True when the owner of a lock is certainly dead. With `hasKernelLock` we have the kernel's lock, so no process that shares our kernel
 * locks has it. A container of our name on this machine that has not renewed its lease is one that was started again. For another machine,
 * or a container with another host name, nothing is certain. Two machines of the same name on a shared disk look like one that was
 * rebooted; there the protocol of `FolderLock` keeps the journal safe.
 */
export async function isDead(owner: LockOwner, self: LockOwner, hasKernelLock: boolean): Promise<boolean> {
  if (owner.host !== self.host) return false
  const hasBoots = owner.bootId !== undefined && self.bootId !== undefined
  if (hasBoots && owner.bootId !== self.bootId) return true
  if (hasKernelLock && owner.hasKernelLock !== false && owner.network === self.network) return true
  if (owner.pidNamespace !== undefined && owner.pidNamespace !== self.pidNamespace) return isLeaseOver(owner)
  if (!exists(owner.pid)) return true
  // Where the start of a process of another user is hidden, it may be the same process.
  const startTime = owner.startTime && (await startTimeOf(owner.pid))
  return startTime !== undefined && owner.startTime !== startTime
}

/** To be asked on the machine of the owner only: clocks differ. */
function isLeaseOver({ renewedAt, leaseMs }: LockOwner): boolean {
  return renewedAt !== undefined && leaseMs !== undefined && now() - renewedAt > leaseMs
}

/** True when the owner is this process. Another container may have a process with the same pid. */
export function isThisProcess(owner: LockOwner, self: LockOwner): boolean {
  const isSame = (key: keyof LockOwner): boolean => owner[key] === self[key]
  const isHere = owner.pidNamespace === undefined || isSame('pidNamespace')
  return isHere && isSame('pid') && isSame('startTime') && isSame('bootId') && isSame('host')
}

/**
 * Parses the JSON of a lock owner; undefined when it is not one. Numbers of a lease that cannot be are left out: no lock is taken earlier
 * or later because its file is damaged.
 */
export function parseOwner(text: string): LockOwner | undefined {
  try {
    const owner = JSON.parse(text) as LockOwner | null
    if (typeof owner?.pid !== 'number' || typeof owner.host !== 'string' || typeof owner.nonce !== 'string')
      return undefined
    const { leaseMs, renewedAt, ...rest } = owner
    return {
      ...rest,
      ...(isBetween(1, leaseMs, MAX_LEASE_MS) && { leaseMs }),
      ...(isBetween(0, renewedAt, Number.MAX_SAFE_INTEGER) && { renewedAt }),
    }
  } catch {
    return undefined
  }
}

function isBetween(min: number, value: number | undefined, max: number): value is number {
  return typeof value === 'number' && value >= min && value <= max
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
