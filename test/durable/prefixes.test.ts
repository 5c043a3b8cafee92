import assert from 'node:assert/strict'
import {
  AgentError,
  type CounterpointError,
  isCounterpointError,
  type Journal,
  type JournalRecord,
  memoryJournal,
  type OpenJournal,
  Orchestrator,
  type RunResult,
  type TaskSpec,
} from 'counterpoint'
import { fileJournal } from 'counterpoint/node'
import { MockBackend, succeed, VirtualClock } from 'counterpoint/testing'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { FakeDisk } from '../node/journal/fake-disk.js'
import { graphs } from '../support/graphs.js'
import { checkHistory } from '../support/history.js'
import { specs } from '../support/scheduler-fixture.js'
import { SeededRandom, seedOf } from '../support/seeded-random.js'

/** The number of histories that are resumed from each of their prefixes. */
const HISTORIES = Math.ceil(Number(process.env.HISTORIES ?? 1_000) / 10)

/** One in this many of them in files. */
const FILES = 10

const POOLS = ['red', 'green'] as const
const plans = graphs({ maxTasks: 6, pools: POOLS })

/** Deterministic for a task, however often it was interrupted. */
function agents(clock: VirtualClock, seed: number): MockBackend {
  return new MockBackend({ clock }).answer('*', ({ task }, { attempt }) => {
    const dice = new SeededRandom(seedOf(seed, task.id))
    const behaviour = dice.below(8)
    if (behaviour === 0) throw new AgentError(dice.pick(['agent', 'crashed', 'refused', 'bad-input']), 'as always')
    if (behaviour === 1) return new Promise(() => {})
    const { retries } = task.context as { retries: number }
    if (behaviour === 2 && attempt <= retries) throw new AgentError('crashed', 'not yet')
    if (behaviour === 3 && attempt <= 2) throw new AgentError('throttled', 'not yet')
    return behaviour < 6 ? succeed({ by: task.id }, { afterMs: dice.below(40) }) : { by: task.id }
  })
}

/** Starts a run, or resumes it if the journal contains it, and awaits its end. */
async function performed(tasks: readonly TaskSpec[], seed: number, journal: Journal): Promise<RunResult> {
  const clock = new VirtualClock()
  const pool = {
    backend: agents(clock, seed),
    concurrency: 2,
    graceMs: 10,
    defaults: { timeoutMs: 100, backoff: { baseMs: 10, maxMs: 50 } },
  }
  const orchestrator = new Orchestrator({ clock, journal, random: () => 0.5, pools: { red: pool, green: { ...pool } } })
  const isNew = ![...(await journal.list())].includes('r')
  const run = isNew ? orchestrator.run({ tasks }, { runId: 'r' }) : await orchestrator.resume('r')
  let isOver = false
  void run.result.finally(() => (isOver = true))
  while (!isOver) await clock.runUntilIdle()
  return run.result
}

/** The final states of the tasks, without times and numbers of attempts. */
function endsOf({ outcome, tasks }: RunResult): unknown {
  return [outcome, tasks.map(({ id, status, output, failure }) => [id, status, output, failure?.kind])]
}

async function recordsOf(journal: Journal): Promise<readonly JournalRecord[]> {
  const records: JournalRecord[] = []
  for await (const record of journal.read('r')) records.push(record)
  return records
}

function remembering(records: readonly JournalRecord[]): Journal {
  const journal = memoryJournal()
  const open = journal.open('r') as OpenJournal
  for (const record of records) void open.append(JSON.parse(JSON.stringify(record)) as JournalRecord)
  return journal
}

const SEGMENT = '/runs/r/journal-000001.log'

/** The lines of a segment: its header, then one for each record. */
function linesOf(disk: FakeDisk): readonly Buffer[] {
  const content = disk.content(SEGMENT)
  const lines: Buffer[] = []
  for (let from = 0, to = 0; from < content.length; from = to) {
    to = content.indexOf(10, from) + 1
    lines.push(content.subarray(from, to))
  }
  return lines
}

/** The disk of a run whose process died with this content in its journal. */
function diskWith(content: Buffer): FakeDisk {
  const disk = new FakeDisk()
  disk.put(SEGMENT, content)
  return disk
}

const kept = (disk: FakeDisk): Journal => fileJournal({ folder: '/runs', fileSystem: disk, durability: 'os' })

