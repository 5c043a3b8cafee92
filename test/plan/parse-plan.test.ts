import { type ParsePlanOptions, parsePlan } from 'counterpoint'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readPlanData } from '../../src/plan/plan.js'
import { badPaths, firstIssue, thrown } from './thrown.js'

const task = (members: object): object => ({ tasks: [{ id: 'a', ...members }] })
const parsedTask = (members: object): unknown => parsePlan(task(members)).tasks[0]

const OPENCLAW = `{
  "tasks": [
    {
      "id": "task_1",
      "pool": "codegen",
      "description": "Build Next.js frontend with menu gallery, booking form",
      "priority": 1,
      "timeout_sec": 300
    },
    {
      "id": "task_2",
      "pool": "codegen",
      "description": "Build FastAPI backend with booking API, payment processing",
      "priority": 1,
      "timeout_sec": 300,
      "blocked_by": []
    },
    {
      "id": "task_3",
      "pool": "database",
      "description": "Design Supabase schema: restaurants, menus, orders, payments",
      "priority": 1,
      "timeout_sec": 180
    },
    {
      "id": "task_4",
      "pool": "security",
      "description": "Security audit: payment flow (fraud, injection), XSS, CSRF, OWASP",
      "priority": 2,
      "timeout_sec": 300,
      "blocked_by": ["task_2"],
      "context": {
        "focus": "payment_security",
        "required_audit": ["owasp_top_10", "sql_injection", "xss", "csrf"]
      }
    }
  ]
}`

