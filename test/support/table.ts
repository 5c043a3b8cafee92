import { expect, test } from 'vitest'
import { Scene, type SceneOptions, type Step, tell } from './scene.js'

/** The title, the tasks, the steps that came before, the step that is looked at, the events that follow from it, and options. */
export type Row = readonly [
  title: string,
  tasks: string,
  given: readonly Step[],
  when: Step,
  then: readonly string[],
  options?: SceneOptions,
]

/** A test for each row. */
export function table(rows: readonly Row[]): void {
  for (const [title, tasks, given, when, then, options] of rows)
    test(title, () => {
      const scene = Scene.of(tasks, options)
      scene.play(...given)
      expect(tell(scene.play(when))).toEqual(then)
      scene.checkReplay()
    })
}
