import { memoryJournal, Orchestrator, systemClock, TaskGraph } from 'counterpoint'
import { describe, expect, test, vi } from 'vitest'

const backend = async (): Promise<number> => 1
const one = { tasks: [{ id: 'a', pool: 'p' }] } as const

/** Options are data from outside here. */
const make = (options: object): Orchestrator<'p'> => new Orchestrator({ pools: { p: backend }, ...options })

function message(act: () => unknown): string {
  try {
    act()
  } catch (error) {
    expect(error).toMatchObject({ code: 'INVALID_INPUT' })
    return (error as Error).message
  }
  throw new Error('nothing was thrown')
}

describe('a port of the wrong shape is refused when it is handed in:', () => {
  test.each<readonly [string, object, RegExp]>([
    [
      'a clock that is a function',
      { clock: () => 0 },
      /clock: expected an object with a method schedule, got a function/,
    ],
    [
      'a clock that only tells the time',
      { clock: { schedule: () => {}, now: () => 0 } },
      /clock: expected a clock whose now\(\) and monotonic\(\) return finite numbers/,
    ],
    [
      'a clock whose time is no number',
      { clock: { ...systemClock, now: () => Number.NaN } },
      /clock: expected a clock whose now\(\) and monotonic\(\) return finite numbers/,
    ],
    [
      'a journal that is a function',
      { journal: () => {} },
      /journal: expected an object with a method open, got a function/,
    ],
    ['a journal that cannot list its runs', { journal: { ...memoryJournal(), list: 1 } }, /journal: .* method list/],
    ['a machine that knows no cores', { machine: { freeMemory: () => 1 } }, /machine: .* method cores/],
    ['a backend without run', { pools: { p: { backend: {} } } }, /pools\.p\.backend: .* method run/],
    ['a list of backends with one without run', { pools: { p: { backends: [backend, {}] } } }, /backends\[1\]: .* run/],
    ...(
      [
        ['name', 5],
        ['version', 1],
        ['awaitsTermination', 'yes'],
        ['health', true],
        ['killOrphans', []],
        ['estimate', { costUsd: Number.NaN }],
      ] as const
    ).map(
      ([member, value]) =>
        [
          `a backend whose ${member} is of another kind`,
          { pools: { p: { backends: [backend, { run: backend, [member]: value }] } } },
          new RegExp(`pools\\.p\\.backends\\[1\\]\\.${member}.*: expected .*, got `),
        ] as const,
    ),
    ['ids that are a text', { newId: 'x' }, /newId: expected a function, got "x"/],
    ['a random source that is a number', { random: 4 }, /random: expected a function, got 4/],
    ['a budget in a Map', { budget: new Map() }, /budget: expected an object, got a Map/],
    ['a breaker that is a Date', { pools: { p: { backend, breaker: new Date() } } }, /breaker: .* got a Date/],
  ])('%s', (_, options, expected) => {
    expect(message(() => make(options))).toMatch(expected)
  })
})

describe('what a port returns is checked when it is used:', () => {
  test.each<readonly [string, unknown, RegExp]>([
    ['a number', 5, /newId\(\): expected a string, got 5/],
    ['an empty text', '', /newId\(\): expected at least 1 character, got ""/],
    ['half of a surrogate pair', 'r\ud800', /newId\(\): expected a text without half of a surrogate pair/],
  ])('an id that is %s', (_, id, expected) => {
    expect(message(() => make({ newId: () => id }).run(one))).toMatch(expected)
  })

  test('the answer of a distributor', async () => {
    const orchestrator = new Orchestrator({ pools: { p: backend }, distributor: (() => 'zzz') as never })
    expect(message(() => orchestrator.run({ tasks: [{ id: 'a' }] }))).toMatch(
      /expected an answer for task "a" .*; got "zzz"/,
    )
  })

  test.each([
    ['nothing', undefined, 'got nothing'],
    ['a journal without read', { append: () => {}, close: () => {} }, 'a method read, got an object'],
  ])('a journal that opens %s', async (_, opened, expected) => {
    const journal = { ...memoryJournal(), open: () => opened as never }
    const failure = { code: 'JOURNAL', message: expect.stringContaining(expected) }
    expect(() => make({ journal }).run(one)).toThrow(expect.objectContaining(failure))
    await expect(make({ journal }).resume('x')).rejects.toMatchObject(failure)
    const later = { ...journal, open: async () => opened as never }
    await expect(make({ journal: later }).resume('x')).rejects.toMatchObject(failure)
  })
})

describe('the message for an unknown key names the one that was meant:', () => {
  const graph = (options: object): unknown => new TaskGraph('g').task('a', options)
  const data = (task: object): unknown => make({}).run({ tasks: [task as never] })

  test.each<readonly [string, () => unknown, string]>([
    ['concurency', () => make({ pools: { p: { backend, concurency: 2 } } }), 'concurrency'],
    ['maxConcurrency', () => make({ pools: { p: { backend, maxConcurrency: 2 } } }), 'concurrency'],
    ['dependsOn', () => data({ id: 'a', dependsOn: [] }), 'after'],
    ['dependsOn of a graph', () => graph({ dependsOn: [] }), 'after'],
    ['depends_on', () => data({ id: 'a', depends_on: [] }), 'after'],
    ['deps', () => data({ id: 'a', deps: [] }), 'after'],
    ['name', () => data({ name: 'a' }), 'id'],
    ['prompt', () => data({ id: 'a', prompt: 'x' }), 'description'],
    ['timeout', () => data({ id: 'a', timeout: 1 }), 'timeoutMs'],
  ])('%s', (_, act, meant) => {
    expect(message(act)).toContain(`(did you mean "${meant}"?)`)
  })

  test('a list in place of a plan', () => {
    expect(message(() => make({}).run([{ id: 'a' }] as never))).toBe(
      'plan: expected an object, got a list (did you mean { tasks: [...] }?)',
    )
  })
})

test.each([Number.POSITIVE_INFINITY, 0, Number.NaN, -1, 1.5])(
  'the message shows a number that is refused: %s',
  number => {
    expect(message(() => make({ retain: number === 0 ? -0.5 : number }))).toContain(
      `got ${number === 0 ? -0.5 : number}`,
    )
    expect(message(() => make({ pools: { p: { backend, queueLimit: number } } }))).toContain(`got ${number}`)
  },
)

test('an id of a run that is no text is refused, and starts nothing', async () => {
  const journal = memoryJournal()
  const open = vi.spyOn(journal, 'open')
  const orchestrator = make({ journal })
  for (const id of [7, null, Symbol('x'), {}]) {
    await expect(orchestrator.resume(id as never)).rejects.toMatchObject({ code: 'INVALID_INPUT' })
    await expect(orchestrator.runs.delete(id as never)).rejects.toMatchObject({ code: 'INVALID_INPUT' })
  }
  expect(open).not.toHaveBeenCalled()
})