describe('parsePlan', () => {
  it('reads the JSON of OpenClaw as it is', () => {
    expect(parsePlan(OPENCLAW)).toEqual({
      tasks: [
        {
          id: 'task_1',
          pool: 'codegen',
          description: 'Build Next.js frontend with menu gallery, booking form',
          priority: 1,
          timeoutMs: 300_000,
        },
        {
          id: 'task_2',
          pool: 'codegen',
          description: 'Build FastAPI backend with booking API, payment processing',
          priority: 1,
          timeoutMs: 300_000,
        },
        {
          id: 'task_3',
          pool: 'database',
          description: 'Design Supabase schema: restaurants, menus, orders, payments',
          priority: 1,
          timeoutMs: 180_000,
        },
        {
          id: 'task_4',
          pool: 'security',
          description: 'Security audit: payment flow (fraud, injection), XSS, CSRF, OWASP',
          priority: 2,
          timeoutMs: 300_000,
          after: ['task_2'],
          context: { focus: 'payment_security', required_audit: ['owasp_top_10', 'sql_injection', 'xss', 'csrf'] },
        },
      ],
    })
  })

  it('reads strings, bytes, bytes with a byte order mark, and values alike', () => {
    const bytes = new TextEncoder().encode(OPENCLAW)
    const marked = new Uint8Array([0xef, 0xbb, 0xbf, ...bytes])
    const plan = parsePlan(OPENCLAW)
    for (const source of [bytes, marked, Buffer.from(bytes), `\uFEFF${OPENCLAW}`, JSON.parse(OPENCLAW)])
      expect(parsePlan(source)).toEqual(plan)
  })

  it.each([
    [{ after: ['b'] }, { after: ['b'] }],
    [{ blockedBy: ['b'] }, { after: ['b'] }],
    [{ blocked_by: ['b'] }, { after: ['b'] }],
    [{ timeoutMs: 1500 }, { timeoutMs: 1500 }],
    [{ timeout_ms: 1500 }, { timeoutMs: 1500 }],
    [{ timeoutSec: 1.5 }, { timeoutMs: 1500 }],
    [{ timeout_sec: 1.1 }, { timeoutMs: 1100 }],
    [{ retries: 0 }, { retries: 0 }],
    [{ maxRetries: 3 }, { retries: 3 }],
    [{ max_retries: 3 }, { retries: 3 }],
    [{ durationMs: 7 }, { durationMs: 7 }],
    [{ duration_ms: 7 }, { durationMs: 7 }],
    [{ durationSec: 0.6 }, { durationMs: 600 }],
    [{ duration_sec: 0 }, { durationMs: 0 }],
    [{ backoff: { base_ms: 1, factor: 2, max_ms: 3 } }, { backoff: { baseMs: 1, factor: 2, maxMs: 3 } }],
  ])('reads %j as %j', (written, read) => {
    const { tasks } = parsePlan({ tasks: [{ id: 'a', ...written }, { id: 'b' }] })
    expect(tasks[0]).toEqual({ id: 'a', description: 'a', ...read })
  })

  it('reads name and failure mode, and ignores $schema', () => {
    const text = '{"$schema": "./plan.schema.json", "name": "Restaurant", "failure_mode": "no-new", "tasks": []}'
    expect(parsePlan(text)).toEqual({ name: 'Restaurant', failureMode: 'no-new', tasks: [] })
  })

  it('merges repeated dependencies', () => {
    const plan = parsePlan({ tasks: [{ id: 'a' }, { id: 'b' }, { id: 'c', after: ['b', 'a', 'b'] }] })
    expect(plan.tasks[2]!.after).toEqual(['b', 'a'])
  })

  it('uses the id as the description when there is none, and keeps an empty one', () => {
    expect(parsedTask({})).toEqual({ id: 'a', description: 'a' })
    expect(parsedTask({ description: '' })).toEqual({ id: 'a', description: '' })
  })

  it('accepts the names of object members as ids', () => {
    const tasks = ['constructor', 'toString', 'hasOwnProperty', 'prototype'].map(id => ({ id }))
    expect(parsePlan({ tasks }).tasks.map(({ id }) => id)).toEqual(tasks.map(({ id }) => id))
    expect(thrown('UNKNOWN_DEPENDENCY', () => parsePlan(task({ after: ['toString'] }))).details.dependency).toBe(
      'toString',
    )
  })

  it('accepts timeouts up to 2^53 - 1 ms', () => {
    expect(parsedTask({ timeoutMs: 2 ** 31 })).toMatchObject({ timeoutMs: 2 ** 31 })
    expect(parsedTask({ timeoutMs: Number.MAX_SAFE_INTEGER })).toMatchObject({ timeoutMs: Number.MAX_SAFE_INTEGER })
  })

  it('reads any JSON as input and context, and -0 as 0', () => {
    expect(parsedTask({ input: null, context: [1, { deep: ['x', false] }], weight: -0 })).toEqual({
      id: 'a',
      description: 'a',
      input: null,
      context: [1, { deep: ['x', false] }],
      weight: 0,
    })
  })

  it('returns a deeply frozen plan, and returns that one as it is when it is parsed again', () => {
    const plan = parsePlan({
      tasks: [
        { id: 'a', backoff: { factor: 2 }, context: { x: [1] } },
        { id: 'b', after: ['a'] },
      ],
    })
    const frozen = (value: unknown): boolean =>
      typeof value !== 'object' || value === null || (Object.isFrozen(value) && Object.values(value).every(frozen))
    expect(frozen(plan)).toBe(true)
    expect(parsePlan(plan)).toBe(plan)
  })
})

