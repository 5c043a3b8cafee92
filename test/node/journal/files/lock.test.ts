import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { type JournalRecord, type OpenJournal, systemClock } from 'counterpoint'
import { fileJournal } from 'counterpoint/node'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { SeededRandom } from '../../../support/seeded-random.js'
import { buildProgram, Child } from '../child-process.js'
import { delayed } from '../delayed-file-system.js'
import { FakeDisk } from '../fake-disk.js'
import { FOLDER, read, record, records, reopened, TestJournal, write } from '../test-journal.js'

const nextTurn = (): Promise<unknown> => new Promise(resolve => setImmediate(resolve))
const LOCK = `${FOLDER}/LOCK`

/** How many races two takers of a dead holder's lock run; set COUNTERPOINT_RACES for more. */
const RACES = Number(process.env.COUNTERPOINT_RACES ?? 100)

describe('an open run', () => {
  test('cannot be opened again, even in the same process, until it is closed', async () => {
    const fixture = new TestJournal()
    const open = await fixture.open()
    await expect(fixture.open()).rejects.toMatchObject({ code: 'JOURNAL', details: { runId: 'run-1', where: LOCK } })
    await expect(new TestJournal(fixture.disk).open()).rejects.toThrow(`locked by this process (pid ${process.pid})`)
    await expect(fixture.journal.delete('run-1')).rejects.toThrow('locked by')
    await open.close()
    await open.close()
    expect(fixture.disk.paths()).toEqual([])
    await (await fixture.open()).close()
  })

  test('can be read without opening it', async () => {
    const fixture = new TestJournal()
    const open = await fixture.open()
    await write(open, records(1, 2))
    const look = { read: () => new TestJournal(fixture.disk).journal.read('run-1') }
    expect(await read(look)).toEqual(records(1, 2))
    await write(open, records(3, 4))
    expect(await read(look)).toEqual(records(1, 4))
    await open.close()
    expect(await read({ read: () => fixture.journal.read('unknown') })).toEqual([])
    expect(await read({ read: () => new TestJournal().journal.read('run-1') })).toEqual([])
  })

  test('rejects writes once its LOCK is gone or replaced, and keeps acknowledged records', async () => {
    for (const replaced of [false, true]) {
      const fixture = new TestJournal()
      const open = await fixture.open()
      await write(open, records(1, 2))
      fixture.disk.remove(LOCK)
      if (replaced) fixture.disk.put(LOCK, JSON.stringify({ pid: 7, host: 'elsewhere', nonce: 'x' }))
      await expect(open.append(record(3))).rejects.toThrow(replaced ? 'pid 7 on elsewhere has it' : 'it is gone')
      await expect(open.append(record(3))).rejects.toMatchObject({ code: 'JOURNAL' })
      await closeQuietly(open)
      expect(fixture.disk.paths().includes(LOCK)).toBe(replaced)
    }
  })

  test('rejects writes once its folder is gone', async () => {
    const fixture = new TestJournal()
    const open = await fixture.open()
    fixture.disk.remove(FOLDER)
    await expect(open.append(record(1))).rejects.toMatchObject({ code: 'JOURNAL' })
  })
})

