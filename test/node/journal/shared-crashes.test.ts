import type { Json } from 'counterpoint'
import { describe, expect, test } from 'vitest'
import { SeededRandom } from '../../support/seeded-random.js'
import { delayed } from './delayed-file-system.js'
import { FakeDisk, type Fault } from './fake-disk.js'
import { all, FOLDER, type Opened, reopened, type Stream, TestStream } from './test-stream.js'

/** The number of simulated failures; set COUNTERPOINT_POWER_LOSSES for more. */
const PROCESSES = Number(process.env.COUNTERPOINT_POWER_LOSSES ?? 150)
const FIRST_SEED = Number(process.env.COUNTERPOINT_SEED ?? 1)

const nextTurn = (): Promise<unknown> => new Promise(resolve => setImmediate(resolve))

/** A stream with two records that replaced all others, then two more, each in a file of its own. */
async function smallStream(): Promise<FakeDisk> {
  const disk = new FakeDisk()
  for (const write of [
    (stream: Stream) => stream.append('out of date'),
    (stream: Stream) => stream.replace(['a', 'b']),
    (stream: Stream) => stream.append('c'),
    (stream: Stream) => stream.append('d'),
  ]) {
    const stream = await new TestStream(disk).open()
    await write(stream)
    await stream.close()
  }
  return disk
}

const ALL = ['a', 'b', 'c', 'd']
const [WHOLE, NEWEST] = [`${FOLDER}/journal-000002.log`, `${FOLDER}/journal-000004.log`]

/** Invariant: a damaged stream opens with a prefix of its records and reports it, or opening fails. */
function expectPrefix({ records, refusal, reports }: Opened, why: string): void {
  if (refusal !== undefined) return
  expect(records, why).toEqual(ALL.slice(0, records.length))
  if (records.length < ALL.length) expect(reports, why).not.toEqual([])
}

describe('a truncated stream', () => {
  test('cut at any byte of its newest file opens with the complete records, reports it, and can be continued', async () => {
    const disk = await smallStream()
    const content = disk.content(NEWEST)
    for (let size = 0; size < content.length; size++) {
      const cut = disk.copy()
      cut.put(NEWEST, content.subarray(0, size))
      const why = `cut at ${size}`
      const fixture = new TestStream(cut)
      const stream = await fixture.open()
      expect(await all(stream), why).toEqual(['a', 'b', 'c'])
      const headerOnly = size === content.indexOf('\n') + 1
      expect(fixture.reports, why).toEqual(
        headerOnly ? [] : [expect.stringMatching(/^shared stream "limits": .* is not part of the journal$/)],
      )
      await stream.append('e')
      await stream.close()
      expect(await reopened(cut), why).toEqual({ records: ['a', 'b', 'c', 'e'], refusal: undefined, reports: [] })
    }
  })

  test('cut at any byte of an older file fails to open, and is unchanged', async () => {
    const disk = await smallStream()
    const content = disk.content(WHOLE)
    for (let size = 0; size < content.length; size++) {
      const cut = disk.copy()
      cut.put(WHOLE, content.subarray(0, size))
      expect((await reopened(cut)).refusal).toMatch(/byte \d+: expected .*Restore the folder/)
      expect(cut.content(WHOLE)).toHaveLength(size)
    }
  })
})

describe('a stream with one bit flipped', () => {
  test('opens with a prefix and reports it, or fails to open', async () => {
    const disk = await smallStream()
    for (const path of disk.paths()) {
      const content = disk.content(path)
      for (let bit = 0; bit < content.length * 8; bit++) {
        const opened = await reopened(flipped(disk, path, bit))
        expectPrefix(opened, `bit ${bit} of ${path}`)
        if (path !== NEWEST) expect(opened.refusal, `bit ${bit} of ${path}`).toBeDefined()
      }
    }
  })

  test('loses no record of a replacement, even if nothing follows it', async () => {
    const disk = new FakeDisk()
    const stream = await new TestStream(disk).open()
    await stream.append('out of date')
    await stream.replace(ALL)
    await stream.close()
    expect(disk.paths()).toEqual([WHOLE])
    const content = disk.content(WHOLE)
    for (let bit = 0; bit < content.length * 8; bit++) {
      const { records, refusal, reports } = await reopened(flipped(disk, WHOLE, bit))
      if (refusal !== undefined) continue
      expect(records, `bit ${bit}`).toEqual(ALL)
      expect(reports, `bit ${bit}`).toHaveLength(1)
    }
  })

  test('can be cut before the damage with onDamage: cut', async () => {
    const disk = await smallStream()
    const content = disk.content(WHOLE)
    const damaged = flipped(disk, WHOLE, content.indexOf('"b"') * 8 + 10)
    const { records, reports } = await reopened(damaged, { onDamage: 'cut' })
    expect([records, reports[0]]).toEqual([['a'], expect.stringContaining('The journal is cut here')])
  })
})

