import type { Machine } from '../../machine.js'
import type { AdaptiveConcurrency } from './adaptive-limit.js'

/** How the attempts of a backend use this machine. */
export interface WorkHint {
  /**
   * `cpu`: they compute here. `wait`: they wait for another machine (HTTP). `process`: each is a process here that mostly waits. Default
   * `wait`.
   */
  readonly work?: 'cpu' | 'wait' | 'process' | undefined
  /** With `process`: the memory that one attempt takes, in bytes. Default 200 MiB, which the command line agents take. */
  readonly memoryBytes?: number | undefined
}

/** The default of `memoryBytes`. */
export const PROCESS_BYTES: number = 200 * 1024 * 1024

const MAX_LIMIT = 64
/** For an unknown machine. */
const UNKNOWN = { start: 4, max: 32 } as const
const PER_CORE = {
  cpu: { start: 1, max: 2 },
  wait: { start: 4, max: Number.POSITIVE_INFINITY },
  process: { start: 4, max: 8 },
} as const

/**
 * The bounds that `concurrency: 'auto'` stands for, and where the limit starts; `min` is always 1.
 *
 * - `cpu`: starts at one per core, at most two per core.
 * - `wait`: starts at 4 per core, at most 64.
 * - `process`: starts at 4 per core, at most 8 per core, 64, and as many as fit into free memory.
 * - Unknown machine: starts at 4, at most 32.
 */
export function autoConcurrency(
  machine: Machine,
  hint: WorkHint = {},
): AdaptiveConcurrency & { readonly start: number } {
  const { work = 'wait', memoryBytes = PROCESS_BYTES } = hint
  const { start, max } = byCores(machine.cores(), work)
  const free = work === 'process' ? freeMemoryOf(machine) : Number.POSITIVE_INFINITY
  const bound = Math.max(1, Math.min(max, Math.floor(free / memoryBytes)))
  return { min: 1, max: bound, start: Math.min(bound, start) }
}

/** In bytes. Infinity when it is unknown, or the machine of a host returns an invalid number. */
export function freeMemoryOf(machine: Machine): number {
  const free = machine.freeMemory()
  return free !== undefined && free >= 0 ? free : Number.POSITIVE_INFINITY
}

function byCores(cores: number | undefined, work: keyof typeof PER_CORE): { start: number; max: number } {
  if (cores === undefined || !(cores >= 1 && cores < Number.POSITIVE_INFINITY)) return UNKNOWN
  const { start, max } = PER_CORE[work]
  const most = work === 'cpu' ? Number.POSITIVE_INFINITY : MAX_LIMIT
  return { start: Math.floor(start * cores), max: Math.floor(Math.min(max * cores, most)) }
}
