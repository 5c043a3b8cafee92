import { type Journal, type Json, memoryJournal } from 'counterpoint'
import { journalConformance, slowJournal } from 'counterpoint/testing'
import { describe, expect, test } from 'vitest'
import type { SharedStream } from '../../src/journal/shared-stream.js'

describe('an in-memory journal', () => {
  test('keeps shared streams as long as it exists, and is synchronous', () => {
    const journal = memoryJournal()
    const first = shared(journal, 'limits')
    expect([first.append({ a: 1 }), first.append('b'), first.replace?.(['c']), first.append('d')]).toEqual(
      Array(4).fill(undefined),
    )
    expect(first.close()).toBeUndefined()
    expect(shared(journal, 'limits').read()).toEqual(['c', 'd'])
    expect(shared(journal, 'budget').read()).toEqual([])
    expect(shared(memoryJournal(), 'limits').read()).toEqual([])
  })

  test('shares a stream with a second orchestrator while the first, presumed dead, still has it open', () => {
    const journal = memoryJournal()
    shared(journal, 'limits').append('of the first')
    const second = shared(journal, 'limits')
    const read = second.read()
    second.append('of the second')
    expect(read).toEqual(['of the first'])
    expect(shared(journal, 'limits').read()).toEqual(['of the first', 'of the second'])
  })
})

describe('a slow journal', () => {
  test('writes shared streams at once, and keeps them over a crash', () => {
    const journal = slowJournal()
    const stream = journal.shared('limits')
    stream.append(1)
    journal.fail()
    stream.append(2)
    expect(journal.waiting).toEqual([])
    const after = journal.afterCrash(0)
    stream.append(3)
    expect(shared(after, 'limits').read()).toEqual([1, 2])
    expect(stream.read()).toEqual([1, 2, 3])
  })
})

describe('the conformance suite of journals', () => {
  /** An in-memory journal whose shared streams have one change. */
  const bent = (change: (stream: SharedStream, name: string) => Partial<SharedStream>) => (): Journal => {
    const journal = memoryJournal()
    return {
      ...journal,
      shared: name => {
        const stream = shared(journal, name)
        return { ...stream, ...change(stream, name) }
      },
    }
  }
  const found = async (make: () => Journal): Promise<readonly string[]> => {
    const names: string[] = []
    for (const { name, run } of journalConformance(make))
      await run().catch(() => {
        names.push(name)
      })
    return names
  }
  const list = (stream: SharedStream): readonly Json[] => [...(stream.read() as Iterable<Json>)]

  test('accepts a journal without shared streams, or without replace', async () => {
    const without = (): Journal => {
      const { shared: _, ...journal } = memoryJournal()
      return journal
    }
    expect(await found(without)).toEqual([])
    const growing = (): Journal => {
      const journal = memoryJournal()
      return {
        ...journal,
        shared: name => {
          const { replace: _, ...stream } = shared(journal, name)
          return stream
        },
      }
    }
    expect(await found(growing)).toEqual([])
  })

  test('rejects a stream that loses, duplicates, reorders or changes records', async () => {
    let appended = 0
    for (const change of [
      bent(stream => ({ append: record => (++appended % 3 === 0 ? undefined : stream.append(record)) })),
      bent(stream => ({
        append: record => {
          stream.append(record)
          return stream.append(record)
        },
      })),
      bent(stream => ({ read: () => list(stream).toReversed() })),
      bent(stream => ({ close: () => stream.replace?.([]) })),
    ])
      expect(await found(change)).toContain('keeps the order of a shared stream across closing and reopening')
    const utf8 = bent(stream => ({
      append: record => stream.append(JSON.parse(JSON.stringify(record).replaceAll('\\ud800', '\\ufffd'))),
    }))
    expect(await found(utf8)).toContain('stores every JSON value in a shared stream unchanged')
  })

  test('rejects a replace that appends, or that hides later records', async () => {
    const adds = bent(stream => ({ replace: records => void records.map(each => stream.append(each)) }))
    const hides = bent(stream => {
      let replaced = false
      return {
        append: record => (replaced ? undefined : stream.append(record)),
        replace: records => {
          replaced = true
          return stream.replace?.(records)
        },
      }
    })
    for (const change of [adds, hides])
      expect(await found(change)).toEqual(['replaces all records of a shared stream, and appends after them'])
  })

  test('rejects streams that are mixed up with each other or with runs', async () => {
    const folded = (): Journal => {
      const journal = memoryJournal()
      return { ...journal, shared: name => shared(journal, name.toLowerCase()) }
    }
    expect(await found(folded)).toEqual(['keeps shared streams separate, or rejects odd names'])
    const listed = (): Journal => {
      const journal = memoryJournal()
      const open = (name: string): SharedStream => {
        journal.open(name)
        return shared(journal, name)
      }
      return { ...journal, shared: open }
    }
    expect(await found(listed)).toEqual([
      'keeps shared streams separate from runs: neither listed nor deleted with one',
    ])
  })
})

function shared(journal: Journal, name: string): SharedStream {
  return journal.shared?.(name) as SharedStream
}
