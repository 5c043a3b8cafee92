import { execFileSync } from 'node:child_process'
import { closeSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { type HostError, Orchestrator, type RunEvent } from 'counterpoint'
import { type FileSystem, fileJournal } from 'counterpoint/node'
import { MockBackend } from 'counterpoint/testing'
import { expect, onTestFinished, test } from 'vitest'
import { FakeDisk } from '../node/journal/fake-disk.js'
import { checkHistory } from '../support/history.js'
import { specs } from '../support/scheduler-fixture.js'
import { eventsOf, temporaryFolder } from './test-host.js'

/** A folder for a journal on a disk that can be filled to the last byte. */
interface TestDisk {
  readonly folder: string
  readonly fileSystem?: FileSystem
  fill(): void
  free(): void
}

function inMemory(): TestDisk {
  const disk = new FakeDisk()
  const fill = (): void => {
    disk.space = 0
  }
  return { folder: '/runs', fileSystem: disk, fill, free: () => disk.repair() }
}

/** A small mounted disk. Undefined where mounting is not permitted. */
function mounted(): TestDisk | undefined {
  const folder = temporaryFolder()
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'counterpoint', folder], { stdio: 'ignore' })
  } catch {
    return undefined
  }
  onTestFinished(() => void execFileSync('umount', ['--lazy', folder]))
  const filler = join(folder, 'filler')
  return { folder, fill: () => fillUp(filler), free: () => rmSync(filler) }
}

function fillUp(path: string): void {
  const file = openSync(path, 'w')
  try {
    for (;;) writeSync(file, Buffer.alloc(4_096))
  } catch (error) {
    if ((error as { code?: string }).code !== 'ENOSPC') throw error
  } finally {
    closeSync(file)
  }
}

/** An orchestrator whose agents return outputs of a page each. */
function working({ folder, fileSystem }: TestDisk): {
  orchestrator: Orchestrator
  backend: MockBackend
  errors: HostError[]
} {
  const backend = new MockBackend().answer('*', ({ task }) => task.id.repeat(6_000))
  const journal = fileJournal({ folder, ...(fileSystem && { fileSystem }) })
  const orchestrator = new Orchestrator({ journal, pools: { p: { backend } } })
  const errors: HostError[] = []
  orchestrator.on('error', error => void errors.push(error))
  return { orchestrator, backend, errors }
}

test.each([
  ['in memory', inMemory],
  ['of this machine, if it can be mounted, else in memory', () => mounted() ?? inMemory()],
])('a run on a full disk, %s, reports it and waits, and continues when there is space again', async (_, make) => {
  const disk = make()
  const { orchestrator, backend, errors } = working(disk)
  const run = orchestrator.run({ tasks: specs('a b<a c<b d<c') }, { runId: 'x' })
  const emitted: RunEvent[] = []
  run.on('event', event => void emitted.push(event as RunEvent))
  run.on('task.succeeded', ({ taskId }) => (taskId === 'b' ? disk.fill() : undefined))
  await expect.poll(() => errors).toHaveLength(1)
  expect(errors[0]!.where).toMatch(/cannot be written.*ENOSPC|ENOSPC.*cannot be written/)
  const [calls, events, progress] = [backend.calls.length, emitted.length, run.progress()]
  await new Promise(resolve => setTimeout(resolve, 150))
  expect([backend.calls.length, emitted.length, run.progress()]).toEqual([calls, events, progress])
  expect([progress.status, run.task('d')?.status, errors.length]).toEqual(['running', 'blocked', 1])
  disk.free()
  const { outcome, outputs } = await run.result
  expect([outcome, Object.keys(outputs), backend.calls.length]).toEqual(['completed', ['a', 'b', 'c', 'd'], 4])
  expect(errors.map(({ where }) => where)).toEqual([errors[0]!.where, expect.stringContaining('can be written again')])
  checkHistory(emitted)
  await orchestrator.drain()
  const again = working(disk)
  const resumed = await again.orchestrator.resume('x')
  expect([(await resumed.result).outputs, again.errors]).toEqual([outputs, []])
  expect(await eventsOf(resumed)).toEqual(emitted)
})

test('a run that died on a full disk is rejected with JOURNAL, or waits, while the disk is full, and resumes when it is not', async () => {
  const disk = new FakeDisk()
  const testDisk: TestDisk = { folder: '/runs', fileSystem: disk, fill: () => {}, free: () => {} }
  const first = working(testDisk)
  const before = first.orchestrator.run({ tasks: specs('a b<a c<b') }, { runId: 'x' })
  before.on('task.succeeded', ({ taskId }) => {
    if (taskId === 'a') disk.space = 0
  })
  await expect.poll(() => first.errors).toHaveLength(1)
  const left = disk.afterCrash()
  left.space = 0
  left.fail({ on: 'write', path: '/LOCK', code: 'ENOSPC' })
  const second = working({ ...testDisk, fileSystem: left })
  const full = { code: 'JOURNAL', message: expect.stringContaining('ENOSPC') }
  await expect(second.orchestrator.resume('x')).rejects.toMatchObject(full)
  // The space of the dead owner's lock is just enough for the new one.
  const run = await second.orchestrator.resume('x')
  await expect.poll(() => second.errors).toHaveLength(1)
  expect([second.errors[0]!.where, second.backend.calls]).toEqual([expect.stringContaining('ENOSPC'), []])
  left.space = Number.POSITIVE_INFINITY
  expect(Object.keys((await run.result).outputs)).toEqual(['a', 'b', 'c'])
  expect(second.backend.callsOf('a')).toEqual([])
  checkHistory(await eventsOf(run))
})
