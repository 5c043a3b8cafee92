import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { didYouMean } from '../../src/error-text.js'
import { checkGraph, type GraphNode } from '../../src/plan/graph-check.js'
import { thrown } from './thrown.js'

/** `{ a: 'b c' }`: task a depends on b and c. */
const graph = (edges: Record<string, string>): GraphNode[] =>
  Object.entries(edges).map(([id, after]) => ({ id, ...(after !== '' && { after: after.split(' ') }) }))

describe('checkGraph', () => {
  it.each([[{}], [{ a: '', b: 'a', c: 'a b' }], [{ c: 'b', b: 'a', a: '' }], [{ a: 'c', b: 'c', c: 'd', d: '' }]])(
    'accepts %j',
    edges => {
      expect(() => checkGraph(graph(edges))).not.toThrow()
    },
  )

  it.each([
    [{ a: 'a' }, ['a', 'a']],
    [{ a: 'b', b: 'a' }, ['a', 'b', 'a']],
    [{ x: 'a', a: 'b', b: 'c', c: 'a' }, ['a', 'b', 'c', 'a']],
    [{ a: '', b: 'a c', c: 'd', d: 'a b' }, ['b', 'c', 'd', 'b']],
  ])('finds in %j the cycle %j', (edges, cycle) => {
    expect(thrown('CYCLE', () => checkGraph(graph(edges))).details.cycle).toEqual(cycle)
  })

  it('shows the ids of a cycle, and shortens a long one', () => {
    expect(thrown('CYCLE', () => checkGraph(graph({ a: 'a' }))).message).toMatch(
      /^task "a" depends on itself: "a" -> "a"; /,
    )
    const ring = Array.from({ length: 1000 }, (_, i) => ({ id: `${i}`, after: [`${(i + 1) % 1000}`] }))
    const error = thrown('CYCLE', () => checkGraph(ring))
    expect(error.details.cycle).toHaveLength(1001)
    expect(error.message).toMatch(/^tasks depend on each other: "0" -> .* -> "19" -> \.\.\. \(980 more\) -> "0"; /)
  })

  it('rejects a duplicate id, with the indexes of both tasks', () => {
    const error = thrown('DUPLICATE_ID', () => checkGraph([{ id: 'x' }, { id: 'a' }, { id: 'b' }, { id: 'a' }]))
    expect(error.details).toEqual({ id: 'a' })
    expect(error.message).toBe('tasks[3]: the id "a" is taken by tasks[1]; rename one of the two')
  })

  it('rejects an unknown dependency, and suggests the nearest id', () => {
    const error = thrown('UNKNOWN_DEPENDENCY', () => checkGraph(graph({ backend: '', audit: 'bakcend' })))
    expect(error.details).toEqual({ taskId: 'audit', dependency: 'bakcend' })
    expect(error.message).toBe(
      'task "audit" depends on "bakcend", which does not exist (did you mean "backend"?); add that task, or remove the dependency',
    )
  })

  it('lets new tasks depend on those of the live run, but not repeat them', () => {
    const known = (id: string): boolean => id === 'old'
    expect(() => checkGraph(graph({ b: 'a old', a: 'old' }), known)).not.toThrow()
    expect(thrown('UNKNOWN_DEPENDENCY', () => checkGraph(graph({ a: 'older' }), known)).details.dependency).toBe(
      'older',
    )
    expect(thrown('DUPLICATE_ID', () => checkGraph(graph({ a: '', old: '' }), known)).details.id).toBe('old')
    expect(thrown('CYCLE', () => checkGraph(graph({ a: 'b', b: 'old a' }), known)).details.cycle).toEqual([
      'a',
      'b',
      'a',
    ])
  })

  it('reports a cycle if and only if there is one, and the reported ids form a cycle', () => {
    const size = fc.integer({ min: 1, max: 12 })
    const edges = size.chain(n =>
      fc.array(fc.tuple(fc.nat(n - 1), fc.nat(n - 1)), { maxLength: 2 * n }).map(pairs => ({ n, pairs })),
    )
    fc.assert(
      fc.property(edges, ({ n, pairs }) => {
        const tasks = Array.from({ length: n }, (_, i) => ({
          id: `t${i}`,
          after: pairs.filter(([from]) => from === i).map(([, to]) => `t${to}`),
        }))
        if (isOrderable(tasks)) expect(() => checkGraph(tasks)).not.toThrow()
        else {
          const { cycle } = thrown('CYCLE', () => checkGraph(tasks)).details
          expect(cycle.at(-1)).toBe(cycle[0])
          expect(new Set(cycle).size).toBe(cycle.length - 1)
          for (let i = 1; i < cycle.length; i++)
            expect(tasks.find(({ id }) => id === cycle[i - 1])!.after).toContain(cycle[i])
        }
      }),
      { numRuns: 500 },
    )
  })
})

