import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { readFileSync, readlinkSync } from 'node:fs'
import { hostname } from 'node:os'
import { startOf } from '../../process/process-table.js'

/** Who holds a lock. Members that a platform does not tell are left out. */
export interface Holder {
  readonly pid: number
  /** When that process started, in the platform's own words: pids are used again. */
  readonly startTime?: string
  /** Which start of the machine it lived in. */
  readonly bootId?: string
  readonly host: string
  /** Which kernel locks it sees: containers do not share them. */
  readonly network?: string
  /** Another one for each lock. */
  readonly nonce: string
}

/** This process, as the holder of a new lock. */
export async function thisHolder(): Promise<Holder> {
  thisProcess ??= identify()
  return { ...(await thisProcess), nonce: randomUUID() }
}

let thisProcess: Promise<Omit<Holder, 'nonce'>> | undefined

async function identify(): Promise<Omit<Holder, 'nonce'>> {
  const startTime = await startTimeOf(process.pid)
  const bootId = read(() => readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim())
  const network = read(() => readlinkSync('/proc/self/ns/net'))
  return {
    pid: process.pid,
    ...(startTime !== undefined && { startTime }),
    ...(bootId !== undefined && { bootId }),
    host: hostname(),
    ...(network !== undefined && { network }),
  }
}

/**
 * True when the holder of a lock is surely dead. `hasKernelLock` says that we hold the kernel's lock: then whoever shares our
 * kernel locks does not live. Of another machine, or a container with a name of its own, nothing is sure. Two machines of one name
 * on a shared disk look like one that was started anew: there the order of things must do that `RunLock` keeps.
 */
export async function isDead(holder: Holder, us: Holder, hasKernelLock: boolean): Promise<boolean> {
  if (holder.host !== us.host) return false
  if (holder.bootId !== us.bootId) return true
  if (hasKernelLock && holder.network === us.network) return true
  if (!exists(holder.pid)) return true
  return holder.startTime !== undefined && holder.startTime !== (await startTimeOf(holder.pid))
}

/** Reads what `thisHolder` gave as JSON; undefined when it is not that. */
export function parseHolder(text: string): Holder | undefined {
  try {
    const said = JSON.parse(text) as Partial<Holder> | null
    const whole = typeof said?.pid === 'number' && typeof said.host === 'string' && typeof said.nonce === 'string'
    return whole ? (said as Holder) : undefined
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

/** Linux tells it in /proc, macOS and the BSDs by `ps`; on Windows the kernel's lock must do. */
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

function read(look: () => string): string | undefined {
  try {
    return look()
  } catch {
    return undefined
  }
}
