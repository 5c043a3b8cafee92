import { parsePlan } from 'counterpoint'
import { describe, expect, it } from 'vitest'
import { selectTasks } from '../../src/plan/select.js'
import { thrown } from './thrown.js'

const { tasks } = parsePlan({
  tasks: [
    { id: 'audit', after: ['backend'] },
    { id: 'schema' },
    { id: 'frontend' },
    { id: 'backend', after: ['schema'] },
    { id: 'report', after: ['audit', 'frontend'] },
  ],
})
const chosen = (...ids: string[]): string[] => selectTasks(tasks, ids).map(({ id }) => id)

describe('selectTasks', () => {
  it('returns the named tasks and their dependencies, in plan order', () => {
    expect(chosen('schema')).toEqual(['schema'])
    expect(chosen('audit')).toEqual(['audit', 'schema', 'backend'])
    expect(chosen('frontend', 'schema', 'frontend')).toEqual(['schema', 'frontend'])
    expect(chosen('report')).toEqual(['audit', 'schema', 'frontend', 'backend', 'report'])
    expect(chosen()).toEqual([])
  })

  it('rejects an unknown id, and suggests the nearest one', () => {
    const error = thrown('NOT_FOUND', () => chosen('schema', 'fronted'))
    expect(error.details).toEqual({ id: 'fronted' })
    expect(error.message).toBe('only: expected ids of tasks of the plan, got "fronted" (did you mean "frontend"?)')
  })

  it('includes soft and order-only dependencies, transitively', () => {
    const plan = parsePlan({
      tasks: [
        { id: 'base' },
        { id: 'notes', after: ['base'] },
        { id: 'lint' },
        { id: 'other' },
        { id: 'build', softAfter: ['notes'], orderAfter: ['lint'] },
        { id: 'ring-a', softAfter: ['ring-b'] },
        { id: 'ring-b', softAfter: ['ring-a'] },
      ],
    })
    const only = (...ids: string[]): string[] => selectTasks(plan.tasks, ids).map(({ id }) => id)
    expect(only('build')).toEqual(['base', 'notes', 'lint', 'build'])
    expect(only('ring-b')).toEqual(['ring-a', 'ring-b'])
    expect(only('lint')).toEqual(['lint'])
  })

  it('ignores an unknown dependency, which checkGraph reports', () => {
    for (const list of ['after', 'softAfter', 'orderAfter'])
      expect(selectTasks([{ id: 'a', description: '', [list]: ['gone'] }], ['a'])).toHaveLength(1)
  })
})