describe('checkGraph with order-only and soft dependencies', () => {
  const check =
    (...tasks: GraphNode[]) =>
    (): void =>
      checkGraph(tasks)

  it('finds cycles of order-only dependencies, alone and mixed with hard ones', () => {
    const alone = check({ id: 'a', orderAfter: ['b'] }, { id: 'b', orderAfter: ['a'] })
    expect(thrown('CYCLE', alone).details.cycle).toEqual(['a', 'b', 'a'])
    const mixed = check(
      { id: 'a', after: ['b'] },
      { id: 'b', after: ['z'], orderAfter: ['c'] },
      { id: 'c', after: ['a'] },
      { id: 'z' },
    )
    expect(thrown('CYCLE', mixed).details.cycle).toEqual(['a', 'b', 'c', 'a'])
    const itself = check({ id: 'z' }, { id: 'a', after: ['z'], orderAfter: ['a'] })
    expect(thrown('CYCLE', itself).details.cycle).toEqual(['a', 'a'])
  })

  it('accepts cycles with soft dependencies, which delay no task', () => {
    expect(check({ id: 'a', softAfter: ['b'] }, { id: 'b', softAfter: ['a'] })).not.toThrow()
    expect(
      check({ id: 'a', after: ['b'] }, { id: 'b', softAfter: ['a'], orderAfter: ['c'] }, { id: 'c', softAfter: ['a'] }),
    ).not.toThrow()
  })

  it('rejects a task that is its own soft dependency', () => {
    const error = thrown('CYCLE', check({ id: 'z' }, { id: 'a', softAfter: ['z', 'a'] }))
    expect(error.details.cycle).toEqual(['a', 'a'])
    expect(error.message).toMatch(/^task "a" depends on itself/)
  })

  it.each(['after', 'softAfter', 'orderAfter'] as const)(
    'rejects an unknown id in %s, and suggests the nearest one',
    list => {
      const error = thrown('UNKNOWN_DEPENDENCY', check({ id: 'schema' }, { id: 'b', [list]: ['shcema'] }))
      expect(error.details).toEqual({ taskId: 'b', dependency: 'shcema' })
      expect(error.message).toContain('(did you mean "schema"?)')
    },
  )

  it.each(['after', 'softAfter', 'orderAfter'] as const)('accepts tasks of the live run in %s', list => {
    const tasks = [{ id: 'b', [list]: ['old', 'later'] }, { id: 'later' }]
    expect(() => checkGraph(tasks, id => id === 'old')).not.toThrow()
    expect(thrown('UNKNOWN_DEPENDENCY', () => checkGraph(tasks, () => false)).details.dependency).toBe('old')
  })

  it('counts hard and order-only dependencies as edges of a cycle, and no soft ones', () => {
    const kind = fc.constantFrom('after' as const, 'softAfter' as const, 'orderAfter' as const)
    const edges = fc.array(fc.tuple(fc.nat(6), fc.nat(6), kind), { maxLength: 12 })
    fc.assert(
      fc.property(edges, list => {
        const of = (i: number, name: string): string[] =>
          list.filter(([from, to, kind]) => from === i && to !== i && kind === name).map(([, to]) => `t${to}`)
        const tasks = Array.from({ length: 7 }, (_, i) => ({
          id: `t${i}`,
          after: of(i, 'after'),
          softAfter: of(i, 'softAfter'),
          orderAfter: of(i, 'orderAfter'),
        }))
        const waits = tasks.map(({ id, after, orderAfter }) => ({ id, after: [...after, ...orderAfter] }))
        if (isOrderable(waits)) expect(() => checkGraph(tasks)).not.toThrow()
        else expect(thrown('CYCLE', () => checkGraph(tasks)).details.cycle.length).toBeGreaterThan(2)
      }),
      { numRuns: 500 },
    )
  })
})

