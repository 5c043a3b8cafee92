import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { Cgroup } from './cgroup.js'
import { Family } from './family.js'
import { recordsLeft } from './family-record.js'
import { hasProc, listProcesses } from './process-table.js'

/** Between two scans for processes that were killed, in milliseconds. */
const PAUSE_MS = 20
/** A host without free file handles sees nothing. After so many looks in vain it gives up. */
const MAX_BLIND_LOOKS = 500
/** What a reliable scan that found nothing counts, in unreliable ones. */
const RELIABLE = 5

/**
 * The prefix of the tags of all attempts with this idempotency key, in the run that started then. It does not reveal the key to other
 * users, and lets the process that resumes a run find the processes that its attempts left running.
 */
export function tagPrefix(key: string, runStartedAt: number): string {
  return `${createHash('sha256').update(`${runStartedAt} ${key}`).digest('hex').slice(0, 24)}-`
}

/**
 * Ends what attempts with these keys left running when their host died: sends KILL to all that the finder of live attempts finds, and to
 * what the records of the dead host lead to, until none is left. Only where `/proc` shows environments (Linux): elsewhere nothing can be
 * found. A process of another user that may not be signalled is left alone.
 */
export async function killOrphans(keys: readonly string[], runStartedAt: number): Promise<void> {
  if (!hasProc || keys.length === 0) return
  const prefixes = new Set(keys.map(key => tagPrefix(key, runStartedAt)))
  const isTag = (tag: string): boolean => prefixes.has(tag.slice(0, tag.indexOf('-') + 1))
  const records = await seen(() => recordsLeft(isTag))
  const cgroups = [...records.flatMap(({ cgroup }) => cgroup ?? []), ...Cgroup.left(isTag)]
  const known = records.flatMap(each => each.known)
  const sessions = records.flatMap(each => each.sessions)
  await killAll(new Family({ isTag, cgroups, known, sessions }))
  for (const cgroup of cgroups) await cgroup.remove()
  for (const record of records) record.remove()
}

/** Sends KILL until two reliable scans in a row find nothing, or more on a machine where processes end all the time. */
async function killAll(family: Family): Promise<void> {
  for (let certainty = 0; certainty < 2 * RELIABLE; ) {
    const { rows, isReliable } = await seen(() => listProcesses(0))
    const orphans = family.find(rows)
    family.kill(orphans)
    certainty = orphans.length === 0 ? certainty + (isReliable ? RELIABLE : 1) : 0
    if (certainty < 2 * RELIABLE) await sleep(PAUSE_MS)
  }
}

/** Looks again while that fails, which it does only while the host has no free file handle. */
async function seen<T>(look: () => T | Promise<T>): Promise<T> {
  for (let blindLooks = 0; ; blindLooks++) {
    try {
      return await look()
    } catch (error) {
      if (blindLooks === MAX_BLIND_LOOKS) throw error
      await sleep(PAUSE_MS)
    }
  }
}