describe('parsePlan with invalid input', () => {
  it.each([
    ['timeoutMs', [0, -1, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, '300', true, null, [1]]],
    ['timeout_sec', [0, -1, 1e300, '300']],
    ['retries', [-1, 0.5, 1001, '2', null]],
    ['priority', [0, 1001, 1.5, '1']],
    ['weight', [-0.1, Number.POSITIVE_INFINITY, 1e300, '1']],
    ['durationMs', [-1, 1e300, '1']],
    ['description', [1, null, ['x']]],
    ['pool', ['', ' codegen', 3]],
    ['after', ['b', null, { b: true }]],
    ['backoff', [1, [], 'fast']],
    [
      'id',
      ['', ' ', ' a', 'a ', 'a\u0000', 'a\nb', 'a\u0085', 'a\u2028', '\ud800', 'x'.repeat(129), '__proto__', 1, null],
    ],
  ])('rejects as %s each of %j, with its path', (key, values) => {
    for (const value of values) expect(badPaths(() => parsePlan(task({ [key]: value })))).toEqual([`tasks[0].${key}`])
  })

  it('rejects a missing id and a missing list of tasks', () => {
    expect(firstIssue(() => parsePlan({ tasks: [{ description: 'x' }] }))).toMatch(
      /^tasks\[0\]\.id: expected an id: .*, got nothing$/,
    )
    expect(firstIssue(() => parsePlan({ name: 'x' }))).toBe('tasks: expected a list of tasks, got nothing')
  })

  it.each([undefined, null, 3, [], new Date(0), new Map(), () => 1, Promise.resolve(), new ArrayBuffer(2)])(
    'rejects %o, which is not a plan',
    source => expect(badPaths(() => parsePlan(source))).toEqual(['plan']),
  )

  it('rejects members of backoff that are out of bounds', () => {
    const backoff = { baseMs: -1, factor: 0.5, maxMs: '1' }
    const paths = ['tasks[0].backoff.baseMs', 'tasks[0].backoff.factor', 'tasks[0].backoff.maxMs']
    expect(badPaths(() => parsePlan(task({ backoff })))).toEqual(paths)
  })

  it('rejects an invalid id in a list, with the name and index that the source has', () => {
    expect(firstIssue(() => parsePlan(task({ blocked_by: ['b', 7] })))).toMatch(
      /^tasks\[0\]\.blocked_by\[1\]: expected an id: .*, got 7$/,
    )
  })

  it('rejects two spellings of one member', () => {
    const message = 'tasks[0].timeout_sec: means the same as "timeoutMs"; keep one of the two'
    expect(firstIssue(() => parsePlan(task({ timeoutMs: 1, timeout_sec: 1 })))).toBe(message)
    expect(badPaths(() => parsePlan(task({ after: [], blockedBy: [] })))).toEqual(['tasks[0].blockedBy'])
    expect(badPaths(() => parsePlan(task({ backoff: { maxMs: 1, max_ms: 1 } })))).toEqual(['tasks[0].backoff.max_ms'])
  })

  it('rejects unknown keys, and suggests the nearest known one', () => {
    expect(firstIssue(() => parsePlan(task({ timeuot_sec: 3 })))).toBe(
      'tasks[0].timeuot_sec: unknown key (did you mean "timeout_sec"?)',
    )
    expect(firstIssue(() => parsePlan({ tasks: [], nmae: 'x' }))).toBe('nmae: unknown key (did you mean "name"?)')
    expect(firstIssue(() => parsePlan(task({ colour: 3 })))).toMatch(
      /^tasks\[0\]\.colour: unknown key; expected one of id, /,
    )
    expect(badPaths(() => parsePlan(task({ 'a key': 1 })))).toEqual(['tasks[0]["a key"]'])
  })

  it('rejects keys that would pollute prototypes', () => {
    for (const key of ['__proto__', 'constructor', 'prototype']) {
      expect(badPaths(() => parsePlan(`{"tasks": [], "${key}": {"polluted": 1}}`))[0]).toMatch(
        /^plan$|^constructor$|^prototype$/,
      )
      expect(badPaths(() => parsePlan(`{"tasks": [{"id": "a", "${key}": {"polluted": 1}}]}`))[0]).toMatch(/^tasks\[0\]/)
    }
    expect(
      badPaths(() => parsePlan('{"tasks": [{"id": "a", "context": {"x": {"__proto__": {"polluted": 1}}}}]}')),
    ).toEqual(['tasks[0].context.x'])
    expect(({} as { polluted?: number }).polluted).toBeUndefined()
  })

  it('rejects values that are not JSON, also inside a context', () => {
    for (const context of [Number.NaN, 1n, new Date(0), () => 1, Symbol('x'), [undefined], new Map()])
      expect(badPaths(() => parsePlan(task({ context })))[0]).toMatch(/^tasks\[0\]\.context/)
    const circular: { self?: object } = {}
    circular.self = circular
    expect(badPaths(() => parsePlan(task({ context: circular })))).toEqual(['tasks[0].context.self'])
  })

  it('reports all that is wrong at once, with at most 20 issues', () => {
    const wrong = { id: 'a', retries: -1, priority: 0, colour: 1 }
    const few = thrown('INVALID_INPUT', () => parsePlan({ tasks: [wrong, { id: 'b', timeoutMs: 0 }] }))
    expect(few.details.issues).toHaveLength(4)
    expect(few.message).toMatch(/^tasks\[0\]\.retries: .*, got -1; .*; tasks\[1\]\.timeoutMs: .*, got 0$/)
    const many = thrown('INVALID_INPUT', () => parsePlan({ tasks: Array.from({ length: 1000 }, () => wrong) }))
    expect(many.details.issues).toHaveLength(20)
    expect(many.message).toMatch(/ \(and 10 more, see details\.issues\)$/)
  })

  it('rejects duplicate ids, unknown dependencies and cycles, once every task is valid', () => {
    expect(thrown('DUPLICATE_ID', () => parsePlan({ tasks: [{ id: 'a' }, { id: 'a' }] })).details.id).toBe('a')
    const unknown = thrown('UNKNOWN_DEPENDENCY', () =>
      parsePlan({ tasks: [{ id: 'schema' }, { id: 'b', after: ['shcema'] }] }),
    )
    expect(unknown.details).toEqual({ taskId: 'b', dependency: 'shcema' })
    expect(unknown.message).toContain('(did you mean "schema"?)')
    expect(thrown('CYCLE', () => parsePlan(task({ after: ['a'] }))).details.cycle).toEqual(['a', 'a'])
  })

  it.each<[ParsePlanOptions, string]>([
    [{ maxBytes: 0 }, 'options.maxBytes'],
    [{ maxTasks: -1 }, 'options.maxTasks'],
    [{ bigIntegers: 'round' as 'text' }, 'options.bigIntegers'],
    [{ maxDepth: 1001 }, 'options.maxDepth'],
    [{ maxDepth: Number.NaN }, 'options.maxDepth'],
    [{ maxBytes: 10 }, 'plan'],
    [{ maxTasks: 1 }, 'tasks'],
    [{ maxDepth: 2 }, 'tasks[0]'],
  ])('rejects a plan or its options with %j, at %s', (options, path) => {
    expect(badPaths(() => parsePlan('{"tasks": [{"id": "a"}, {"id": "b"}]}', options))).toEqual([path])
  })

  it('rejects a value that is nested too deeply, without overflowing the stack', () => {
    let context: unknown = 1
    for (let i = 0; i < 200_000; i++) context = [context]
    expect(firstIssue(() => parsePlan(task({ context })))).toMatch(/nested deeper than 64 levels$/)
  })
})

