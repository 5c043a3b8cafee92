import { parsePlan } from 'counterpoint'
import { describe, expect, test } from 'vitest'
import { preparedPlanOf } from '../../src/core/scheduler/prepared-plan.js'
import { TaskRouter } from '../../src/distributor/task-router.js'

const routerOf = (defaults?: object): TaskRouter =>
  new TaskRouter(new Map([['p', defaults]]), () => ({ kind: 'pool', pool: 'p', confidence: 1 }))

describe('routing the tasks of a plan', () => {
  test('returns the same list when every task names its pool and the pool has no defaults, so that the prepared plan is reused', () => {
    const { tasks } = parsePlan({
      tasks: [
        { id: 'a', pool: 'p' },
        { id: 'b', pool: 'p', after: ['a'] },
      ],
    })
    const routed = routerOf().route(tasks)
    expect(routed).toBe(tasks)
    expect(preparedPlanOf(routed as typeof tasks)).toBeDefined()
  })

  test('returns tasks with their pools when one names none', () => {
    const { tasks } = parsePlan({ tasks: [{ id: 'a', pool: 'p' }, { id: 'b' }] })
    expect(routerOf().route(tasks)).toEqual([tasks[0], { ...tasks[1], pool: 'p' }])
  })

  test('returns tasks with the defaults of their pool', () => {
    const { tasks } = parsePlan({
      tasks: [
        { id: 'a', pool: 'p', retries: 1 },
        { id: 'b', pool: 'p' },
      ],
    })
    expect(routerOf({ retries: 5 }).route(tasks)).toMatchObject([{ retries: 1 }, { retries: 5 }])
  })
})