describe(`${HISTORIES} histories`, () => {
  test('have the same result from every prefix of their journal', async () => {
    let prefixes = 0
    await fc.assert(
      fc.asyncProperty(plans, fc.nat(), async (tasks, seed) => {
        const journal = memoryJournal()
        const expected = endsOf(await performed(tasks, seed, journal))
        const records = await recordsOf(journal)
        for (let held = 1; held <= records.length; held++) {
          const again = remembering(records.slice(0, held))
          const ends = endsOf(await performed(tasks, seed, again))
          assert.deepEqual(ends, expected, `from ${held} of ${records.length} records`)
          checkHistory((await recordsOf(again)).flat())
          prefixes++
        }
      }),
      { numRuns: HISTORIES },
    )
    expect(prefixes).toBeGreaterThan(HISTORIES)
  })

  test(`have the same result from their file cut at every record: one in ${FILES} of them`, async () => {
    await fc.assert(
      fc.asyncProperty(plans, fc.nat(), async (tasks, seed) => {
        const disk = new FakeDisk()
        const expected = endsOf(await performed(tasks, seed, kept(disk)))
        const lines = linesOf(disk)
        for (let held = 2; held <= lines.length; held++) {
          const cut = diskWith(Buffer.concat(lines.slice(0, held)))
          assert.deepEqual(endsOf(await performed(tasks, seed, kept(cut))), expected, `from ${held - 1} records`)
          checkHistory((await recordsOf(kept(cut))).flat())
        }
      }),
      { numRuns: Math.ceil(HISTORIES / FILES) },
    )
  })
})

/** The outcome of resuming a run from a damaged journal. */
interface Resumed {
  readonly refusal?: CounterpointError
  readonly result?: RunResult
  /** The messages of the `error` event. */
  readonly reported: readonly string[]
  /** The tasks that ran. */
  readonly called: string
}

async function resumed(disk: FakeDisk): Promise<Resumed> {
  const clock = new VirtualClock()
  const backend = new MockBackend({ clock }).answer('*', ({ task }) => ({ by: task.id }))
  const orchestrator = new Orchestrator({ clock, journal: kept(disk), pools: { p: { backend } } })
  const reported: string[] = []
  orchestrator.on('error', ({ where }) => void reported.push(where))
  const observed = (): Omit<Resumed, 'result' | 'refusal'> => ({
    reported,
    called: backend.calls.map(({ taskId }) => taskId).join(' '),
  })
  try {
    const run = await orchestrator.resume('r')
    const result = await run.result
    return { result, ...observed() }
  } catch (error) {
    if (!isCounterpointError(error)) throw error
    return { refusal: error, ...observed() }
  }
}

/** A small journal whose last record is the success of the only task. */
async function small(): Promise<FakeDisk> {
  const disk = new FakeDisk()
  const backend = new MockBackend().answer('*', ({ task }) => ({ by: task.id }))
  const orchestrator = new Orchestrator({ journal: kept(disk), pools: { p: { backend } } })
  await orchestrator.run({ tasks: specs('a') }, { runId: 'r' }).result
  return disk
}

const OUTPUTS = { a: { by: 'a' } }

describe('a small journal', () => {
  test('cut at any byte of its last record resumes from the one before, and reports it', async () => {
    const lines = linesOf(await small())
    const whole = Buffer.concat(lines)
    const end = whole.length - lines.at(-1)!.length
    for (let size = end; size <= whole.length; size++) {
      const { refusal, result, reported, called } = await resumed(diskWith(whole.subarray(0, size)))
      expect([refusal, result?.outputs]).toEqual([undefined, OUTPUTS])
      expect(called).toBe(size === whole.length ? '' : 'a')
      const isReported = size > end && size < whole.length
      expect(reported).toEqual(isReported ? [expect.stringContaining(`byte ${end}`)] : [])
    }
  })

  test('with any bit flipped is rejected and says where, or resumes from the records before, and reports it', async () => {
    const whole = Buffer.concat(linesOf(await small()))
    const counts = { refused: 0, cut: 0 }
    for (let bit = 0; bit < whole.length * 8; bit++) {
      const bytes = Buffer.from(whole)
      bytes[bit >> 3]! ^= 1 << (bit & 7)
      const { refusal, result, reported, called } = await resumed(diskWith(bytes))
      counts[refusal ? 'refused' : 'cut']++
      if (refusal) assert.ok(refusal.code === 'JOURNAL' && refusal.message.includes(SEGMENT), `bit ${bit}: ${refusal}`)
      else assert.deepEqual([{ ...result!.outputs }, reported.length > 0, called], [OUTPUTS, true, 'a'], `bit ${bit}`)
    }
    expect(counts.cut).toBeGreaterThan(0)
    expect(counts.refused).toBeGreaterThan(counts.cut)
  })
})
