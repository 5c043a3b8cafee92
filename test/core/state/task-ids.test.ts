import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { TaskIds } from '../../../src/core/state/task-ids.js'

/** Ids that have these tasks, in this order. */
function withTasks(...ids: readonly string[]): TaskIds {
  const known = new TaskIds()
  ids.forEach((id, index) => {
    known.set(id, index)
  })
  return known
}

const shown = (known: TaskIds): unknown => [known.size, ...['a', 'b', 'c'].map(id => known.get(id))]

describe('ids that follow others', () => {
  test('know a task once they are told of it, and not before', () => {
    const ahead = withTasks('a')
    const behind = ahead.follow()
    ahead.set('b', 1)
    ahead.set('c', 2)
    expect(shown(behind)).toEqual([1, 0, undefined, undefined])
    behind.set('b', 1)
    expect(shown(behind)).toEqual([2, 0, 1, undefined])
    expect(behind.has('c')).toBe(false)
    expect(shown(ahead)).toEqual([3, 0, 1, 2])
  })

  test('know what those have taken over meanwhile', () => {
    const ahead = new TaskIds()
    const behind = ahead.follow()
    ahead.adopt(withTasks('a', 'b'))
    expect(shown(behind)).toEqual([0, undefined, undefined, undefined])
    behind.set('a', 0)
    expect(shown(behind)).toEqual([1, 0, undefined, undefined])
  })

  test('may be followed themselves', () => {
    const ahead = withTasks('a', 'b')
    const behind = new TaskIds().follow()
    expect(shown(behind.follow())).toEqual([0, undefined, undefined, undefined])
    const last = ahead.follow().follow()
    ahead.set('c', 2)
    expect(shown(last)).toEqual([2, 0, 1, undefined])
  })

  test('are the same, told of each task, as a list of their own', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.string()), fc.nat(), fc.nat(), (ids, shared, told) => {
        const ahead = new TaskIds()
        const behind = ahead.follow()
        const own = new TaskIds()
        const from = shared % (ids.length + 1)
        ahead.adopt(withTasks(...ids.slice(0, from)))
        for (let index = from; index < ids.length; index++) ahead.set(ids[index]!, index)
        ids.slice(0, told % (ids.length + 1)).forEach((id, index) => {
          behind.set(id, index)
          own.set(id, index)
        })
        expect(behind.size).toBe(own.size)
        for (const id of ids) expect(behind.get(id)).toBe(own.get(id))
      }),
    )
  })

  test('share nothing with others that adopt the same list', () => {
    const plan = withTasks('a')
    const [one, other] = [new TaskIds(), new TaskIds()]
    one.adopt(plan)
    other.adopt(plan)
    one.set('b', 1)
    expect(shown(other)).toEqual([1, 0, undefined, undefined])
    expect(shown(plan)).toEqual([1, 0, undefined, undefined])
  })
})
