import type { Run } from 'counterpoint'
import { describe, expect, test } from 'vitest'
import { specs } from '../support/scheduler-fixture.js'
import { setUp } from '../support/set-up.js'

/** Every call that sends a signal to a run. Task `a` is held. */
const SIGNALS: readonly (readonly [name: string, send: (run: Run) => Promise<void>])[] = [
  ['cancel', run => run.cancel()],
  ['cancelTask', run => run.cancelTask('a')],
  ['pause', run => run.pause()],
  ['unpause', run => run.unpause()],
  ['setBudget', run => run.setBudget({ costUsd: 1 })],
  ['add', run => run.add({ tasks: specs('more') })],
  ['approve', run => run.approve('a')],
  ['reject', run => run.reject('a')],
]

describe('a run that is suspended', () => {
  test.each(SIGNALS)('rejects `%s` with RUN_SUSPENDED, and the journal stays as it is', async (_name, send) => {
    const { clock, orchestrator } = setUp()
    const run = orchestrator.run({ tasks: specs('a!') }, { runId: 'r' })
    await clock.runUntilIdle()
    void orchestrator.drain()
    await expect(run.result).rejects.toMatchObject({ code: 'RUN_SUSPENDED' })
    const before = await orchestrator.runs.show('r')
    const expected = { code: 'RUN_SUSPENDED', details: { runId: 'r' }, message: expect.stringContaining('resume("r")') }
    await expect(send(run)).rejects.toMatchObject(expected)
    expect(await orchestrator.runs.show('r')).toEqual(before)
  })
})

describe('a run that could not start', () => {
  test.each(SIGNALS.slice(0, 5))('answers `%s`, sent before or after', async (name, send) => {
    const distributor = async () => ({ kind: 'none' as const, pools: [], confidence: 0 })
    const run = setUp({}, { distributor }).orchestrator.run({ tasks: [{ id: 'a' }] })
    const early = run.pause()
    await expect(run.result).rejects.toMatchObject({ code: 'NO_POOL' })
    await early
    if (name === 'cancelTask') await expect(send(run)).rejects.toMatchObject({ code: 'NOT_FOUND' })
    else await send(run)
  })
})

describe('a run that has settled', () => {
  test.each(SIGNALS.slice(0, 1).concat(SIGNALS.slice(2, 5)))('stays as it is after `%s`', async (_name, send) => {
    const run = setUp().orchestrator.run({ tasks: specs('a') })
    const { outcome } = await run.result
    await send(run)
    expect(run.progress()).toMatchObject({ status: 'settled', outcome })
  })
})
