import { expect, test } from 'vitest'
import { Scene, type SceneOptions, type Step, tell } from './scene.js'

/** Title, tasks, preceding steps, the tested step, the expected events, and options. */
export type Row = readonly [
  title: string,
  tasks: string,
  given: readonly Step[],
  when: Step,
  then: readonly string[],
  options?: SceneOptions,
]

/** One test per row. */
export function table(rows: readonly Row[]): void {
  for (const [title, tasks, given, when, then, options] of rows)
    test(title, () => {
      const scene = Scene.of(tasks, options)
      scene.play(...given)
      expect(tell(scene.play(when))).toEqual(then)
      scene.checkReplay()
    })
}
