import { describe, expect, test } from 'vitest'
import { PromiseListeners } from '../../../src/run/attempt/promise-listener.js'

const asker = (heard: unknown[]): { answered(answer: unknown): void; threw(error: unknown): void } => ({
  answered: answer => heard.push(answer),
  threw: error => heard.push(['threw', error]),
})

describe('answers', () => {
  test('reach who asked, whichever promise settles first', async () => {
    const answers = new PromiseListeners()
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

  test('of a promise with a `then` of its own come once, and to nobody else', async () => {
    const answers = new PromiseListeners()
    const [heard, others]: [unknown[], unknown[]] = [[], []]
    const calls: ((answer: string) => void)[] = []
    const lying = Object.assign(Promise.resolve('kept'), {
      // biome-ignore lint/suspicious/noThenProperty: what is tested.
      then: (answered: (answer: string) => void): void => {
        calls.push(answered)
        answered('told')
      },
    })
    const thenable = {
      // biome-ignore lint/suspicious/noThenProperty: what is tested.
      then: (answered: (answer: string) => void): void => {
        calls.push(answered)
        answered('first')
      },
    }
    answers.hear(lying, asker(heard))
    answers.hear(thenable, asker(heard))
    await new Promise(setImmediate)
    answers.hear(new Promise(() => {}), asker(others))
    answers.hear(new Promise(() => {}), asker(others))
    for (const call of calls) call('again')
    await new Promise(setImmediate)
    expect(calls).toHaveLength(2)
    expect([heard, others]).toEqual([['told', 'first'], []])
  })

  test('may be heard by somebody who asks again at once', async () => {
    const answers = new PromiseListeners()
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
