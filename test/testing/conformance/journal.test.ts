import { CounterpointError, type Journal, memoryJournal, type OpenJournal, systemClock } from 'counterpoint'
import { journalConformance, type SlowJournal, slowJournal, VirtualClock } from 'counterpoint/testing'
import { describe, expect, test } from 'vitest'
import { failuresOf, suite } from './cases.js'

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
    'conforms',
    journalConformance(() => slowJournal({ clock, delayMs: 3 }), { pass: ms => clock.advance(ms) }),
  )
})
describe('slowJournal after a crash', () => {
  // Every reopening is a crash: only durable records are found.
  const options = {
    reopen: (journal: Journal) => ('afterCrash' in journal ? (journal as SlowJournal).afterCrash() : journal),
  }
  suite(
    'conforms',
    journalConformance(() => slowJournal({ clock: systemClock, delayMs: 0 }), options),
  )
})
describe('journalConformance', () => {
  /** An in-memory journal with some methods of its runs replaced. */
  const changed =
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
  const found = (make: () => Journal): Promise<Record<string, string>> => failuresOf(journalConformance(make))

  test('detects records that are lost, split or merged', async () => {
    let count = 0
    const loses = changed(open => ({ append: record => (++count % 50 === 0 ? undefined : open.append(record)) }))
    expect(await found(loses)).toHaveProperty('makes concurrent appends durable in their order')
    const tears = changed(open => ({ append: record => record.map(event => open.append([event]))[0] }))
    expect(await found(tears)).toHaveProperty('stores a record of many events')
    const merges = changed(open => ({ read: () => [[...(open.read() as Iterable<never[]>)].flat()] }))
    expect(await found(merges)).toHaveProperty('reads records in the order of their appends')
  })

  test('detects records that become durable out of order', async () => {
    let count = 0
    const late = changed(open => ({
      synchronous: false,
      append: async record => {
        if (count++ % 2 === 0) await new Promise(resolve => setImmediate(resolve))
        return open.append(record)
      },
    }))
    expect(await found(late)).toHaveProperty('makes concurrent appends durable in their order')
  })

  test('accepts a write time without limit', () => {
    expect(() => journalConformance(() => memoryJournal(), { writeMs: Number.POSITIVE_INFINITY })).not.toThrow()
  })

  test('detects values that are changed', async () => {
    const utf8 = changed(open => ({
      append: record => open.append(JSON.parse(JSON.stringify(record).replaceAll('\\ud800', '\\ufffd'))),
    }))
    expect(await found(utf8)).toHaveProperty(
      'stores every JSON value unchanged',
      expect.stringMatching(/expected odd values to be ….*"input":"\\ud800".*…, got ….*"input":"\ufffd"/),
    )
  })

  test('detects run ids that are confused, and errors of the wrong class', async () => {
    const folded = (): Journal => {
      const journal = memoryJournal()
      return { ...journal, open: runId => journal.open(runId.toLowerCase().normalize()) }
    }
    expect(await found(folded)).toEqual({
      'keeps odd run ids separate, or rejects them with a CounterpointError':
        expect.stringMatching(/expected run "run" to be/),
    })
    const rejects = (error: Error) => (): Journal => {
      const journal = memoryJournal()
      const open = (runId: string): OpenJournal => {
        if (!/^[a-z]+(-\d+)?$/.test(runId) || runId === 'constructor') throw error
        return journal.open(runId) as OpenJournal
      }
      return { ...journal, open }
    }
    const expected = new CounterpointError('INVALID_INPUT', 'no', { issues: [] })
    expect(await found(rejects(expected))).toEqual({})
    expect(Object.values(await found(rejects(new Error('EINVAL'))))).toEqual([
      expect.stringMatching(/with a CounterpointError, got "Error: EINVAL"/),
    ])
  })

  test('detects a journal that loses records on close, does not delete, or lists too much', async () => {
    const losesRecords = changed((_, runId, journal) => ({ close: () => void journal.delete(runId) }))
    expect(await found(losesRecords)).toHaveProperty('reads the same records after closing and reopening')
    const keeps = (): Journal => ({ ...memoryJournal(), delete: () => {} })
    expect(await found(keeps)).toHaveProperty('deletes a run, and ignores an unknown one')
    const lists = (): Journal => ({ ...memoryJournal(), list: () => ['ghost'] })
    expect(await found(lists)).toHaveProperty('lists its runs', expect.stringContaining('the list of an empty journal'))
  })

  test('detects a write that does not end within writeMs', async () => {
    const stuck = journalConformance(() => slowJournal(), { writeMs: 3 })
    expect((await failuresOf(stuck))['reads records in the order of their appends']).toBe(
      'expected append() to finish within 3 ms; it has not',
    )
  })

  test('disposes of every journal after its case, even after a failure', async () => {
    const disposed: Journal[] = []
    const made: Journal[] = []
    const make = (): Journal => {
      const journal = slowJournal()
      made.push(journal)
      return journal
    }
    await failuresOf(journalConformance(make, { writeMs: 1, dispose: journal => void disposed.push(journal) }))
    expect(disposed).toEqual(made)
  })
})
