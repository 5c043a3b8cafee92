import { readFileSync } from 'node:fs'
import { availableParallelism, freemem } from 'node:os'
import type { Machine } from 'counterpoint'

/**
 * The machine that this process runs on, as Node and, on Linux, the kernel tell it: limits of the control group (v2) of a container
 * count, page cache that can be given back counts as free. Where the platform tells nothing useful the reading is undefined.
 */
export const nodeMachine: Machine = {
  cores: () => coresOf(availableParallelism(), process.platform === 'linux' ? readText : readNothing),
  freeMemory: () => (process.platform === 'linux' ? linuxFreeMemory(readText) : undefined) ?? platformFreeMemory(),
}

/** The text of a file; undefined when it cannot be read. */
export type ReadText = (path: string) => string | undefined

const readNothing: ReadText = () => undefined

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

/** `known`, or what the control groups allow where that is less: they limit time, and Node counts threads. */
export function coresOf(known: number, read: ReadText): number {
  const allowed = ownGroups(read).map(group => quota(read(`${group}/cpu.max`)))
  return Math.max(1, Math.min(known, ...allowed))
}

/** `200000 100000` is two cores; `max 100000` is no limit. */
function quota(text: string | undefined): number {
  const [quotaUs, periodUs] = (text ?? '').split(' ').map(Number)
  const cores = Math.ceil((quotaUs as number) / (periodUs as number))
  return cores > 0 ? cores : Number.POSITIVE_INFINITY
}

/** What the system has available, or the least that any of our control groups leaves; undefined when /proc tells nothing. */
export function linuxFreeMemory(read: ReadText): number | undefined {
  const available = /^MemAvailable:\s*(\d+) kB$/m.exec(read('/proc/meminfo') ?? '')?.[1]
  if (available === undefined) return undefined
  return Math.max(0, Math.min(Number(available) * 1024, ...ownGroups(read).map(group => leftIn(group, read))))
}

function leftIn(group: string, read: ReadText): number {
  const limit = Math.min(bytes(read(`${group}/memory.max`)), bytes(read(`${group}/memory.high`)))
  const current = Number(read(`${group}/memory.current`) ?? Number.NaN)
  if (limit === Number.POSITIVE_INFINITY || Number.isNaN(current)) return Number.POSITIVE_INFINITY
  // BAD: limit - current, which is near 0 in every container that has read many files: `current` counts the page cache.
  // GOOD: what the kernel would take back is free.
  const stat = read(`${group}/memory.stat`) ?? ''
  const cached = [...stat.matchAll(/^(?:in)?active_file (\d+)$/gm)].reduce((sum, [, count]) => sum + Number(count), 0)
  return limit - current + cached
}

/** A missing limit, or `max`, is none. */
function bytes(text: string | undefined): number {
  const value = Number.parseInt(text ?? '', 10)
  return value >= 0 ? value : Number.POSITIVE_INFINITY
}

/** The folders of our control group (v2) and of all above it: each of them limits us. */
function ownGroups(read: ReadText): string[] {
  const path = /^0::(\/.*)$/m.exec(read('/proc/self/cgroup') ?? '')?.[1]
  if (path === undefined) return []
  const names = path.split('/').filter(name => name !== '')
  return Array.from({ length: names.length + 1 }, (_, i) => ['/sys/fs/cgroup', ...names.slice(0, i)].join('/'))
}

/** Since this version of libuv a Mac tells what could be had; before, the pages that lie idle, of which there are hardly ever any. */
const MAC_TELLS_SINCE = [1, 52] as const

function platformFreeMemory(): number | undefined {
  const [major = 0, minor = 0] = (process.versions.uv ?? '').split('.').map(Number)
  const [sinceMajor, sinceMinor] = MAC_TELLS_SINCE
  const isOld = major < sinceMajor || (major === sinceMajor && minor < sinceMinor)
  if (process.platform === 'darwin' && isOld) return undefined
  return process.availableMemory?.() ?? freemem()
}
