import { parsePlan, type TaskSpec } from 'counterpoint'
import { describe, expect, test } from 'vitest'
import { preparedPlanOf } from '../../src/core/scheduler/prepared-plan.js'
import { TaskRouter } from '../../src/distributor/task-router.js'

const routerOf = (defaults?: object): TaskRouter =>
  new TaskRouter(
    { defaults: new Map([['p', defaults]]), workers: new Map([['p', { backend: { run: () => 1 } }]]) },
    () => ({
      kind: 'pool',
      pool: 'p',
      confidence: 1,
    }),
  )

const route = (router: TaskRouter, tasks: readonly TaskSpec[]) => router.route({ tasks, hasFunction: () => false })

describe('routing the tasks of a plan', () => {
  test('returns the same list when every task names its pool and the pool has no defaults, so that the prepared plan is reused', () => {
    const { tasks } = parsePlan({
      tasks: [
        { id: 'a', pool: 'p' },
        { id: 'b', pool: 'p', after: ['a'] },
      ],
    })
    const routed = route(routerOf(), tasks)
    expect(routed).toBe(tasks)
    expect(preparedPlanOf(routed as typeof tasks)).toBeDefined()
  })

  test('returns tasks with their pools when one names none', () => {
    const { tasks } = parsePlan({ tasks: [{ id: 'a', pool: 'p' }, { id: 'b' }] })
    expect(route(routerOf(), tasks)).toEqual([tasks[0], { ...tasks[1], pool: 'p' }])
  })

  test('returns tasks with the defaults of their pool', () => {
    const { tasks } = parsePlan({
      tasks: [
        { id: 'a', pool: 'p', retries: 1 },
        { id: 'b', pool: 'p' },
      ],
    })
    expect(route(routerOf({ retries: 5 }), tasks)).toMatchObject([{ retries: 1 }, { retries: 5 }])
  })
})
