import { describe, expect, test } from 'vitest'
import { Answers } from '../../src/answers.js'

const asker = (heard: unknown[]): { answered(answer: unknown): void; threw(error: unknown): void } => ({
  answered: answer => heard.push(answer),
  threw: error => heard.push(['threw', error]),
})

describe('answers', () => {
  test('reach who asked, whichever promise settles first', async () => {
    const answers = new Answers()
    const heard: Record<string, unknown[]> = { a: [], b: [], c: [] }
    let later: (answer: string) => void = () => {}
    answers.hear(new Promise(resolve => (later = resolve)), asker(heard.a as unknown[]))
    answers.hear(Promise.reject('no'), asker(heard.b as unknown[]))
    await null
    await null
    // The ear of b is free again, that of a is not.
    answers.hear(Promise.resolve('c'), asker(heard.c as unknown[]))
    later('a')
    await new Promise(setImmediate)
    expect(heard).toEqual({ a: ['a'], b: [['threw', 'no']], c: ['c'] })
  })

  test('may be heard by somebody who asks again at once', async () => {
    const answers = new Answers()
    const heard: number[] = []
    const ask = (left: number): void =>
      answers.hear(Promise.resolve(left), {
        answered: answer => {
          heard.push(answer as number)
          if (left > 0) ask(left - 1)
        },
        threw: () => {},
      })
    ask(3)
    ask(2)
    await new Promise(setImmediate)
    expect(heard.sort()).toEqual([0, 0, 1, 1, 2, 2, 3])
  })
})
