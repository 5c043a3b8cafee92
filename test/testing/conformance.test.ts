import {
  AgentError,
  type AgentFunction,
  type Clock,
  CounterpointError,
  type Journal,
  memoryJournal,
  type OpenJournal,
  reply,
  systemClock,
} from 'counterpoint'
import {
  type BackendConformanceOptions,
  backendConformance,
  type ConformanceCase,
  clockConformance,
  fail,
  hang,
  ignoreAbort,
  journalConformance,
  MockBackend,
  slowJournal,
  succeed,
  VirtualClock,
} from 'counterpoint/testing'
import { describe, expect, test } from 'vitest'

function suite(what: string, cases: readonly ConformanceCase[]): void {
  describe(`${what} keeps the promise that it`, () => {
    for (const { name, run } of cases) test(name, run)
  })
}

/** The names of the cases that found something, with what they said. */
async function broken(cases: readonly ConformanceCase[]): Promise<Record<string, string>> {
  const found: Record<string, string> = {}
  for (const { name, run } of cases)
    await run().catch((error: unknown) => {
      expect(error).toBeInstanceOf(Error)
      found[name] = (error as Error).message
    })
  return found
}

const REQUESTS: BackendConformanceOptions = {
  succeeds: { id: 'good' },
  fails: { id: 'bad' },
  runsLong: { id: 'long' },
  failsWith: 'refused',
}

suite(
  'a plain function that returns at once',
  backendConformance(
    () =>
      ({ task }) =>
        `${task.id} done`,
    { succeeds: { description: 'Say hello' }, startMs: 1 },
  ),
)

suite(
  'a plain function that heeds its abort',
  backendConformance(() => polite, { ...REQUESTS, startMs: 1 }),
)

const polite: AgentFunction = async ({ task }, { signal, report }) => {
  signal.throwIfAborted()
  report({ progress: 0.5, usage: { inputTokens: 10 } })
  if (task.id === 'bad') throw new AgentError('refused', 'no such model')
  if (task.id === 'good') return reply({ output: { text: 'hello' }, usage: { costUsd: 0.01 } })
  return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
}

describe('MockBackend', () => {
  const clock = new VirtualClock()
  const make = (): MockBackend =>
    new MockBackend({ clock, confirmsStop: true })
      .answer('good', succeed('x', { afterMs: 1_000, progress: [{ progress: 0.5 }], usage: { costUsd: 1 } }))
      .answer('bad', fail('refused', { afterMs: 1_000 }))
      .answer('long', succeed('x', { afterMs: 60_000 }))
  suite('it', backendConformance(make, { ...REQUESTS, pass: ms => clock.advance(ms) }))
})

describe('the conformance suite of backends', () => {
  const settings: BackendConformanceOptions = { ...REQUESTS, answerMs: 20, startMs: 1, settleMs: 10 }
  const found = (backend: AgentFunction, options = settings): Promise<Record<string, string>> =>
    broken(backendConformance(() => backend, options))

  test('finds a backend that never answers and ignores its abort', async () => {
    expect(await found(() => new Promise(() => {}))).toMatchObject({
      'answers a request with JSON that an orchestrator can keep':
        'expected the task to end within 20 ms; it is still running',
      'settles once': 'expected the request of succeeds to settle within 20 ms; it has not',
      'ends an attempt that was aborted before it began': expect.stringContaining('to settle within 10 ms'),
      'ends soon after its abort': expect.stringContaining('to settle within 10 ms'),
      'leaves no abandoned attempt behind when its run is cancelled': expect.stringContaining('it was abandoned'),
    })
  })

  test('finds an output that is not JSON, and a failure of another kind', async () => {
    const problems = await found((request, context) => (request.task.id === 'good' ? 10n : polite(request, context)), {
      ...settings,
      failsWith: 'quota',
    })
    expect(problems).toEqual({
      'answers a request with JSON that an orchestrator can keep': expect.stringContaining('OUTPUT_NOT_JSON'),
      'fails in a way that can be classified': 'expected a failure of kind quota, got refused: no such model',
    })
  })

  test('finds a thenable that settles twice', async () => {
    const twice: AgentFunction = () => ({
      // biome-ignore lint/suspicious/noThenProperty: the fault is on purpose
      then: (ok: (output: string) => void, bad: (error: unknown) => void) => {
        ok('first')
        bad('second')
      },
    })
    const { succeeds } = settings
    expect(await found(twice, { succeeds, startMs: 1 })).toMatchObject({
      'settles once': 'expected the attempt to settle once; it settled 2 times',
    })
  })

  test('finds a backend that fails without a word, or takes a failing request for a good one', async () => {
    const mute: AgentFunction = (request, context) => {
      if (request.task.id === 'bad') throw new AgentError('refused', ' ')
      return polite(request, context)
    }
    expect(await found(mute)).toEqual({
      'fails in a way that can be classified': expect.stringMatching(/a message, got none/),
    })
    expect(
      await found((request, context) => polite({ ...request, task: { ...request.task, id: 'good' } }, context)),
    ).toMatchObject({
      'fails in a way that can be classified': 'expected the task to be dead; it is succeeded',
      'ends soon after its abort': 'expected the request of runsLong to take long; it has ended already',
    })
  })

  test('finds reports that make no sense', async () => {
    const boasts: AgentFunction = (_, { report }) => report({ progress: 40, usage: { costUsd: -1 } })
    const { succeeds } = settings
    expect(await found(boasts, { succeeds, startMs: 1 })).toEqual({
      'reports progress between 0 and 1, and usage that adds up': 'expected progress between 0 and 1, got 40',
    })
  })

  test('finds a backend that ends all its attempts with one abort', async () => {
    const all: (() => void)[] = []
    const sloppy: AgentFunction = async (request, context) => {
      if (request.task.id === 'good' || request.task.id === 'bad') return polite(request, context)
      await new Promise<void>(resolve => {
        all.push(resolve)
        context.signal.addEventListener('abort', () => all.splice(0).map(end => end()))
        if (context.signal.aborted) resolve()
      })
      throw new Error('ended')
    }
    expect(await found(sloppy)).toEqual({
      'goes on with other attempts when one is aborted': expect.stringContaining('to leave another alone'),
    })
  })

  test('waits in virtual time for a backend that never settles', async () => {
    const clock = new VirtualClock()
    const make = (): MockBackend => new MockBackend({ clock }).answer('good', hang()).answer('long', ignoreAbort())
    const { succeeds } = REQUESTS
    const problems = await broken(backendConformance(make, { succeeds, pass: ms => clock.advance(ms) }))
    expect(problems['settles once']).toBe('expected the request of succeeds to settle within 30000 ms; it has not')
  })
})