describe('an existing LOCK', () => {
  const holder = { pid: 999_999_999, host: hostname(), nonce: 'x' }

  test.each([
    ['by a process that has ended', JSON.stringify(holder)],
    ['before the machine was restarted', JSON.stringify({ ...holder, pid: process.pid, bootId: 'another' })],
    [
      'by a process whose pid has been reused',
      JSON.stringify({ ...thisProcess(), startTime: '1', network: 'another' }),
    ],
    ['half-written', '{"pid": 12'],
    ['empty', ''],
  ])('%s is taken over', async (_, text) => {
    const disk = new FakeDisk()
    disk.put(LOCK, text)
    expect((await reopened(disk)).refusal).toBeUndefined()
    expect(disk.paths()).toEqual([])
  })

  test.each([
    ['by another machine', JSON.stringify({ ...holder, host: 'elsewhere' }), 'locked by pid 999999999 on elsewhere'],
    [
      'by a living process in a container of its own',
      JSON.stringify({ ...thisProcess(), network: 'another' }),
      `locked by this process (pid ${process.pid})`,
    ],
  ])('%s is not, and the error says what to do', async (_, text, words) => {
    const disk = new FakeDisk()
    disk.put(LOCK, text)
    const { refusal } = await reopened(disk)
    expect(refusal).toContain(words)
    expect(refusal).toContain('delete the file')
    expect(disk.content(LOCK).toString()).toBe(text)
  })

  test('that is not a file is rejected', async () => {
    const disk = new FakeDisk()
    disk.putLink(LOCK)
    expect((await reopened(disk)).refusal).toContain('expected a file')
  })

  function thisProcess(): object {
    const stat = readFileSync('/proc/self/stat', 'latin1')
    return {
      pid: process.pid,
      host: hostname(),
      nonce: 'x',
      startTime: stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19],
      bootId: readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim(),
    }
  }
})

/** Expects a JOURNAL error. */
function refused(error: unknown): undefined {
  expect(error).toMatchObject({ code: 'JOURNAL' })
}

async function closeQuietly(open: OpenJournal | undefined): Promise<void> {
  await Promise.resolve(open?.close()).catch(refused)
}

/** True when the append was acknowledged, false when it was rejected with JOURNAL. */
async function outcome(open: OpenJournal, next: JournalRecord): Promise<boolean> {
  try {
    await open.append(next)
    return true
  } catch (error) {
    expect(error).toMatchObject({ code: 'JOURNAL' })
    return false
  }
}

describe('without a kernel lock', () => {
  test.each([0, 2])(
    'a writer that is suspended at any step of a commit while another takes its lock, after %i records, loses nothing that either acknowledged',
    async before => {
      const results = { acknowledged: 0, refused: 0 }
      for (let step = 1; step <= 12; step++) {
        const disk = new FakeDisk()
        let left = Number.POSITIVE_INFINITY
        let wake!: () => void
        const woken = new Promise<void>(resolve => (wake = resolve))
        const sleeper = new TestJournal(delayed(disk, async () => (--left === 0 ? woken : undefined)))
        const open = await sleeper.open()
        await write(open, records(1, before))
        left = step
        const appended = outcome(open, record(before + 1, 'by the suspended one'))
        for (let i = 0; i < 30; i++) await nextTurn()

        disk.remove(LOCK)
        const other = await new TestJournal(delayed(disk, async () => {})).open()
        const seen = await read(other)
        const next = record(seen.length + 1, 'by the other')
        expect(await outcome(other, next)).toBe(true)
        wake()
        const acknowledged = await appended
        results[acknowledged ? 'acknowledged' : 'refused']++
        if (acknowledged) expect(seen).toContainEqual(record(before + 1, 'by the suspended one'))
        expect(await outcome(open, record(before + 2))).toBe(false)
        await closeQuietly(open)
        await other.close()
        expect((await reopened(disk)).records, `suspended at step ${step}`).toEqual([...seen, next])
      }
      expect(results.acknowledged).toBeGreaterThan(0)
      expect(results.refused).toBeGreaterThan(0)
    },
  )

  test('writers that race for a dead lock, which is deleted repeatedly, lose nothing that any of them acknowledged', async () => {
    const results = { acknowledged: 0, refused: 0 }
    for (let seed = 1; seed <= RACES; seed++) {
      const dice = new SeededRandom(seed)
      const disk = new FakeDisk()
      disk.put(LOCK, JSON.stringify({ pid: 999_999_999, host: hostname(), nonce: 'dead' }))
      const acknowledged: JournalRecord[] = []
      const delayAtRandom = async (): Promise<void> => {
        for (let left = dice.below(4); left > 0; left--) await nextTurn()
      }
      const compete = async (name: string): Promise<void> => {
        for (let tries = 0; tries < 4; tries++) {
          const open = await new TestJournal(delayed(disk, delayAtRandom)).open().catch(refused)
          const from = open && (await read(open).catch(refused))?.length
          for (let i = 1; open && from !== undefined && i <= 3; i++) {
            const next = record(from + i, `${name} ${tries}`)
            const acknowledged_ = await outcome(open, next)
            results[acknowledged_ ? 'acknowledged' : 'refused']++
            if (!acknowledged_) break
            acknowledged.push(next)
          }
          await closeQuietly(open)
        }
      }
      const deleteLock = async (): Promise<void> => {
        for (let left = 4; left > 0; left--) {
          for (let turns = dice.below(80); turns > 0; turns--) await nextTurn()
          if (disk.paths().includes(LOCK)) disk.remove(LOCK)
        }
      }
      await Promise.all([compete('one'), compete('two'), compete('three'), deleteLock()])
      if (disk.paths().includes(LOCK)) disk.remove(LOCK)
      const { records: found, refusal } = await reopened(disk)
      expect(refusal, `seed ${seed}`).toBeUndefined()
      for (const each of acknowledged) expect(found, `seed ${seed}`).toContainEqual(each)
      expect(found.map(([event]) => event!.seq)).toEqual(found.map((_, i) => i + 1))
    }
    expect(results.acknowledged).toBeGreaterThan(RACES)
    expect(results.refused).toBeGreaterThan(RACES / 10)
  })
})

