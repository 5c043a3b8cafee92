import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hasProc } from '../../src/node/process/process-table.js'
import { buildProgram } from '../node/journal/child-process.js'
import { SeededRandom } from '../support/seeded-random.js'
import { CrashRun } from './crash-run.js'

/** The number of kills: a few in `npm test`, a hundred in `npm run test:crash`. */
const CRASHES = Number(process.env.CRASHES ?? (process.env.npm_lifecycle_event === 'test:crash' ? 100 : 6))

/** Different each time, to cover more cases over time. A failure prints it. */
const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000)

/** Concurrent runs: they mostly wait. */
const CONCURRENT = 2

const SOURCE = `import { crashHost } from './test/durable/crash-host.ts'; await crashHost(...process.argv.slice(2))`

const only = 'skipped where /proc does not show environments: run it on Linux'

describe.skipIf(!hasProc)(`after ${CRASHES} times kill -9 (${only})`, () => {
  let folder: string
  let host: string
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'counterpoint-crash-'))
    host = await buildProgram(folder, SOURCE)
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  test(
    'every run settles: no emitted event is lost, no succeeded task runs again, and no process is left',
    async () => {
      const startedAt = performance.now()
      const sum = { crashes: 0, runs: 0, interrupted: 0 }
      let left = CRASHES
      const runSome = async (): Promise<void> => {
        while (left > 0) {
          const seed = SEED + sum.runs++
          const dice = new SeededRandom(seed)
          const kills = Math.min(1 + dice.below(6), left)
          left -= kills
          const run = new CrashRun(host, join(folder, String(seed)), String(seed))
          try {
            await run.play(kills, dice)
            await run.check()
          } catch (error) {
            throw new Error(`with SEED=${seed}: ${error}`, { cause: error })
          }
          // The run may have settled before the last kill.
          left += kills - run.crashes
          const tens = Math.floor(sum.crashes / 10)
          sum.crashes += run.crashes
          sum.interrupted += run.interrupted
          if (Math.floor(sum.crashes / 10) > tens) report(sum, startedAt)
        }
      }
      await Promise.all(Array.from({ length: CONCURRENT }, runSome))
      report(sum, startedAt)
    },
    60_000 + CRASHES * 10_000,
  )

  test('a task whose agent kills the host is dead after four interruptions, and its run continues', async () => {
    const run = new CrashRun(host, join(folder, 'poison'), 'poison')
    await run.play(0, new SeededRandom(SEED))
    await run.check()
    expect(run.crashes).toBe(4)
  })
})

interface Sum {
  readonly crashes: number
  readonly runs: number
  readonly interrupted: number
}

function report({ crashes, runs, interrupted }: Sum, startedAt: number): void {
  const seconds = Math.round((performance.now() - startedAt) / 1_000)
  console.log(
    `${crashes} crashes in ${runs} runs, ${seconds} s: ${interrupted} attempts interrupted; nothing lost, nothing twice, nothing left`,
  )
}
