import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { type HostError, type OpenJournal, Orchestrator } from 'counterpoint'
import { type FileJournalOptions, fileJournal } from 'counterpoint/node'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { buildProgram, Child } from '../child-process.js'
import { FakeDisk } from '../fake-disk.js'
import { read, record, records, reopened } from '../test-journal.js'

/** Appends a record for each line `append` that it reads, and says when it has lost the journal. */
const HOLDER = `
  import { createInterface } from 'node:readline'
  import { fileJournal } from 'counterpoint/node'
  const [folder, leaseMs, takeOver] = process.argv.slice(2)
  const journal = fileJournal({ folder, leaseMs: Number(leaseMs), takeOver: takeOver === 'takeOver' })
  const open = await journal.open('run-1').catch(error => {
    console.log('refused ' + error.message)
    process.exit()
  })
  let seq = 0
  for await (const record of open.read()) seq += record.length
  console.log('open ' + seq)
  void open.lost.then(error => console.log('lost ' + error.message))
  for await (const line of createInterface({ input: process.stdin })) {
    if (line === 'close') break
    const event = { type: 'run.paused', seq: ++seq, at: seq, runId: 'run-1' }
    console.log(await open.append([event]).then(() => 'appended ' + seq, error => 'rejected ' + error.message))
  }
  await open.close().catch(() => {})
`

let folder: string
let program: string
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'counterpoint-take-over-'))
  program = await buildProgram(folder, HOLDER)
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** A process that has the run open in a folder of its own. */
async function holder(leaseMs: number) {
  const root = mkdtempSync(join(folder, 'runs-'))
  const child = ended(new Child(program, root, String(leaseMs)))
  expect(await child.line()).toBe('open 0')
  return { root, child, lock: join(root, 'run-1/LOCK') }
}

function ended(child: Child): Child {
  onTestFinished(() => child.kill())
  return child
}

async function append(child: Child): Promise<string | undefined> {
  child.process.stdin?.write('append\n')
  return child.line()
}

/** Changes what a LOCK says of its owner. */
function edit(lock: string, change: object): void {
  writeFileSync(lock, JSON.stringify({ ...JSON.parse(readFileSync(lock, 'utf8')), ...change }))
}

const seqs = async (open: OpenJournal): Promise<number[]> => (await read(open)).flat().map(({ seq }) => seq)

const opening = (root: string, options: Partial<FileJournalOptions> = {}): Promise<OpenJournal> =>
  Promise.resolve(fileJournal({ folder: root, ...options }).open('run-1'))

/** What differs for a container that was started again on the same volume, with a new host name. */
const ELSEWHERE = { host: 'web-old', network: 'net:[1]', pidNamespace: 'pid:[1]', pid: process.pid }

describe('the lock of a process that was killed in another container', () => {
  test('is refused without takeOver, and the error says who has it, and what to do', async () => {
    const { root, child, lock } = await holder(15_000)
    await child.kill()
    edit(lock, ELSEWHERE)
    const error = (await opening(root).catch((thrown: unknown) => thrown)) as Error
    expect(error.message).toMatch(
      new RegExp(`locked by pid ${process.pid} on web-old \\(process started at 20..-.*Z\\), since 20..-.*Z`),
    )
    expect(error.message).toContain('takeOver: true')
    expect(error.message).not.toContain('this process')
  })

  test('is taken with takeOver once its lease has ended: every acknowledged record is there, and it can be written', async () => {
    const { root, child, lock } = await holder(300)
    expect(await append(child)).toBe('appended 1')
    await child.kill()
    edit(lock, ELSEWHERE)
    const open = await opening(root, { takeOver: true })
    expect(await seqs(open)).toEqual([1])
    await open.append([{ type: 'run.paused', seq: 2, at: 2, runId: 'run-1' }])
    await open.close()
    expect(await seqs(await opening(root))).toEqual([1, 2])
  })

  test('on another machine is taken when it was not renewed for the whole lease, whatever its clock says', async () => {
    const { root, child, lock } = await holder(300)
    await child.kill()
    for (const renewedAt of [0, Date.now() + 10 ** 10]) {
      const began = performance.now()
      edit(lock, { ...ELSEWHERE, bootId: 'another', renewedAt })
      await (await opening(root, { takeOver: true })).close()
      expect(performance.now() - began).toBeGreaterThanOrEqual(290)
      writeFileSync(lock, JSON.stringify({ pid: 1, host: 'web-old', nonce: 'x', leaseMs: 300 }))
    }
    await (await opening(root, { takeOver: true })).close()
  })

  test.each([
    ['a lease that is a text', { leaseMs: 'x' }],
    ['a negative lease', { leaseMs: -5 }],
    ['a lease of no time', { leaseMs: 0 }],
    ['a lease longer than a timer', { leaseMs: 1e15 }],
    ['a renewal that is a text', { renewedAt: 'x', leaseMs: 300 }],
    ['a renewal before all time', { renewedAt: -1e300, leaseMs: 300 }],
  ])('with a damaged file, %s, is taken after a lease, no earlier and no later', async (_, change) => {
    const { root, child, lock } = await holder(300)
    await child.kill()
    const began = performance.now()
    // Of this machine: there the part of the lease that is over counts.
    edit(lock, { ...ELSEWHERE, renewedAt: Date.now(), ...change })
    await (await opening(root, { takeOver: true, leaseMs: 300 })).close()
    expect(performance.now() - began).toBeGreaterThanOrEqual(290)
  })

  test('is taken from shared streams too, which the next process can then read', async () => {
    const root = mkdtempSync(join(folder, 'runs-'))
    const journal = fileJournal({ folder: root, leaseMs: 200 })
    const stream = await journal.shared?.('budget')
    await stream?.append({ n: 1 })
    await stream?.close()
    const lock = { pid: 1, host: 'web-old', nonce: 'x', leaseMs: 200 }
    writeFileSync(join(root, '.shared-budget/LOCK'), JSON.stringify(lock))
    const errors: HostError[] = []
    const orchestrator = new Orchestrator({
      pools: { p: { backend: () => 'ok' } },
      budget: { costUsd: 5 },
      journal: fileJournal({ folder: root, takeOver: true }),
    })
    orchestrator.on('error', error => void errors.push(error))
    expect((await orchestrator.run({ tasks: [{ id: 'a' }] }).result).outcome).toBe('completed')
    await orchestrator.drain()
    expect(errors).toEqual([])
  })
})

