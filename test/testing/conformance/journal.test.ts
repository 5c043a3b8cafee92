import { CounterpointError, type Journal, memoryJournal, type OpenJournal, systemClock } from 'counterpoint'
import { journalConformance, type SlowJournal, slowJournal, VirtualClock } from 'counterpoint/testing'
import { describe, expect, test } from 'vitest'
import { broken, suite } from './cases.js'

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
    reopen: (journal: Journal) => ('afterCrash' in journal ? (journal as SlowJournal).afterCrash() : journal),
  }
  suite(
    'it',
    journalConformance(() => slowJournal({ clock: systemClock, delayMs: 0 }), options),
  )
})
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
