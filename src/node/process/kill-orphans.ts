import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { hasProc, isSameProcess, listProcesses, type ProcessRow } from './process-table.js'

/** Between two scans for processes that were killed, in milliseconds. */
const PAUSE_MS = 20

/**
 * The prefix of the tags of all attempts with this idempotency key, in the run that started then. It does not reveal the key to other
 * users, and lets the process that resumes a run find the processes that its attempts left running.
 */
export function tagPrefix(key: string, runStartedAt: number): string {
  return `${createHash('sha256').update(`${runStartedAt} ${key}`).digest('hex').slice(0, 24)}-`
}

/**
 * Ends what attempts with these keys left running when their host died: sends KILL to every process with such a tag, and to its children,
 * until none is left. Only where `/proc` shows environments (Linux): elsewhere nothing can be found.
 */
export async function killOrphans(keys: readonly string[], runStartedAt: number): Promise<void> {
  if (!hasProc || keys.length === 0) return
  const prefixes = new Set(keys.map(key => tagPrefix(key, runStartedAt)))
  for (let emptyScans = 0; emptyScans < 2; ) {
    const { rows, isReliable } = await listProcesses(0)
    const orphans = orphansIn(rows, prefixes)
    for (const row of orphans) kill(row)
    emptyScans = orphans.length === 0 && isReliable ? emptyScans + 1 : 0
    if (emptyScans < 2) await sleep(PAUSE_MS)
  }
}

function orphansIn(rows: readonly ProcessRow[], prefixes: ReadonlySet<string>): readonly ProcessRow[] {
  const tagged = rows.filter(({ tags }) => tags.some(tag => prefixes.has(tag.slice(0, tag.indexOf('-') + 1))))
  const pids = new Set(tagged.map(({ pid }) => pid))
  const children = rows.filter(({ ppid, pid }) => pids.has(ppid) && !pids.has(pid))
  return [...tagged, ...children].filter(({ pid }) => pid !== process.pid)
}

function kill(row: ProcessRow): void {
  if (!isSameProcess(row)) return
  try {
    process.kill(row.pid, 'SIGKILL')
  } catch {
    // It has ended by itself, or belongs to another user.
  }
}
