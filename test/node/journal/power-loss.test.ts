import type { JournalRecord } from 'counterpoint'
import { describe, expect, test } from 'vitest'
import { SeededRandom } from '../../support/seeded-random.js'
import { FakeDisk } from './fake-disk.js'
import { read, record, TestJournal } from './test-journal.js'

/** The number of simulated machines; set COUNTERPOINT_POWER_LOSSES for more. */
const LOSSES = Number(process.env.COUNTERPOINT_POWER_LOSSES ?? 150)
const FIRST_SEED = Number(process.env.COUNTERPOINT_SEED ?? 1)

/** The disk after a power loss or crash, and what had been acknowledged and appended before. */
interface Survivor {
  readonly disk: FakeDisk
  readonly acknowledged: number
  readonly appended: readonly JournalRecord[]
}

/** Continues a run on `disk`, in groups of random size, until a power loss or crash at a random operation. */
async function writeUntilFailure(
  disk: FakeDisk,
  known: readonly JournalRecord[],
  dice: SeededRandom,
): Promise<Survivor> {
  const fixture = new TestJournal(disk, { maxInlineBytes: 300 })
  const appended = [...known]
  let acknowledged = known.length
  let survivor: Survivor | undefined
  const failsAt = 1 + dice.below(90)
  disk.before = operation => {
    if (operation !== failsAt) return
    const left = dice.below(2) === 0 ? disk.afterCrash() : disk.afterPowerLoss(() => dice.next())
    survivor = { disk: left, acknowledged, appended: [...appended] }
  }
  const open = await fixture.open()
  for (const on of ['fdatasync', 'fsync', 'syncFolder'] as const)
    if (dice.below(3) === 0) disk.fail({ on, code: 'EIO', nth: 1 + dice.below(5) })
  if (dice.below(3) === 0) disk.fail({ on: 'write', code: 'ENOSPC', nth: 1 + dice.below(20), leaves: dice.below(400) })
  if (dice.below(3) === 0) disk.largestWrite = 1 + dice.below(200)
  while (survivor === undefined) {
    const group: unknown[] = []
    for (let left = 1 + dice.below(6); left > 0; left--) {
      const seq = appended.length + 1
      const next = record(seq, `${seq}`.repeat(dice.below(8) === 0 ? 800 : dice.below(80)))
      appended.push(next)
      const appending = Promise.resolve(open.append(next))
      group.push(
        appending.then(() => {
          acknowledged = Math.max(acknowledged, seq)
        }),
      )
    }
    await Promise.all(group)
  }
  await open.close()
  return survivor
}

describe('any sequence of power losses and crashes', () => {
  test('preserves all acknowledged records, and adds none', async () => {
    let lost = 0
    for (let seed = FIRST_SEED; seed < FIRST_SEED + LOSSES; seed++) {
      const dice = new SeededRandom(seed)
      let disk = new FakeDisk()
      let known: readonly JournalRecord[] = []
      for (let round = 0; round < 4; round++) {
        const survivor = await writeUntilFailure(disk, known, dice)
        disk = survivor.disk
        const open = await new TestJournal(disk).open()
        known = await read(open)
        await open.close()
        const why = `seed ${seed}, round ${round}`
        expect(known, why).toEqual(survivor.appended.slice(0, known.length))
        expect(known.length, why).toBeGreaterThanOrEqual(survivor.acknowledged)
        if (known.length < survivor.appended.length) lost++
      }
    }
    // A test in which nothing is ever lost would prove nothing.
    expect(lost).toBeGreaterThan(LOSSES / 4)
  })
})
