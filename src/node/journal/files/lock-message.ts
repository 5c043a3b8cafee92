import { journalError } from './journal-error.js'
import type { JournalId } from './journal-folder.js'
import { isThisProcess, type LockOwner } from './lock-owner.js'

/** The error for a folder that another opener has. `advice` replaces what to do. */
export function alreadyLocked(
  { runId }: JournalId,
  path: string,
  owner: LockOwner | undefined,
  self: LockOwner,
  advice: string = adviceFor(owner, self),
): Error {
  const holder = owner ? `locked by ${describeOwner(owner, self)}${lease(owner)}` : 'locked by an unknown process'
  const what = runId === undefined ? 'a shared stream' : 'a run'
  return journalError(runId, path, `expected ${what} that no process has open, but it is ${holder}. ${advice}`)
}

/** `pid 7 on web-1 (process started at 2026-01-01T00:00:00.000Z)`. Pids alone say little: in containers, several processes have pid 1. */
export function describeOwner(owner: LockOwner, self: LockOwner): string {
  const { pid, host, startedAt } = owner
  if (isThisProcess(owner, self)) return `this process (pid ${pid})`
  const started = isTime(startedAt) ? ` (process started at ${timeOf(startedAt)})` : ''
  return `pid ${pid} on ${host}${started}`
}

function lease({ since, renewedAt, leaseMs }: LockOwner): string {
  const taken = isTime(since) ? `, since ${timeOf(since)}` : ''
  if (leaseMs === undefined || !isTime(renewedAt)) return taken
  return `${taken}; its lease of ${leaseMs} ms was last renewed at ${timeOf(renewedAt)}`
}

function adviceFor(owner: LockOwner | undefined, self: LockOwner): string {
  if (owner && isThisProcess(owner, self))
    return 'Close it there first; if nothing in this process has it open, delete the file'
  const waits = owner?.leaseMs === undefined ? 'a lease' : 'the lease'
  return `Close it there first; if that process is certainly dead, open it with takeOver: true, which waits until ${waits} has ended, or delete the file`
}

function timeOf(at: number): string {
  return new Date(at).toISOString()
}

/** The file may hold anything. */
function isTime(at: unknown): at is number {
  return typeof at === 'number' && !Number.isNaN(new Date(at).getTime())
}