suite(
  'memoryJournal',
  journalConformance(() => memoryJournal()),
)
suite(
  'slowJournal',
  journalConformance(() => slowJournal({ clock: systemClock, delayMs: 0 })),
)
describe('slowJournal in virtual time', () => {
  const clock = new VirtualClock()
  suite(
    'it',
    journalConformance(() => slowJournal({ clock, delayMs: 3 }), { pass: ms => clock.advance(ms) }),
  )
})
describe('what slowJournal leaves after a crash', () => {
  // Every reopening is a crash: only what was durable is found.
  const options = {
    reopen: (journal: Journal) => ('afterCrash' in journal ? (journal as never as Slow).afterCrash() : journal),
  }
  suite(
    'it',
    journalConformance(() => slowJournal({ clock: systemClock, delayMs: 0 }), options),
  )
})
type Slow = ReturnType<typeof slowJournal>

describe('the conformance suite of journals', () => {
  /** An in-memory journal with one thing changed. */
  const bent =
    (change: (open: OpenJournal, runId: string, journal: Journal) => Partial<OpenJournal>) => (): Journal => {
      const journal = memoryJournal()
      return {
        ...journal,
        open: runId => {
          const open = journal.open(runId) as OpenJournal
          return { ...open, ...change(open, runId, journal) }
        },
      }
    }
  const found = (make: () => Journal): Promise<Record<string, string>> => broken(journalConformance(make))

  test('finds records that are lost, torn or merged', async () => {
    let count = 0
    const loses = bent(open => ({ append: record => (++count % 50 === 0 ? undefined : open.append(record)) }))
    expect(await found(loses)).toHaveProperty('makes many appends under way at once durable in their order')
    const tears = bent(open => ({ append: record => record.map(event => open.append([event]))[0] }))
    expect(await found(tears)).toHaveProperty('keeps a record of many events whole')
    const merges = bent(open => ({ read: () => [[...(open.read() as Iterable<never[]>)].flat()] }))
    expect(await found(merges)).toHaveProperty('reads records in the order in which they were appended')
  })

  test('finds records that become durable out of order', async () => {
    let place = 0
    const late = bent(open => ({
      synchronous: false,
      append: async record => {
        if (place++ % 2 === 0) await new Promise(resolve => setImmediate(resolve))
        return open.append(record)
      },
    }))
    expect(await found(late)).toHaveProperty('makes many appends under way at once durable in their order')
  })

  test('finds values that a careless store changes', async () => {
    const utf8 = bent(open => ({
      append: record => open.append(JSON.parse(JSON.stringify(record).replaceAll('\\ud800', '\\ufffd'))),
    }))
    expect(await found(utf8)).toHaveProperty(
      'keeps every JSON value as it is',
      expect.stringMatching(/expected odd values to be ….*"input":"\\ud800".*…, got ….*"input":"\ufffd"/),
    )
  })

  test('finds run ids that are mixed up, and errors of the wrong class', async () => {
    const folded = (): Journal => {
      const journal = memoryJournal()
      return { ...journal, open: runId => journal.open(runId.toLowerCase().normalize()) }
    }
    expect(await found(folded)).toEqual({
      'keeps odd run ids apart, or refuses them with a CounterpointError':
        expect.stringMatching(/expected run "run" to be/),
    })
    const refuses = (error: Error) => (): Journal => {
      const journal = memoryJournal()
      const open = (runId: string): OpenJournal => {
        if (!/^[a-z]+(-\d+)?$/.test(runId) || runId === 'constructor') throw error
        return journal.open(runId) as OpenJournal
      }
      return { ...journal, open }
    }
    const politely = new CounterpointError('INVALID_INPUT', 'no', { issues: [] })
    expect(await found(refuses(politely))).toEqual({})
    expect(Object.values(await found(refuses(new Error('EINVAL'))))).toEqual([
      expect.stringMatching(/with a CounterpointError, got "Error: EINVAL"/),
    ])
  })

  test('finds a journal that forgets on close, keeps what was deleted, or lists too much', async () => {
    const forgets = bent((_, runId, journal) => ({ close: () => void journal.delete(runId) }))
    expect(await found(forgets)).toHaveProperty('reads the same after it was closed and opened again')
    const keeps = (): Journal => ({ ...memoryJournal(), delete: () => {} })
    expect(await found(keeps)).toHaveProperty(
      'forgets a run that was deleted, and does not mind one that it never knew',
    )
    const lists = (): Journal => ({ ...memoryJournal(), list: () => ['ghost'] })
    expect(await found(lists)).toHaveProperty(
      'lists the runs that it holds',
      expect.stringContaining('the list of an empty journal'),
    )
  })

  test('finds a write that never ends, in the time that it is given', async () => {
    const stuck = journalConformance(() => slowJournal(), { writeMs: 3 })
    expect((await broken(stuck))['reads records in the order in which they were appended']).toBe(
      'expected append() to be done within 3 ms; it is not',
    )
  })

  test('gives every journal back when its case is over, however it ended', async () => {
    const disposed: Journal[] = []
    const made: Journal[] = []
    const make = (): Journal => {
      const journal = slowJournal()
      made.push(journal)
      return journal
    }
    await broken(journalConformance(make, { writeMs: 1, dispose: journal => void disposed.push(journal) }))
    expect(disposed).toEqual(made)
  })
})