const CHILD = `
  import { fileJournal } from 'counterpoint/node'
  const [folder, count] = process.argv.slice(2)
  const open = await fileJournal({ folder }).open('run-1')
  for (let seq = 1; seq <= Number(count); seq++) {
    await open.append([{ type: 'run.paused', seq, at: seq, runId: 'run-1' }])
    console.log(seq)
  }
  console.log('written')
  if (process.argv[4] === 'hold') setInterval(() => {}, 1000)
`

describe('another process', () => {
  let folder: string
  let path: string
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'counterpoint-lock-'))
    path = await buildProgram(folder, CHILD)
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  const journal = (root: string) => fileJournal({ folder: root, clock: systemClock })
  const untilWritten = async (child: Child): Promise<void> => {
    for (let line = await child.line(); line !== 'written'; line = await child.line())
      if (line === undefined) throw new Error('the child ended before it had written')
  }

  test('that has the run open is named in the error; once killed, the run can be opened', async () => {
    const root = join(folder, 'killed')
    const child = new Child(path, root, '3', 'hold')
    await untilWritten(child)
    await expect(journal(root).open('run-1')).rejects.toThrow(`locked by pid ${child.process.pid} on ${hostname()}`)
    await child.kill()
    const open = await journal(root).open('run-1')
    expect((await read(open)).flat().map(({ seq }) => seq)).toEqual([1, 2, 3])
    await open.close()
  })

  test.runIf(process.platform === 'linux')('that is suspended keeps the run, even if its LOCK is deleted', async () => {
    const root = join(folder, 'asleep')
    const child = new Child(path, root, '1', 'hold')
    await untilWritten(child)
    child.process.kill('SIGSTOP')
    rmSync(join(root, 'run-1/LOCK'))
    await expect(journal(root).open('run-1')).rejects.toThrow('locked by an unknown process')
    await child.kill()
    await (await journal(root).open('run-1')).close()
  })

  test('is not kept alive by an open journal', async () => {
    const child = new Child(path, join(folder, 'left'), '1')
    await untilWritten(child)
    expect(await child.exit).toBe(0)
  })

  test('that is killed during its writes loses no acknowledged record', async () => {
    const root = join(folder, 'middle')
    for (let round = 0; round < 3; round++) {
      const run = join(root, String(round))
      const child = new Child(path, run, '100000')
      let reports = 0
      for (let i = 0; i < 40 + 30 * round; i++) reports = Number(await child.line())
      await child.kill()
      for (let line = await child.line(); line !== undefined; line = await child.line()) reports = Number(line)
      const open = await journal(run).open('run-1', { report: () => {} })
      expect((await read(open)).length).toBeGreaterThanOrEqual(reports)
      expect(reports).toBeGreaterThan(0)
      await open.close()
    }
  })
})
