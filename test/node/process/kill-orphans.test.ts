import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { processBackend } from 'counterpoint/node'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { Cgroup } from '../../../src/node/process/cgroup.js'
import { FamilyRecord } from '../../../src/node/process/family-record.js'
import { tagPrefix } from '../../../src/node/process/kill-orphans.js'
import { hasProc, listProcessesNow, startOf } from '../../../src/node/process/process-table.js'

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

/** The folder of records of this test. */
function ownRecords(): string {
  const temporary = mkdtempSync(join(tmpdir(), 'counterpoint-records-'))
  onTestFinished(() => rmSync(temporary, { recursive: true }))
  vi.stubEnv('TMPDIR', temporary)
  const folder = join(temporary, `counterpoint-${process.getuid?.()}`)
  mkdirSync(folder, { mode: 0o700 })
  return folder
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

  test('believes records only in a folder that nobody else can write to', async () => {
    const folder = ownRecords()
    const child = spawn('sleep', ['60'], { detached: true, stdio: 'ignore' })
    const ended = once(child, 'exit')
    const pid = child.pid as number
    const tag = `${tagPrefix('run/a/1', 1)}x`
    const backend = processBackend({ command: process.execPath })
    const record = FamilyRecord.open(tag, undefined)
    record?.add([{ pid, start: startOf(pid) as number, session: pid }])
    chmodSync(folder, 0o777)
    await backend.killOrphans?.(['run/a/1'], 1)
    expect(lives(pid)).toBe(true)
    chmodSync(folder, 0o700)
    await backend.killOrphans?.(['run/b/1'], 1)
    expect([lives(pid), readdirSync(folder)]).toEqual([true, [tag]])
    await backend.killOrphans?.(['run/a/1'], 1)
    await ended
    expect(readdirSync(folder)).toEqual([])
  })

  const torn = {
    'torn line': '{"processes":[[1',
    'line of another kind': 'null',
    'member of another kind': '{"processes":[1]}',
  }
  test.each(Object.entries(torn))('uses the rest of a record with a %s', async (_, line) => {
    const folder = ownRecords()
    const child = spawn('sleep', ['60'], { detached: true, stdio: 'ignore' })
    const ended = once(child, 'exit')
    const pid = child.pid as number
    const tag = `${tagPrefix('run/a/1', 1)}x`
    const file = join(folder, tag)
    const record = FamilyRecord.open(tag, undefined)
    // What a write on a full disk, or in the moment of a crash, may leave.
    writeFileSync(file, `${readFileSync(file, 'utf8')}\n${line}`)
    record?.add([{ pid, start: startOf(pid) as number, session: pid }])
    writeFileSync(file, `${readFileSync(file, 'utf8')}\n${line}`)
    await processBackend({ command: process.execPath }).killOrphans?.(['run/a/1'], 1)
    await ended
    expect(readdirSync(folder)).toEqual([])
  })

  test('removes no folder that is not the control group of its attempt', async () => {
    const folder = ownRecords()
    const tag = `${tagPrefix('run/e/1', 1)}x`
    FamilyRecord.open(tag, new Cgroup(folder))
    mkdirSync(join(folder, 'other', 'empty'), { recursive: true })
    await processBackend({ command: process.execPath }).killOrphans?.(['run/e/1'], 1)
    expect([readdirSync(folder), readdirSync(join(folder, 'other'))]).toEqual([['other'], ['empty']])
  })

  test('ends what it finds by other means where records cannot be read', async () => {
    const folder = ownRecords()
    const prefix = tagPrefix('run/d/1', 1)
    mkdirSync(join(folder, `${prefix}folder`))
    execFileSync('mkfifo', [join(folder, `${prefix}fifo`)])
    writeFileSync(join(folder, `${prefix}empty`), '')
    writeFileSync(join(folder, `${prefix}binary`), new Uint8Array(100).fill(0xff))
    const ours = await orphan('run/d/1')
    const { killOrphans } = processBackend({ command: process.execPath })
    // Several hosts may resume runs at once: each may find records that another one removes.
    await Promise.all([1, 2, 3].map(() => killOrphans?.(['run/d/1'], 1)))
    expect(ours.map(lives)).toEqual([false, false])
    expect(readdirSync(folder)).toEqual([`${prefix}folder`])
  })

  test('does not kill a process that has the pid of a recorded one, nor who is in a session of that number', async () => {
    const child = spawn('sh', ['-c', 'sleep 60 & wait'], { detached: true, stdio: 'ignore' })
    const pid = child.pid as number
    const record = FamilyRecord.open(`${tagPrefix('run/c/1', 1)}x`, undefined)
    record?.add([{ pid, start: (startOf(pid) as number) - 1, session: pid }])
    await processBackend({ command: process.execPath }).killOrphans?.(['run/c/1'], 1)
    expect(lives(pid)).toBe(true)
    process.kill(-pid, 'SIGKILL')
  })
})
