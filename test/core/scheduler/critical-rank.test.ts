import type { TaskSpec } from 'counterpoint'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CriticalRanks } from '../../../src/core/scheduler/critical-rank.js'
import { evolve } from '../../../src/core/state/evolve.js'
import { emptyState } from '../../../src/core/state/new-state.js'
import type { RunState } from '../../../src/core/state/run-state.js'

function addTo(state: RunState, tasks: readonly TaskSpec[]): void {
  for (const spec of tasks) {
    const seq = state.seq + 1
    const index = state.specs.length
    evolve(state, { type: 'task.added', seq, at: 0, runId: 'r', taskId: spec.id, index, spec })
  }
}

function task(id: string, durationMs: number | undefined, ...after: readonly string[]): TaskSpec {
  return { id, description: id, after, ...(durationMs !== undefined && { durationMs }) }
}

/** Ranks after each batch has been added. */
function ranked(...batches: readonly (readonly TaskSpec[])[]): (id: string) => number {
  const state = emptyState('r')
  const ranks = new CriticalRanks()
  for (const batch of batches) {
    const first = state.specs.length
    addTo(state, batch)
    ranks.extend(state, first)
  }
  return id => ranks.of(state.ids.get(id)!)
}

/** The longest path from each task on, by plain search. */
function longestPaths(tasks: readonly TaskSpec[]): ReadonlyMap<string, number> {
  const known = new Map<string, number>()
  const pathOf = (id: string): number => {
    const found = known.get(id)
    if (found !== undefined) return found
    const own = tasks.find(spec => spec.id === id)!.durationMs ?? 1
    const path = own + Math.max(0, ...tasks.filter(spec => spec.after?.includes(id)).map(spec => pathOf(spec.id)))
    known.set(id, path)
    return path
  }
  for (const { id } of tasks) pathOf(id)
  return known
}

describe('the longest remaining path', () => {
  test('is the duration of a task plus the longest chain of its dependents', () => {
    const path = ranked([task('a', 10), task('b', 5, 'a'), task('c', 20, 'a'), task('d', 1, 'b', 'c'), task('e', 3)])
    expect(['a', 'b', 'c', 'd', 'e'].map(path)).toEqual([31, 6, 21, 1, 3])
  })

  test('counts tasks when no duration is known', () => {
    const path = ranked([task('a', undefined), task('b', undefined, 'a'), task('c', undefined, 'b')])
    expect(['a', 'b', 'c'].map(path)).toEqual([3, 2, 1])
  })

  test('counts a task of unknown duration as an average one', () => {
    const path = ranked([task('a', undefined), task('b', 10, 'a'), task('c', 30, 'a')])
    expect(path('a')).toBe(20 + 30)
  })

  test('does not depend on the order in which a batch names its tasks', () => {
    const tasks = [task('a', 10), task('b', 5, 'a'), task('c', 20, 'b'), task('d', 7, 'a', 'c')]
    const forward = ranked(tasks)
    const backward = ranked([...tasks].reverse())
    for (const { id } of tasks) expect(backward(id)).toBe(forward(id))
  })

  test('of the dependencies grows when tasks are added later', () => {
    const path = ranked([task('a', 10), task('b', 5, 'a')], [task('c', 100, 'b')], [task('d', 1, 'a')])
    expect(['a', 'b', 'c', 'd'].map(path)).toEqual([115, 105, 100, 1])
  })

  const chain = (length: number): TaskSpec[] =>
    Array.from({ length }, (_, i) => task(`t${i}`, 1, ...(i === 0 ? [] : [`t${i - 1}`])))

  test('of a chain of 200,000 tasks is computed without recursion, in either order of the tasks', () => {
    expect(ranked(chain(200_000))('t0')).toBe(200_000)
    expect(ranked(chain(200_000).reverse())('t0')).toBeGreaterThan(1)
  })

  test('does not depend on the order in which a batch names its tasks, however long it is', () => {
    expect(ranked(chain(100).reverse())('t0')).toBe(100)
  })

  test('equals that of a plain search in any graph, for any order and batches of its tasks', () => {
    const edges = fc.array(fc.array(fc.nat(11), { maxLength: 3 }), { minLength: 1, maxLength: 12 })
    const shuffled = fc.tuple(edges, fc.array(fc.nat(50), { minLength: 12, maxLength: 12 }), fc.nat(12), fc.boolean())
    fc.assert(
      fc.property(shuffled, ([needs, durations, cut, backward]) => {
        const tasks = needs.map((list, i) => {
          const after = [...new Set(list.filter(need => need < i))].map(need => `t${need}`)
          return task(`t${i}`, durations[i]!, ...after)
        })
        const batches = [tasks.slice(0, cut), tasks.slice(cut)].map(batch => (backward ? batch.reverse() : batch))
        const path = ranked(...batches)
        for (const [id, longest] of longestPaths(tasks)) expect(path(id)).toBe(longest)
      }),
      { numRuns: 300 },
    )
  })
})