test('a container that was started again under its name gets its run back once the lease has passed, without takeOver', async () => {
  const { root, child, lock } = await holder(15_000)
  expect(await append(child)).toBe('appended 1')
  await child.kill()
  const again = { ...ELSEWHERE, host: hostname(), pid: 1 }
  edit(lock, again)
  await expect(opening(root)).rejects.toThrow(`locked by pid 1 on ${hostname()}`)
  edit(lock, { ...again, renewedAt: Date.now() - 16_000 })
  const open = await opening(root)
  expect(await seqs(open)).toEqual([1])
  await open.close()
})

describe('the lock of a process that is alive', () => {
  test('is not taken, with takeOver either: it renews its lease', async () => {
    const { root, child, lock } = await holder(3_000)
    const started = JSON.parse(readFileSync(lock, 'utf8')).renewedAt
    const second = ended(new Child(program, root, '3000', 'takeOver'))
    expect(await second.line()).toMatch(/^refused .*locked by pid \d+ on .*Its owner is alive/)
    expect(JSON.parse(readFileSync(lock, 'utf8')).renewedAt).toBeGreaterThan(started)
    expect(await append(child)).toBe('appended 1')
  })

  test('is not taken by the same process, which is told so at once', async () => {
    const root = mkdtempSync(join(folder, 'runs-'))
    const open = await opening(root)
    await expect(opening(root, { takeOver: true })).rejects.toThrow(`locked by this process (pid ${process.pid})`)
    await open.close()
  })

  test.skipIf(spawnSync('unshare', ['-p', '-n', '-f', '--mount-proc', 'true']).status !== 0)(
    'as pid 1 of another container is not taken by pid 1 of this one, nor mistaken for it',
    async () => {
      const root = mkdtempSync(join(folder, 'runs-'))
      const unshare = ['unshare', '-p', '-n', '-f', '--mount-proc', '--kill-child', process.execPath]
      const container = (...args: string[]): Child => ended(new Child([...unshare, program], ...args))
      const first = container(root, '3000')
      expect(await first.line()).toBe('open 0')
      expect(JSON.parse(readFileSync(join(root, 'run-1/LOCK'), 'utf8'))).toMatchObject({ pid: 1, host: hostname() })
      expect(await container(root, '3000').line()).toMatch(/^refused .*locked by pid 1 on .* \(process started at/)
      expect(await container(root, '3000', 'takeOver').line()).toMatch(/^refused .*Its owner is alive/)
      expect(await append(first)).toBe('appended 1')
      await first.kill()
      expect(await container(root, '3000').line()).toMatch(/^refused .*takeOver: true/)
      expect(await container(root, '3000', 'takeOver').line()).toBe('open 1')
    },
  )
})

describe.runIf(process.platform === 'linux')('a process that is suspended for longer than its lease', () => {
  test('loses the run to one that takes it over; when it continues it notices, and nothing that it writes is accepted', async () => {
    const { root, child } = await holder(300)
    expect(await append(child)).toBe('appended 1')
    child.process.kill('SIGSTOP')
    await expect(opening(root)).rejects.toThrow(`locked by pid ${child.process.pid}`)
    const open = await opening(root, { takeOver: true })
    await open.append([{ type: 'run.paused', seq: 2, at: 2, runId: 'run-1' }])
    child.process.kill('SIGCONT')
    expect(await child.line()).toMatch(/^lost .*expected the lock that this process .* took, but pid \d+ on .* has it/)
    expect(await append(child)).toMatch(/^rejected .*expected the lock/)
    await child.kill()
    await open.append([{ type: 'run.paused', seq: 3, at: 3, runId: 'run-1' }])
    // It has the file only: the first one had the kernel's lock.
    await expect(opening(root, { takeOver: true, leaseMs: 100 })).rejects.toThrow('locked by this process')
    await open.close()
    expect(await seqs(await opening(root))).toEqual([1, 2, 3])
  })

  test('that writes as the first thing when it continues is refused, too', async () => {
    const { root, child } = await holder(200)
    child.process.kill('SIGSTOP')
    child.process.stdin?.write('append\n')
    const open = await opening(root, { takeOver: true })
    await open.append([{ type: 'run.paused', seq: 1, at: 7, runId: 'run-1' }])
    child.process.kill('SIGCONT')
    const lines = [await child.line(), await child.line()].map(line => line?.split(' ')[0]).sort()
    expect(lines).toEqual(['lost', 'rejected'])
    await open.close()
    expect((await read(await opening(root))).flat().map(({ at }) => at)).toEqual([7])
  })

  test('and never continues keeps nobody out who takes over, also after the next owner has closed the run', async () => {
    const { root, child } = await holder(150)
    child.process.kill('SIGSTOP')
    await (await opening(root, { takeOver: true })).close()
    await expect(opening(root)).rejects.toThrow('locked by an unknown process')
    await (await opening(root, { takeOver: true, leaseMs: 150 })).close()
    await child.kill()
    await (await opening(root)).close()
  })

  test('of several that want to take it over, one gets it', async () => {
    const { root, child } = await holder(200)
    child.process.kill('SIGSTOP')
    const takers = Array.from({ length: 4 }, () => ended(new Child(program, root, '5000', 'takeOver')))
    const lines = await Promise.all(takers.map(taker => taker.line()))
    const winners = takers.filter((_, i) => lines[i] === 'open 0')
    expect(winners.length).toBeLessThanOrEqual(takers.length)
    const answers = await Promise.all(winners.map(append))
    expect(answers.filter(answer => answer === 'appended 1').length).toBeLessThanOrEqual(1)
  })
})

test('a run whose journal was taken over ends with JOURNAL at once, and its attempts are aborted', async () => {
  const root = mkdtempSync(join(folder, 'runs-'))
  let signal: AbortSignal | undefined
  const backend = (_: unknown, context: { signal: AbortSignal }) => {
    signal = context.signal
    return new Promise<never>(() => {})
  }
  const pools = { p: { backend, graceMs: 1 } }
  const orchestrator = new Orchestrator({ pools, journal: fileJournal({ folder: root, leaseMs: 60 }) })
  orchestrator.on('error', () => {})
  const run = orchestrator.run({ tasks: [{ id: 'a' }] }, { runId: 'x' })
  await new Promise(resolve => run.on('attempt.started', resolve))
  rmSync(join(root, 'x/LOCK'))
  writeFileSync(join(root, 'x/LOCK'), JSON.stringify({ pid: 7, host: 'web-2', nonce: 'x' }))
  await expect(run.result).rejects.toMatchObject({
    code: 'JOURNAL',
    message: expect.stringContaining('pid 7 on web-2 has it'),
  })
  expect(signal?.aborted).toBe(true)
  await orchestrator.drain()
  expect(readFileSync(join(root, 'x/LOCK'), 'utf8')).toContain('web-2')
})

test.each([
  ['in another container', { ...ELSEWHERE, host: hostname() }],
  ['of another start', { startTime: '1', network: 'net:[1]', pidNamespace: 'pid:[1]' }],
  ['on another machine', { host: 'web-old' }],
])('a process %s with the pid of this one is not called this process', async (_, change) => {
  const fixture = new FakeDisk()
  const lock = '/runs/run-1/LOCK'
  fixture.put(
    lock,
    JSON.stringify({ pid: process.pid, host: hostname(), nonce: 'x', startedAt: 0, since: 0, ...change }),
  )
  const { refusal } = await reopened(fixture)
  expect(refusal).toContain(`locked by pid ${process.pid} on `)
  expect(refusal).toContain('process started at 1970-01-01T00:00:00.000Z), since 1970-01-01T00:00:00.000Z')
})

test('a lease longer than a timer of the platform is refused', () => {
  expect(() => fileJournal({ folder, leaseMs: 2 ** 31 })).toThrow('leaseMs')
})

test('a lock is renewed while the run is open, and not after it was closed', async () => {
  const root = mkdtempSync(join(folder, 'runs-'))
  const lock = join(root, 'run-1/LOCK')
  const open = await opening(root, { leaseMs: 30 })
  const renewedAt = (): number => JSON.parse(readFileSync(lock, 'utf8')).renewedAt
  const first = renewedAt()
  while (renewedAt() === first) await new Promise(resolve => setTimeout(resolve, 5))
  for (const each of records(1, 2)) await open.append(each)
  await open.append(record(3))
  await open.close()
  expect(() => readFileSync(lock)).toThrow('ENOENT')
})