suite(
  'systemClock',
  clockConformance(() => systemClock),
)
suite(
  'VirtualClock',
  clockConformance(() => new VirtualClock(), { pass: (ms, clock) => clock.advance(ms) }),
)

describe('the conformance suite of clocks', () => {
  /** A virtual clock with one thing changed. */
  const found = (bend: (clock: VirtualClock) => Partial<Clock>): Promise<Record<string, string>> => {
    const make = (): VirtualClock => {
      const clock = new VirtualClock()
      return Object.assign(clock, bend(Object.assign(new VirtualClock(), { schedule: clock.schedule.bind(clock) })))
    }
    return broken(clockConformance(make, { pass: (ms, clock) => clock.advance(ms) }))
  }

  test('finds a delay that is cut at 2^31 ms, as by a bare setTimeout', async () => {
    const cut = await found(({ schedule }) => ({ schedule: (call, ms) => schedule(call, ms > 2 ** 31 - 1 ? 1 : ms) }))
    expect(Object.keys(cut)).toEqual(['does not call back early after more than 2^31 ms'])
  })

  test('finds a clock of seconds, and one that stands still', async () => {
    const seconds = await found(() => ({ now: () => 1_750_000_000 }))
    expect(Object.keys(seconds)).toEqual(['tells the time in milliseconds since 1970'])
    expect(await found(() => ({ monotonic: () => 5 }))).toHaveProperty(
      'has monotonic time that passes and never goes back',
    )
  })

  test('finds a clock that is early, and one that calls back at once', async () => {
    const early = await found(({ schedule }) => ({ schedule: (call, ms) => schedule(call, ms / 2) }))
    expect(early).toEqual({ 'calls back once, and not early': 'expected it after 20 ms, it came after 10 ms' })
    const atOnce = await found(({ schedule }) => ({
      schedule: (call, ms) => {
        if (ms > 0) return schedule(call, ms)
        call()
        return () => {}
      },
    }))
    expect(atOnce).toHaveProperty('calls back in a later turn for a delay of 0 or less')
  })

  test('finds a clock that calls back twice, or what was called off', async () => {
    const twice = await found(({ schedule }) => ({
      schedule: (call, ms) => {
        schedule(call, ms)
        return schedule(call, ms)
      },
    }))
    expect(twice).toHaveProperty(
      'calls back once, and not early',
      'expected one call within 60 ms for a delay of 20 ms, got 2',
    )
    expect(twice).toHaveProperty('does not call back what was called off')
  })
})