describe('checkGraph with a large graph', () => {
  it('accepts a chain of 300,000 tasks in reverse order, and finds the cycle when it is closed', () => {
    const size = 300_000
    const chain = Array.from({ length: size }, (_, i) => ({ id: `${i}`, after: i === size - 1 ? [] : [`${i + 1}`] }))
    expect(() => checkGraph(chain)).not.toThrow()
    chain[size - 1]!.after.push('0')
    expect(thrown('CYCLE', () => checkGraph(chain)).details.cycle).toHaveLength(size + 1)
  })

  it('accepts a chain of 300,000 order-only dependencies', () => {
    const size = 300_000
    const chain = Array.from({ length: size }, (_, i) => ({
      id: `${i}`,
      ...(i + 1 < size && { orderAfter: [`${i + 1}`] }),
    }))
    expect(() => checkGraph(chain)).not.toThrow()
  })

  it('accepts a task that depends on 300,000 later ones', () => {
    const leaves = Array.from({ length: 300_000 }, (_, i) => ({ id: `${i}` }))
    expect(() => checkGraph([{ id: 'all', after: leaves.map(({ id }) => id) }, ...leaves])).not.toThrow()
  })

  it('accepts two layers with a million dependencies between them', () => {
    const first = Array.from({ length: 1000 }, (_, i) => ({ id: `a${i}` }))
    const after = first.map(({ id }) => id)
    const second = Array.from({ length: 1000 }, (_, i) => ({ id: `b${i}`, after }))
    expect(() => checkGraph([...second, ...first])).not.toThrow()
  })
})

/** Reference implementation: repeatedly removes every task without remaining dependencies. */
function isOrderable(tasks: readonly GraphNode[]): boolean {
  let left = tasks
  for (;;) {
    const stuck = left.filter(({ after }) => after?.some(id => left.some(other => other.id === id)))
    if (stuck.length === left.length) return stuck.length === 0
    left = stuck
  }
}

describe('didYouMean', () => {
  it.each([
    ['shcema', ['backend', 'schema'], 'schema'],
    ['Schema', ['schemas', 'schema'], 'schema'],
    ['timeout', ['id', 'timeoutMs', 'pool'], 'timeoutMs'],
    ['task_10', ['task_01', 'task_11'], 'task_01'],
    // The beginning of a name, the other way round, or both but for the last letter.
    ['retry', ['replay', 'retries'], 'retries'],
    ['concur', ['concurrency', 'context'], 'concurrency'],
    ['retryAfter', ['retryAfterMs', 'status'], 'retryAfterMs'],
    ['timeoutMillis', ['totalTimeoutMs', 'timeoutMs'], 'timeoutMs'],
    ['write-all-reports', ['write', 'write-all'], 'write-all'],
    ['prior', ['private', 'priority'], 'priority'],
    // A name that is nearer by edit distance comes first.
    ['output', ['outputs', 'outputSchema'], 'outputs'],
  ])('suggests for %s among %j: %s', (word, names, nearest) => {
    expect(didYouMean(word, names)).toBe(` (did you mean "${nearest}"?)`)
  })

  it('suggests nothing when no name is close', () => {
    expect(didYouMean('frontend', ['backend', 'schema'])).toBe('')
    expect(didYouMean('x', ['y'])).toBe('')
    expect(didYouMean('', ['a'])).toBe('')
  })

  it.each([
    ['run', ['runtimeLimits', 'runId']],
    ['max', ['maxBytes']],
    ['timing', ['timeoutMs']],
    ['description', ['destination', 'desk']],
    ['api', ['approval', 'a']],
    ['message', ['usage', 'status']],
    ['rate-limited', ['refused', 'crashed', 'invalid-output']],
  ])('suggests for %s none of %j, which only look alike', (word, names) => {
    expect(didYouMean(word, names)).toBe('')
  })
})
