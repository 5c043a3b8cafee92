import { expect, test } from 'vitest'
import { describeEvents, SchedulerFixture, type SchedulerFixtureOptions, type Step } from './scheduler-fixture.js'

/** Title, tasks, preceding steps, the tested step, the expected events, and options. */
export type Row = readonly [
  title: string,
  tasks: string,
  given: readonly Step[],
  when: Step,
  then: readonly string[],
  options?: SchedulerFixtureOptions,
]

/** One test per row. */
export function table(rows: readonly Row[]): void {
  for (const [title, tasks, given, when, then, options] of rows)
    test(title, () => {
      const scene = SchedulerFixture.of(tasks, options)
      scene.play(...given)
      expect(describeEvents(scene.play(when))).toEqual(then)
      scene.checkReplay()
    })
}