describe('a plan written in code', () => {
  const read = (...tasks: object[]) => readPlanData({ tasks }, known => known === 'b').tasks

  it('is read by the same rules; tasks that are added to a run may depend on those of the run', () => {
    expect(read({ id: 'a', after: ['b'], timeoutMs: 1000 })).toEqual([
      { id: 'a', description: 'a', after: ['b'], timeoutMs: 1000 },
    ])
    expect(() => read({ id: 'b' })).toThrow(/has a task "b" already/)
    expect(badPaths(() => read({ id: 'a', retries: -1, context: 1 }))).toEqual(['tasks[0].retries'])
    expect(badPaths(() => read({ id: 'a' }, { id: 'c', context: [Number.NaN] }))).toEqual(['tasks[1].context[0]'])
  })

  it.each([
    [
      { blocked_by: ['b'] },
      'tasks[0].blocked_by: unknown key (did you mean "after"?); other spellings are read by parsePlan',
    ],
    [
      { timeoutSec: 5 },
      'tasks[0].timeoutSec: unknown key (did you mean "timeoutMs"?); other spellings are read by parsePlan',
    ],
    [{ backoff: { base_ms: 5 } }, 'tasks[0].backoff.base_ms: unknown key (did you mean "baseMs"?); other'],
    [{ budget: { cost_usd: 5 } }, 'tasks[0].budget.cost_usd: unknown key (did you mean "costUsd"?); other'],
    [{ afer: ['b'] }, 'tasks[0].afer: unknown key (did you mean "after"?)'],
    [
      { zzz: 1 },
      'tasks[0].zzz: unknown key; expected one of id, description, pool, input, after, softAfter, orderAfter, t',
    ],
  ])('has one spelling: %j is refused', (members, message) => {
    expect(firstIssue(() => read({ id: 'a', ...members }))).toContain(message)
  })

  it('is not text', () => {
    expect(firstIssue(() => readPlanData('{ "tasks": [] }'))).toBe(
      'plan: expected an object, got "{ \\"tasks\\": [] }"',
    )
  })

  it('may be one of parsePlan, which is not read again', () => {
    const plan = parsePlan({ tasks: [{ id: 'a', blocked_by: [] }] })
    expect(readPlanData(plan)).toBe(plan)
  })
})

