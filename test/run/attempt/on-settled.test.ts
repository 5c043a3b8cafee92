import { describe, expect, test } from 'vitest'
import { onSettled } from '../../../src/run/attempt/on-settled.js'

/** Appends every callback to `calls`. */
function record(answer: unknown, calls: unknown[]): void {
  onSettled(
    answer,
    value => calls.push(value),
    error => calls.push(['rejected', error]),
  )
}

describe('onSettled', () => {
  test('calls back in a later microtask, once per promise, in the order in which the promises settle', async () => {
    const calls: unknown[] = []
    let later: (answer: string) => void = () => {}
    record(new Promise(resolve => (later = resolve)), calls)
    record(Promise.reject('no'), calls)
    record(Promise.resolve('b'), calls)
    record('no promise', calls)
    expect(calls).toEqual([])
    await new Promise(setImmediate)
    later('a')
    await new Promise(setImmediate)
    expect(calls).toEqual([['rejected', 'no'], 'b', 'no promise', 'a'])
  })

  test('takes only the first call of a `then` that calls back twice', async () => {
    const calls: unknown[] = []
    const callbacks: ((answer: string) => void)[] = []
    const callsTwice = (value: string) => ({
      // biome-ignore lint/suspicious/noThenProperty: the test is about thenables.
      then: (onFulfilled: (answer: string) => void): void => {
        callbacks.push(onFulfilled)
        onFulfilled(value)
      },
    })
    record(Object.assign(Promise.resolve('ignored'), callsTwice('promise')), calls)
    record(callsTwice('thenable'), calls)
    await new Promise(setImmediate)
    for (const callback of callbacks) callback('again')
    await new Promise(setImmediate)
    expect(callbacks).toHaveLength(2)
    expect(calls.toSorted()).toEqual(['promise', 'thenable'])
  })

  test('ignores an error that a `then` throws after it has called back', async () => {
    const calls: unknown[] = []
    const throwsLate = {
      // biome-ignore lint/suspicious/noThenProperty: the test is about thenables.
      then: (onFulfilled: (answer: string) => void): void => {
        onFulfilled('first')
        throw new Error('too late')
      },
    }
    record(Object.assign(Promise.resolve('ignored'), throwsLate), calls)
    record(throwsLate, calls)
    await new Promise(setImmediate)
    expect(calls).toEqual(['first', 'first'])
  })
})
