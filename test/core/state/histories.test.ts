import assert from 'node:assert/strict'
import type { RunEvent } from 'counterpoint'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { TaskState } from '../../../src/core/state/task.js'
import { budgets, type GraphOptions, graphs } from '../../support/graphs.js'
import { checkHistory } from '../../support/history.js'
import { completeAtRandom, outputOf, sendInvalidSignals } from '../../support/random-signals.js'
import { SchedulerFixture, type SchedulerFixtureOptions } from '../../support/scheduler-fixture.js'
import { SeededRandom } from '../../support/seeded-random.js'

/** The number of random histories. */
const HISTORIES = Number(process.env.HISTORIES ?? 600)

const TIMEOUT_MS = 30_000 + 20 * HISTORIES

const seeds = fc.nat()
const failureMode = fc.constantFrom('continue' as const, 'no-new' as const, 'kill' as const)
const amounts = fc.record({ run: budgets, p: budgets, ofPool: fc.boolean() })
/** Options of a run. `maxThrottled` is low because some agents are always throttled. */
const runOptions: fc.Arbitrary<SchedulerFixtureOptions> = fc
  .record({
    failureMode,
    budget: fc.option(
      amounts.map(({ run, p, ofPool }) => ({ ...run, ...(ofPool && { pools: { p } }) })),
      { nil: undefined },
    ),
    serial: fc.nat(5),
    autoFallbackToSerial: fc.boolean(),
  })
  .map(({ budget, serial, ...rest }) => ({
    ...rest,
    ...(budget && { budget }),
    ...(serial === 0 && { mode: { mode: 'serial', reason: 'random' } }),
    maxThrottled: 8,
  }))
const plain: SchedulerFixtureOptions = { maxThrottled: 8 }

/** Plans with plain dependencies only, and twice as many with every feature. */
function plans(options: GraphOptions, rich: true | 'settled'): ReturnType<typeof graphs> {
  return fc.oneof(graphs(options), { arbitrary: graphs({ ...options, rich }), weight: 2 })
}

/** The end of each task, without times. */
function ends(scene: SchedulerFixture): ReadonlyMap<string, unknown> {
  const endOf = (task: TaskState): unknown => {
    if (task.status === 'succeeded') return task.output
    if (task.status === 'dead') return task.failure
    return task.status
  }
  return new Map(scene.state.specs.map(({ id }) => [id, endOf(scene.task(id))] as const))
}

/** Every prefix of the records, recovered by another process and completed. */
function recovered(
  records: readonly (readonly RunEvent[])[],
  seed: number,
  options: SchedulerFixtureOptions,
): readonly SchedulerFixture[] {
  return records.map((_, i) => {
    const scene = new SchedulerFixture({ ...options, checks: false }, records.slice(0, i + 1))
    scene.at = 1_000
    scene.send({ type: 'recover' })
    completeAtRandom(scene, seed, new SeededRandom(seed + i))
    return scene
  })
}

describe(`${HISTORIES} histories`, () => {
  test(
    'of valid and invalid signals settle when they are completed, and violate no invariant',
    () => {
      fc.assert(
        fc.property(plans({}, true), seeds, runOptions, (tasks, seed, options) => {
          const dice = new SeededRandom(seed)
          const scene = SchedulerFixture.of(tasks, options)
          if (tasks.length > 0) sendInvalidSignals(scene, dice, 2 * tasks.length)
          completeAtRandom(scene, seed, dice)
          checkHistory(scene.events)
          scene.checkReplay()
        }),
        { numRuns: Math.ceil(HISTORIES * 0.6) },
      )
    },
    TIMEOUT_MS,
  )

  test(
    'can be recovered from every prefix: outputs are kept, and the run settles',
    () => {
      fc.assert(
        fc.property(plans({ maxTasks: 14 }, true), seeds, runOptions, (tasks, seed, options) => {
          const dice = new SeededRandom(seed)
          const scene = SchedulerFixture.of(tasks, { ...options, checks: false })
          if (tasks.length > 0) sendInvalidSignals(scene, dice, 2 * tasks.length)
          completeAtRandom(scene, seed, dice)
          for (const [i, again] of recovered(scene.records, seed, options).entries()) {
            checkHistory(again.events)
            for (const event of scene.records.slice(0, i + 1).flat())
              if (event.type === 'task.succeeded')
                expect(again.task(event.taskId)).toMatchObject({ output: event.output })
          }
        }),
        { numRuns: Math.ceil(HISTORIES * 0.1) },
      )
    },
    TIMEOUT_MS,
  )

  test(
    'keep held tasks over every restart',
    () => {
      fc.assert(
        fc.property(graphs({ maxTasks: 14, rich: true }), seeds, runOptions, (tasks, seed, options) => {
          const scene = SchedulerFixture.of(tasks, { ...options, checks: false })
          if (tasks.length > 0) sendInvalidSignals(scene, new SeededRandom(seed), 2 * tasks.length)
          for (let i = 1; i <= scene.records.length; i++) {
            const before = new SchedulerFixture({ ...options, checks: false }, scene.records.slice(0, i))
            const held = tasks.filter(({ id }) => {
              const task = before.task(id)
              // Reservations end with their process, so tasks that waited for them are released.
              return task.status === 'held' && task.reason !== 'reserved'
            })
            const states = held.map(({ id }) => before.task(id))
            before.send({ type: 'recover' })
            if (before.state.phase.status === 'settled') continue
            for (const [i, { id }] of held.entries())
              if (before.task(id).status !== 'cancelled') assert.deepEqual(before.task(id), states[i])
          }
        }),
        { numRuns: Math.ceil(HISTORIES * 0.05) },
      )
    },
    TIMEOUT_MS,
  )

  test(
    'with deterministic agents lead to the same result, however often their process is drained',
    () => {
      fc.assert(
        fc.property(plans({}, 'settled'), seeds, (tasks, seed) => {
          const [scene, drained] = [SchedulerFixture.of(tasks, plain), SchedulerFixture.of(tasks, plain)]
          completeAtRandom(scene, seed, new SeededRandom(seed))
          completeAtRandom(drained, seed, new SeededRandom(seed), 12)
          checkHistory(drained.events)
          drained.checkReplay()
          assert.deepEqual(ends(drained), ends(scene))
          assert.deepEqual(drained.state.phase, scene.state.phase)
        }),
        { numRuns: Math.ceil(HISTORIES * 0.2) },
      )
    },
    TIMEOUT_MS,
  )

  test(
    'with deterministic agents lead to the same result from every prefix',
    () => {
      fc.assert(
        fc.property(plans({ maxTasks: 14 }, 'settled'), seeds, (tasks, seed) => {
          const scene = SchedulerFixture.of(tasks, { ...plain, checks: false })
          completeAtRandom(scene, seed, new SeededRandom(seed))
          const expected = ends(scene)
          for (const [id, end] of expected)
            if (scene.task(id).status === 'succeeded') assert.deepEqual(end, outputOf(seed, id))
          for (const again of recovered(scene.records, seed, plain)) {
            checkHistory(again.events)
            assert.deepEqual(ends(again), expected)
            assert.deepEqual(again.state.phase, scene.state.phase)
          }
        }),
        { numRuns: Math.ceil(HISTORIES * 0.1) },
      )
    },
    TIMEOUT_MS,
  )
})
