import { execFileSync, spawn } from 'node:child_process'
import { expect, test } from 'vitest'
import { isSameProcess, listProcesses, parsePs, startOf } from '../../../src/node/process/process-table.js'
import { ProcessTree } from '../../../src/node/process/process-tree.js'

const onLinux = process.platform === 'linux'

test('parsePs reads pid, parent, group and start', () => {
  const text = `
    1     0     1 Ss   Thu Nov 19 08:00:00 2026
  740     1   740 S+   Thu Nov 19 08:00:01 2026
  741   740   740 Z    Thu Nov 19 08:00:02 2026
`
  expect(parsePs(text)).toEqual([
    { pid: 1, ppid: 0, group: 1, start: Date.parse('2026-11-19T08:00:00'), tags: [] },
    { pid: 740, ppid: 1, group: 740, start: Date.parse('2026-11-19T08:00:01'), tags: [] },
  ])
  expect(parsePs('')).toEqual([])
})

test.skipIf(process.platform === 'win32')('the ps of this machine prints that format', () => {
  const text = execFileSync('/bin/ps', ['-A', '-o', 'pid=,ppid=,pgid=,stat=,lstart='], {
    env: { LC_ALL: 'C' },
    encoding: 'utf8',
  })
  const us = parsePs(text).find(row => row.pid === process.pid)
  expect(us).toMatchObject({ ppid: process.ppid, group: expect.any(Number) })
  expect(Math.abs(us!.start - (Date.now() - process.uptime() * 1_000))).toBeLessThan(5_000)
})

test.skipIf(!onLinux)('concurrent calls share a scan, and a call during a scan starts another (Linux)', async () => {
  const start = startOf(process.pid)!
  const [first, second] = [listProcesses(start + 1_000_000_000), listProcesses(start)]
  expect(first).toBe(second)
  await Promise.resolve()
  await Promise.resolve()
  const third = listProcesses(start)
  expect(third).not.toBe(first)
  for (const table of [first, third]) expect((await table).rows.map(row => row.pid)).toContain(process.pid)
})

test.skipIf(!onLinux)('a process that reuses a pid is not the same process, and is not signalled (Linux)', async () => {
  const start = startOf(process.pid)!
  const row = { pid: process.pid, ppid: process.ppid, group: 0, start, tags: [] }
  expect(isSameProcess(row)).toBe(true)
  expect(isSameProcess({ ...row, start: start - 1 })).toBe(false)
})

test.skipIf(!onLinux)(
  'a process with the reused pid or group of a dead leader is not a member of its tree (Linux)',
  async () => {
    const leader = spawn('true', { detached: true })
    const tree = new ProcessTree(leader as typeof leader & { pid: number }, 'a-tag')
    await tree.exited
    const unrelated = spawn('sleep', ['60'], { detached: true })
    const now = startOf(unrelated.pid!)!
    const reused = { pid: leader.pid!, ppid: 1, group: leader.pid!, start: now + 1, tags: [] }
    const follower = { pid: unrelated.pid!, ppid: 1, group: leader.pid!, start: now, tags: [] }
    tree.killNow([reused, follower])
    expect(isSameProcess(follower)).toBe(true)
    tree.killNow([follower])
    await new Promise(resolve => unrelated.once('exit', resolve))
    tree.release()
  },
)