function flipped(disk: FakeDisk, path: string, bit: number): FakeDisk {
  const copy = disk.copy()
  const bytes = Buffer.from(disk.content(path))
  bytes[bit >> 3]! ^= 1 << (bit & 7)
  copy.put(path, bytes)
  return copy
}

const OLD = ['one', 'two', 'three']
const NEW = ['the sum of all']

/** A stream that holds `OLD`, open. */
async function streamWithOld(): Promise<{ readonly disk: FakeDisk; readonly stream: Stream }> {
  const disk = new FakeDisk()
  const stream = await new TestStream(disk).open()
  for (const each of OLD) await stream.append(each)
  return { disk, stream }
}

describe('replace()', () => {
  test('leaves the old or the new records after a crash or power loss at any step', async () => {
    const { disk: trial, stream: tried } = await streamWithOld()
    let steps = 0
    trial.before = () => void steps++
    await tried.replace(NEW)
    expect(steps).toBeGreaterThan(5)
    const found = { old: 0, new: 0 }
    for (let step = 1; step <= steps; step++) {
      for (let way = 0; way < 8; way++) {
        const { disk, stream } = await streamWithOld()
        let left: FakeDisk | undefined
        let count = 0
        disk.before = () => {
          if (++count !== step) return
          const dice = new SeededRandom(step * 8 + way)
          left = way === 0 ? disk.afterCrash() : disk.afterPowerLoss(() => dice.next())
        }
        await stream.replace(NEW)
        const { records, refusal } = await reopened(left as FakeDisk)
        expect(refusal).toBeUndefined()
        expect([OLD, NEW], `step ${step}, way ${way}`).toContainEqual(records)
        found[records.length === 1 ? 'new' : 'old']++
      }
    }
    expect(Math.min(found.old, found.new)).toBeGreaterThan(0)
  })

  test('survives a power loss once it resolves, with all later records', async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const { disk, stream } = await streamWithOld()
      await stream.replace(NEW)
      const dice = new SeededRandom(seed)
      expect((await reopened(disk.afterPowerLoss(() => dice.next()))).records).toEqual(NEW)
      await stream.append('next')
      expect((await reopened(disk.afterPowerLoss(() => dice.next()))).records).toEqual([...NEW, 'next'])
    }
  })

  const FAULTS: readonly Fault[] = [
    { on: 'open', code: 'EMFILE' },
    { on: 'open', code: 'ENOSPC', nth: 2 },
    { on: 'write', code: 'ENOSPC', leaves: 40 },
    { on: 'fsync', code: 'EIO' },
    { on: 'rename', code: 'EIO' },
    { on: 'syncFolder', code: 'EIO' },
  ]
  test.each(FAULTS)('that fails with %j does not affect later operations', async fault => {
    const { disk, stream } = await streamWithOld()
    disk.fail(fault)
    await expect(stream.replace(NEW)).rejects.toMatchObject({ code: 'JOURNAL' })
    expect(await all(stream)).toEqual(OLD)
    const crashed = await reopened(disk.afterCrash())
    expect([OLD, NEW]).toContainEqual(crashed.records)
    await stream.append('next')
    expect(await all(stream)).toEqual([...OLD, 'next'])
    for (const left of [disk.afterCrash(), disk.afterPowerLoss(() => 0.4), disk.afterPowerLoss(() => 0.9)])
      expect((await reopened(left)).records).toEqual([...OLD, 'next'])
    await stream.replace(NEW)
    await stream.close()
    expect(await reopened(disk)).toEqual({ records: NEW, refusal: undefined, reports: [] })
    expect(disk.paths()).toHaveLength(1)
  })

  test('succeeds if old files cannot be deleted, and deletes them the next time', async () => {
    const { disk, stream } = await streamWithOld()
    disk.fail({ on: 'unlink', code: 'EACCES', times: 1 })
    await stream.replace(NEW)
    expect(await all(stream)).toEqual(NEW)
    expect((await reopened(disk.afterCrash())).records).toEqual(NEW)
    await stream.replace([...NEW, 'more'])
    await stream.close()
    expect(disk.paths()).toHaveLength(1)
    expect(await reopened(disk)).toEqual({ records: [...NEW, 'more'], refusal: undefined, reports: [] })
  })

  test('by a process that is suspended at any step while another takes its lock loses nothing that either acknowledged', async () => {
    const outcomes = { acknowledged: 0, refused: 0 }
    for (let step = 1; step <= 14; step++) {
      const disk = new FakeDisk()
      let left = Number.POSITIVE_INFINITY
      let wake!: () => void
      const woken = new Promise<void>(resolve => (wake = resolve))
      const stream = await new TestStream(delayed(disk, async () => (--left === 0 ? woken : undefined))).open()
      for (const each of OLD) await stream.append(each)
      left = step
      const replaced = stream.replace(NEW).then(
        () => true,
        () => false,
      )
      for (let i = 0; i < 30; i++) await nextTurn()

      disk.remove(`${FOLDER}/LOCK`)
      const other = await new TestStream(delayed(disk, async () => {})).open()
      const seen = await all(other)
      await other.append('by the other')
      wake()
      const acknowledged = await replaced
      outcomes[acknowledged ? 'acknowledged' : 'refused']++
      expect(acknowledged ? [NEW] : [OLD, NEW], `suspended at step ${step}`).toContainEqual(seen)
      await stream.close()
      await other.append('again')
      await other.close()
      expect((await reopened(disk)).records, `suspended at step ${step}`).toEqual([...seen, 'by the other', 'again'])
    }
    expect(Math.min(outcomes.acknowledged, outcomes.refused)).toBeGreaterThan(0)
  })
})

