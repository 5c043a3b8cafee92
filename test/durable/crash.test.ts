import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hasProc } from '../../src/node/process/process-table.js'
import { buildProgram } from '../node/journal/child-process.js'
import { Dice } from '../support/dice.js'
import { CrashRun } from './crash-run.js'

/** How often a process is killed: a few times in `npm test`, a hundred times in `npm run test:crash`. */
const CRASHES = Number(process.env.CRASHES ?? (process.env.npm_lifecycle_event === 'test:crash' ? 100 : 6))

/** Another one for each time, so that more is seen with time; a failure tells it. */
const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000)

/** So many runs at a time: they mostly wait. */
const LANES = 2

const SOURCE = `import { crashHost } from './test/durable/crash-host.ts'; await crashHost(...process.argv.slice(2))`

const only = 'skipped where /proc does not show environments: run it on Linux'

describe.skipIf(!hasProc)(`${CRASHES} times kill -9 (${only})`, () => {
  let folder: string
  let host: string
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'counterpoint-crash-'))
    host = await buildProgram(folder, SOURCE)
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  test(
    'lose nothing that was heard, run nothing again that had succeeded, and leave no process: every run settles',
    async () => {
      const startedAt = performance.now()
      const sum = { crashes: 0, runs: 0, interrupted: 0 }
      let left = CRASHES
      const lane = async (): Promise<void> => {
        while (left > 0) {
          const seed = SEED + sum.runs++
          const dice = new Dice(seed)
          const kills = Math.min(1 + dice.below(6), left)
          left -= kills
          const run = new CrashRun(host, join(folder, String(seed)), String(seed))
          try {
            await run.play(kills, dice)
            await run.check()
          } catch (error) {
            throw new Error(`with SEED=${seed}: ${error}`, { cause: error })
          }
          // It may have come to its end before all of them.
          left += kills - run.crashes
          const tens = Math.floor(sum.crashes / 10)
          sum.crashes += run.crashes
          sum.interrupted += run.interrupted
          if (Math.floor(sum.crashes / 10) > tens) tell(sum, startedAt)
        }
      }
      await Promise.all(Array.from({ length: LANES }, lane))
      tell(sum, startedAt)
    },
    60_000 + CRASHES * 10_000,
  )

  test('by an agent itself, each time it is asked: its task is dead after four, and its run goes on', async () => {
    const run = new CrashRun(host, join(folder, 'poison'), 'poison')
    await run.play(0, new Dice(SEED))
    await run.check()
    expect(run.crashes).toBe(4)
  })
})

interface Sum {
  readonly crashes: number
  readonly runs: number
  readonly interrupted: number
}

function tell({ crashes, runs, interrupted }: Sum, startedAt: number): void {
  const seconds = Math.round((performance.now() - startedAt) / 1_000)
  console.log(
    `${crashes} crashes in ${runs} runs, ${seconds} s: ${interrupted} attempts interrupted; nothing lost, nothing twice, nothing left`,
  )
}
