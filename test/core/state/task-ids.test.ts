import { describe, expect, test } from 'vitest'
import { TaskIds } from '../../../src/core/state/task-ids.js'

function idsOf(...ids: readonly string[]): TaskIds {
  const indexes = new TaskIds()
  ids.forEach((id, index) => {
    indexes.set(id, index)
  })
  return indexes
}

const content = (ids: TaskIds): unknown => [ids.size, ...['a', 'b', 'c'].map(id => ids.get(id))]

describe('TaskIds', () => {
  test('maps ids to indexes', () => {
    const ids = idsOf('a', 'b')
    expect(content(ids)).toEqual([2, 0, 1, undefined])
    expect([ids.has('a'), ids.has('c')]).toEqual([true, false])
  })

  test('starts with the ids of a plan and adds its own, which others that share the plan do not see', () => {
    const plan = idsOf('a')
    const [one, other] = [new TaskIds(plan), new TaskIds(plan)]
    one.set('b', 1)
    expect(content(one)).toEqual([2, 0, 1, undefined])
    expect(content(other)).toEqual([1, 0, undefined, undefined])
    expect(content(plan)).toEqual([1, 0, undefined, undefined])
  })

  test('has copies that change independently', () => {
    const ids = new TaskIds(idsOf('a'))
    ids.set('b', 1)
    const copy = ids.copy()
    expect(content(copy)).toEqual([2, 0, 1, undefined])
    copy.set('c', 2)
    expect(content(copy)).toEqual([3, 0, 1, 2])
    expect(content(ids)).toEqual([2, 0, 1, undefined])
  })
})