const id = fc.stringMatching(/^[a-z][a-z0-9_-]{0,8}$/)
/** Any JSON without the key `__proto__`, which is rejected everywhere. */
const json = fc.jsonValue().filter(value => !JSON.stringify(value).includes('__proto__'))
const spec = fc.record(
  {
    id,
    description: fc.string(),
    pool: id,
    input: json,
    priority: fc.integer({ min: 1, max: 1000 }),
    retries: fc.integer({ min: 0, max: 1000 }),
    backoff: fc.record(
      { baseMs: fc.nat(), factor: fc.integer({ min: 1, max: 10 }), maxMs: fc.nat() },
      { requiredKeys: [] },
    ),
    timeoutMs: fc.double({ min: 1, max: 2 ** 53 - 1, noNaN: true }),
    weight: fc.double({ min: 0, max: 100, noNaN: true }),
    durationMs: fc.nat(),
    context: json,
    triggerRule: fc.constantFrom('all_done' as const, 'one_failed' as const),
    idleTimeoutMs: fc.integer({ min: 1 }),
    queueTimeoutMs: fc.integer({ min: 1 }),
    totalTimeoutMs: fc.integer({ min: 1 }),
    estimate: fc.record({ costUsd: fc.nat(), tokens: fc.nat() }, { requiredKeys: [] }),
    budget: fc.record(
      { costUsd: fc.nat(), wallMs: fc.nat(), onHard: fc.constant('hold' as const) },
      { requiredKeys: [] },
    ),
    replay: fc.constantFrom('safe' as const, 'never' as const),
    approval: fc.boolean(),
  },
  { requiredKeys: ['id'] },
)
const plans = fc.uniqueArray(spec, { selector: ({ id }) => id, maxLength: 8 }).map(specs => ({
  tasks: specs.map((task, i) => ({
    ...task,
    after: specs
      .slice(0, i)
      .filter((_, j) => j % 2 === 0)
      .map(({ id }) => id),
    orderAfter: specs.slice(Math.max(0, i - 1), i).map(({ id }) => id),
    softAfter: specs.slice(i + 1, i + 2).map(({ id }) => id),
  })),
}))

describe('a parsed plan', () => {
  it('is read from its JSON as the same plan', () => {
    fc.assert(
      fc.property(plans, source => {
        fc.pre(!JSON.stringify(source).includes('__proto__'))
        const plan = parsePlan(source)
        expect(parsePlan(JSON.stringify(plan))).toEqual(plan)
      }),
      { numRuns: 200 },
    )
  })
})

describe('a plan of 100,000 tasks', () => {
  it('is parsed from text in under 5 s', () => {
    const before = process.cpuUsage()
    const tasks = Array.from({ length: 100_000 }, (_, i) => ({
      id: `task_${i}`,
      pool: 'codegen',
      description: `Build part ${i}`,
      timeout_sec: 300,
      blocked_by: i === 0 ? [] : [`task_${i - 1}`, `task_${i >> 1}`],
    }))
    expect(parsePlan(JSON.stringify({ tasks })).tasks).toHaveLength(100_000)
    expect(process.cpuUsage(before).user / 1000).toBeLessThan(5000)
  })
})

it('an integer beyond 2^53 in a plan as text is refused with its path, or kept as text', () => {
  const text = '{"tasks": [{"id": "a", "input": {"order": 9007199254740993}, "context": [12345678901234567890]}]}'
  expect(badPaths(() => parsePlan(text))).toEqual(['tasks[0].input.order'])
  const [task] = parsePlan(text, { bigIntegers: 'text' }).tasks
  expect([task?.input, task?.context]).toEqual([{ order: '9007199254740993' }, ['12345678901234567890']])
  // In a member that must be a number, a text is no number.
  expect(() => parsePlan('{"tasks": [{"id": "a", "retries": 1e999}]}', { bigIntegers: 'text' })).toThrow(
    /retries: .*"1e999"/,
  )
})
