import { type Journal, type JournalRecord, memoryJournal, type OpenJournal, Orchestrator } from 'counterpoint'
import { describe, expect, test } from 'vitest'
import { journalOfNewRun } from '../../src/journal/opening-journal.js'

const pools = { p: { backend: () => 'done' } }
const plan = { tasks: [{ id: 'a' }, { id: 'b', after: ['a'] }] }

const recordsOf = (journal: Journal, runId: string): readonly JournalRecord[] => [
  ...(journal.read(runId) as Iterable<JournalRecord>),
]

describe('the journal in memory', () => {
  test('holds the emitted events, record by record, during the run and afterwards', async () => {
    const journal = memoryJournal()
    const run = new Orchestrator({ pools, journal }).run(plan, { runId: 'r' })
    const emitted: unknown[] = []
    run.on('event', event => {
      emitted.push(event)
      expect(recordsOf(journal, 'r').flat().slice(0, emitted.length)).toEqual(emitted)
    })
    await run.result
    expect(recordsOf(journal, 'r').flat()).toEqual(emitted)
    expect(recordsOf(journal, 'r').map(record => record.length)).toEqual([4, 1, 2, 1, 2])
  })

  test("keeps a run that was released, unless it is the orchestrator's own", async () => {
    const journal = memoryJournal()
    const run = new Orchestrator({ pools, journal }).run(plan, { runId: 'r' })
    await run.result
    const records = recordsOf(journal, 'r')
    expect(run.release()).toBe(true)
    expect(recordsOf(journal, 'r')).toEqual(records)
    const alone = new Orchestrator({ pools })
    const other = alone.run(plan)
    const { outputs } = await other.result
    other.release()
    expect(await alone.runs.list()).toEqual([])
    expect(outputs).toEqual({ a: 'done', b: 'done' })
  })

  test('is appended to through a wrapper', async () => {
    const inner = memoryJournal()
    const appended: JournalRecord[] = []
    const journal: Journal = {
      ...inner,
      open: runId => {
        const open = inner.open(runId) as OpenJournal
        const append = (record: JournalRecord): void => {
          appended.push(record)
          void open.append(record)
        }
        return { ...open, append }
      },
    }
    await new Orchestrator({ pools, journal }).run(plan, { runId: 'r' }).result
    expect(appended).toHaveLength(5)
    expect(recordsOf(inner, 'r')).toEqual(appended)
  })

  test('can be appended to after a run', async () => {
    const journal = memoryJournal()
    const orchestrator = new Orchestrator({ pools, journal })
    await orchestrator.run(plan, { runId: 'r' }).result
    const before = recordsOf(journal, 'r')
    const more: JournalRecord = [{ type: 'run.paused', seq: 99, at: 1, runId: 'r' }]
    void (journal.open('r') as OpenJournal).append(more)
    expect(recordsOf(journal, 'r')).toEqual([...before, more])
  })

  test('lets another orchestrator resume a run', async () => {
    const journal = memoryJournal()
    const first = new Orchestrator({ journal, pools: { p: { backend: () => new Promise(() => {}), graceMs: 1 } } })
    const stuck = first.run(plan, { runId: 'r' })
    stuck.result.catch(() => {})
    await new Promise(setImmediate)
    const open = recordsOf(journal, 'r')
    const second = new Orchestrator({ pools, journal })
    const run = await second.resume('r')
    expect((await run.result).outcome).toBe('completed')
    expect(recordsOf(journal, 'r').slice(0, open.length)).toEqual(open)
    const seqs = recordsOf(journal, 'r').flatMap(record => record.map(({ seq }) => seq))
    expect(seqs).toEqual(seqs.map((_, index) => index + 1))
  })
})

describe('a journal that is still being opened', () => {
  test('appends records in order, before and after it is open', async () => {
    const taken: number[] = []
    let open: (journal: OpenJournal) => void = () => {}
    const opening = new Promise<OpenJournal>(resolve => (open = resolve))
    const journal = journalOfNewRun('r', opening)
    const record = (seq: number): JournalRecord => [{ type: 'run.paused', seq, at: 1, runId: 'r' }]
    const written = [journal.append(record(1)), journal.append(record(2))]
    open({ append: ([event]) => void taken.push(event?.seq as number), read: () => [], close: () => {} })
    written.push(journal.append(record(3)))
    await written[0]
    written.push(journal.append(record(4)))
    await Promise.all(written)
    expect(journal.append(record(5))).toBeUndefined()
    expect(taken).toEqual([1, 2, 3, 4, 5])
  })
})
