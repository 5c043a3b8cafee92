import { createHash } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { hasProc, isStill, listProcesses, type ProcessRow } from './process-table.js'

/** Between two looks at what has been killed, in milliseconds. */
const PAUSE_MS = 20

/**
 * What the tags of all attempts with this idempotency key, in the run that started then, begin with. It says nothing of the key to others, and lets whoever resumes
 * a run find what its attempts left running.
 */
export function tagPrefix(key: string, runStartedAt: number): string {
  return `${createHash('sha256').update(`${runStartedAt} ${key}`).digest('hex').slice(0, 24)}-`
}

/**
 * Ends what attempts with these keys left running when the process that had started them died: KILL to everyone who carries such a tag,
 * and to their children, until nobody is left. Only where `/proc` shows environments (Linux): elsewhere nothing can be found.
 */
export async function killOrphans(keys: readonly string[], runStartedAt: number): Promise<void> {
  if (!hasProc || keys.length === 0) return
  const prefixes = new Set(keys.map(key => tagPrefix(key, runStartedAt)))
  for (let quiet = 0; quiet < 2; ) {
    const { rows, steady } = await listProcesses(0)
    const left = leftOf(rows, prefixes)
    for (const row of left) kill(row)
    quiet = left.length === 0 && steady ? quiet + 1 : 0
    if (quiet < 2) await pause(PAUSE_MS)
  }
}

function leftOf(rows: readonly ProcessRow[], prefixes: ReadonlySet<string>): readonly ProcessRow[] {
  const tagged = rows.filter(({ tags }) => tags.some(tag => prefixes.has(tag.slice(0, tag.indexOf('-') + 1))))
  const pids = new Set(tagged.map(({ pid }) => pid))
  const children = rows.filter(({ ppid, pid }) => pids.has(ppid) && !pids.has(pid))
  return [...tagged, ...children].filter(({ pid }) => pid !== process.pid)
}

function kill(row: ProcessRow): void {
  if (!isStill(row)) return
  try {
    process.kill(row.pid, 'SIGKILL')
  } catch {
    // It ended by itself, or is another user's.
  }
}