/** A disk after a failure, and the possible contents of its stream: the last certain ones, and those of operations that were in progress or rejected. */
interface Survivor {
  readonly disk: FakeDisk
  readonly possible: readonly (readonly Json[])[]
}

/** Writes at random, with faults, until a crash or power loss at a random operation. */
async function writeUntilFailure(disk: FakeDisk, known: readonly Json[], dice: SeededRandom): Promise<Survivor> {
  let certain = known
  let possible: (readonly Json[])[] = [known]
  let end: Survivor | undefined
  const failsAt = 1 + dice.below(80)
  disk.before = operation => {
    if (operation !== failsAt) return
    const left = dice.chance(0.5) ? disk.afterCrash() : disk.afterPowerLoss(() => dice.next())
    end = { disk: left, possible }
  }
  const stream = await new TestStream(disk).open()
  expect(await all(stream)).toEqual(known)
  for (const on of ['fdatasync', 'fsync', 'syncFolder', 'rename', 'unlink'] as const)
    if (dice.chance(0.3)) disk.fail({ on, code: 'EIO', nth: 1 + dice.below(4) })
  if (dice.chance(0.3)) disk.fail({ on: 'write', code: 'ENOSPC', nth: 1 + dice.below(12), leaves: dice.below(200) })
  if (dice.chance(0.3)) disk.largestWrite = 1 + dice.below(100)
  for (let i = 0; end === undefined; i++) {
    const value = `${i} ${'x'.repeat(dice.below(700))}`
    const isNew = dice.chance(0.25)
    const next = isNew ? [value] : [...certain, value]
    possible = [...possible, next]
    try {
      await (isNew ? stream.replace(next) : stream.append(value))
      if (end !== undefined) break
      certain = next
      possible = [next]
    } catch (error) {
      expect(error).toMatchObject({ code: 'JOURNAL' })
    }
  }
  return end
}

describe('any sequence of power losses and crashes', () => {
  test('preserves all acknowledged records, and adds only requested ones', async () => {
    let processes = 0
    for (let seed = FIRST_SEED; processes < PROCESSES; seed++) {
      const dice = new SeededRandom(seed)
      let disk = new FakeDisk()
      let known: readonly Json[] = []
      for (let round = 0; round < 5; round++, processes++) {
        const failed = await writeUntilFailure(disk, known, dice)
        disk = failed.disk
        const { records, refusal } = await reopened(disk)
        expect(refusal, `seed ${seed}, round ${round}`).toBeUndefined()
        expect(failed.possible, `seed ${seed}, round ${round}`).toContainEqual(records)
        known = records
      }
    }
  })
})
