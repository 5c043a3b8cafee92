import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { processBackend } from 'counterpoint/node'
import { describe, expect, test } from 'vitest'
import { tagPrefix } from '../../../src/node/process/kill-orphans.js'
import { hasProc, listProcessesNow } from '../../../src/node/process/process-table.js'

const KEEP_RUNNING = 'setInterval(() => {}, 1000)'

/** A process with the tag of an attempt with this key, and a child that left its group. */
async function orphan(key: string): Promise<readonly number[]> {
  const child = `const c = require('child_process').spawn(process.execPath, ['-e', ${JSON.stringify(KEEP_RUNNING)}], { detached: true, stdio: 'ignore' }); console.log(c.pid); ${KEEP_RUNNING}`
  const env = { ...process.env, COUNTERPOINT_RUN_TAG: `${tagPrefix(key, 1)}x` }
  const leader = spawn(process.execPath, ['-e', child], { detached: true, env, stdio: ['ignore', 'pipe', 'ignore'] })
  leader.unref()
  const [line] = (await once(leader.stdout, 'data')) as [Buffer]
  return [leader.pid as number, Number(line.toString())]
}

/** Not a zombie: init reaps those. */
function lives(pid: number): boolean {
  return listProcessesNow(0).rows.some(row => row.pid === pid)
}

describe.skipIf(!hasProc)('killOrphans (skipped where /proc does not show environments: run it on Linux)', () => {
  test('kills what attempts with these keys left running, and nothing else', async () => {
    const ours = await orphan('run/a/1')
    const others = await orphan('run/b/1')
    const backend = processBackend({ command: process.execPath })
    await backend.killOrphans?.(['run/a/1', 'run/c/1'], 1)
    expect(ours.map(lives)).toEqual([false, false])
    expect(others.map(lives)).toEqual([true, true])
    await backend.killOrphans?.(['run/b/1'], 1)
    expect(others.map(lives)).toEqual([false, false])
  })
})
