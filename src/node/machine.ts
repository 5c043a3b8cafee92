import { readFileSync } from 'node:fs'
import { availableParallelism, freemem } from 'node:os'
import type { Machine } from 'counterpoint'

/**
 * The machine that this process runs on, as reported by Node and, on Linux, by the kernel. Limits of the control group (v2) of a container
 * apply; page cache that the kernel can reclaim counts as free. Where the platform provides no useful value, the reading is undefined.
 */
export const nodeMachine: Machine = {
  cores: () => coresOf(availableParallelism(), process.platform === 'linux' ? readText : readNone),
  freeMemory: () => (process.platform === 'linux' ? linuxFreeMemory(readText) : undefined) ?? platformFreeMemory(),
}

/** The text of a file; undefined when it cannot be read. */
export type ReadText = (path: string) => string | undefined

const readNone: ReadText = () => undefined

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

/** The number of threads that Node counts, or the limit of the control groups if that is less. At least 1. */
export function coresOf(threads: number, read: ReadText): number {
  const limits = ownGroups(read).map(group => quota(read(`${group}/cpu.max`)))
  return Math.max(1, Math.min(threads, ...limits))
}

/** `200000 100000` is two cores; `max 100000` is no limit. */
function quota(text: string | undefined): number {
  const [quotaUs, periodUs] = (text ?? '').split(' ').map(Number)
  const cores = Math.ceil((quotaUs as number) / (periodUs as number))
  return cores > 0 ? cores : Number.POSITIVE_INFINITY
}

/** The memory available in the system, or in the tightest of our control groups if that is less, in bytes; undefined without /proc. */
export function linuxFreeMemory(read: ReadText): number | undefined {
  const available = /^MemAvailable:\s*(\d+) kB$/m.exec(read('/proc/meminfo') ?? '')?.[1]
  if (available === undefined) return undefined
  return Math.max(0, Math.min(Number(available) * 1024, ...ownGroups(read).map(group => freeIn(group, read))))
}

function freeIn(group: string, read: ReadText): number {
  const limit = Math.min(bytes(read(`${group}/memory.max`)), bytes(read(`${group}/memory.high`)))
  const current = Number(read(`${group}/memory.current`) ?? Number.NaN)
  if (limit === Number.POSITIVE_INFINITY || Number.isNaN(current)) return Number.POSITIVE_INFINITY
  // BAD: limit - current, which is near 0 in every container that has read many files, because `current` includes the page cache.
  // GOOD: memory that the kernel can reclaim is free.
  const stat = read(`${group}/memory.stat`) ?? ''
  const cached = [...stat.matchAll(/^(?:in)?active_file (\d+)$/gm)].reduce((sum, [, count]) => sum + Number(count), 0)
  return limit - current + cached
}

/** Infinity for a missing limit and for `max`. */
function bytes(text: string | undefined): number {
  const value = Number.parseInt(text ?? '', 10)
  return value >= 0 ? value : Number.POSITIVE_INFINITY
}

/** The folders of our control group (v2) and of its ancestors: the limits of all apply. */
function ownGroups(read: ReadText): string[] {
  const path = /^0::(\/.*)$/m.exec(read('/proc/self/cgroup') ?? '')?.[1]
  if (path === undefined) return []
  const names = path.split('/').filter(name => name !== '')
  return Array.from({ length: names.length + 1 }, (_, i) => ['/sys/fs/cgroup', ...names.slice(0, i)].join('/'))
}

/** On macOS, libuv reports available memory since this version. Earlier versions report idle pages only, which are always few. */
const MACOS_SINCE = [1, 52] as const

function platformFreeMemory(): number | undefined {
  const [major = 0, minor = 0] = (process.versions.uv ?? '').split('.').map(Number)
  const [sinceMajor, sinceMinor] = MACOS_SINCE
  const isOld = major < sinceMajor || (major === sinceMajor && minor < sinceMinor)
  if (process.platform === 'darwin' && isOld) return undefined
  return process.availableMemory?.() ?? freemem()
}
