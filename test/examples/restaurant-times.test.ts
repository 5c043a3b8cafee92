import { type Journal, memoryJournal, Orchestrator, type RunEvent } from 'counterpoint'
import { VirtualClock } from 'counterpoint/testing'
import { describe, expect, test } from 'vitest'
import { type Account, accountOf } from '../../examples/restaurant/account.js'
import { follow } from '../../examples/restaurant/live.js'
import { nextSteps } from '../../examples/restaurant/next-steps.js'
import { headline, reportLines } from '../../examples/restaurant/report.js'
import { runListLines } from '../../examples/restaurant/run-list.js'
import { type Line, Terminal, textOf } from '../../examples/restaurant/terminal.js'
import { WorkTime } from '../../examples/restaurant/work-time.js'

function plain(lines: readonly Line[]): string[] {
  return lines.map(line => (typeof line === 'string' || 'text' in line ? [line] : line).map(textOf).join('').trimEnd())
}

const plan = { tasks: [{ id: 'a' }, { id: 'b' }, { id: 'c', after: ['a', 'b'] }] }
/** How long each task takes. */
const SECONDS: Readonly<Record<string, number>> = { a: 1, b: 3, c: 2 }

/** An orchestrator as in another process, with the same journal and wall clock. */
function process(journal: Journal, clock: VirtualClock): Orchestrator {
  const work = ({ task }: { task: { id: string } }, { signal }: { signal: AbortSignal }): Promise<string> =>
    new Promise((resolve, reject) => {
      clock.schedule(() => resolve(task.id), SECONDS[task.id]! * 1_000)
      signal.addEventListener('abort', () => reject(signal.reason))
    })
  return new Orchestrator({ pools: { crew: { backend: work } }, journal, clock })
}

async function eventsOf(journal: Journal): Promise<RunEvent[]> {
  const events: RunEvent[] = []
  for await (const record of journal.read('r')) events.push(...record)
  return events
}

async function account(journal: Journal, orchestrator: Orchestrator): Promise<Account> {
  return accountOf(await orchestrator.runs.show('r'), await eventsOf(journal), { title: 'test', isSample: false })
}

/** Resumes the run two hours later, runs it to its end, and returns the output of a pipe. */
async function resume(journal: Journal, clock: VirtualClock): Promise<{ output: string; account: Account }> {
  await clock.advance(7_200_000)
  let output = ''
  const terminal = new Terminal({ columns: 100, on: () => {}, write: (text: string) => (output += text) }, {})
  const orchestrator = process(journal, clock)
  const history = await eventsOf(journal)
  const run = await orchestrator.resume('r')
  const end = follow(run, orchestrator, { title: 'test', terminal, history })
  await clock.runUntilIdle()
  await run.result.finally(end)
  return { output, account: await account(journal, orchestrator) }
}

describe('a suspended run', () => {
  async function suspended(): Promise<{ clock: VirtualClock; journal: Journal; before: Account }> {
    const clock = new VirtualClock()
    const journal = memoryJournal()
    const orchestrator = process(journal, clock)
    const run = orchestrator.run(plan, { runId: 'r' })
    await clock.advance(1_500)
    const drained = orchestrator.drain({ timeoutMs: 500 })
    await clock.advance(500)
    await Promise.allSettled([drained, run.result])
    return { clock, journal, before: await account(journal, orchestrator) }
  }

  test('reports unfinished tasks and how to continue', async () => {
    const { before } = await suspended()
    expect(plain(reportLines(before, 80)).slice(-3)).toEqual(['', 'UNFINISHED: 2 TASKS', 'b, c'])
    expect(plain([headline(before)])).toEqual(['test: suspended, 1 of 3 tasks succeeded in 2.00 s'])
    expect(plain(nextSteps(before, '/o', '/'))[0]).toBe('continue this run    npm start -- --continue --out o')
  })

  test('shows earlier results with their original times when it is continued', async () => {
    const { clock, journal } = await suspended()
    const { output } = await resume(journal, clock)
    expect(output.split('\n').map(line => line.trim())).toEqual([
      '1.00 s  crew  a  done 1.00 s, -',
      '2.00 s  resumed after a pause of 2 h 0 min',
      '2.00 s  crew  b  attempt 2 started',
      '5.00 s  crew  b  done 5.00 s, -',
      '5.00 s  crew  c  started',
      '7.00 s  crew  c  done 2.00 s, -',
      '',
    ])
  })

  test('counts only working time', async () => {
    const { clock, journal } = await suspended()
    const { account: over } = await resume(journal, clock)
    expect(over.times).toMatchObject({
      wallMs: 7_000,
      serialMs: 8_000,
      criticalPathMs: 7_000,
      criticalPath: ['b', 'c'],
    })
    const lines = plain(reportLines(over, 49))
    const [a, b, c, axis] = lines.slice(lines.indexOf('TIMELINE') + 1)
    expect(a).toBe(`crew  a  ${'█'.repeat(6)}`)
    expect(b).toBe(`      b  ${'▒'.repeat(11)}${'█'.repeat(18)}`)
    expect(c).toBe(`      c  ${' '.repeat(29)}${'█'.repeat(11)}`)
    expect(axis).toBe('         0 s        ┊                      7.00 s')
    expect(lines.join(' ')).toContain('not counted: pauses of 2 h 0 min (┊)')
  })
})

test('does not count the time between a crash and the resume for an interrupted attempt', async () => {
  const clock = new VirtualClock()
  const journal = memoryJournal()
  process(journal, clock).run(plan, { runId: 'r' })
  await clock.advance(1_500)
  const records = [...(journal.read('r') as Iterable<readonly RunEvent[]>)]
  const found = memoryJournal()
  for (const record of records) await (await found.open('r')).append(record)
  expect(plain([headline(await account(found, process(found, clock)))])).toEqual([
    'test: not finished, 1 of 3 tasks succeeded in 1.00 s',
  ])
  const { output, account: over } = await resume(found, clock)
  expect(output).toContain('1.00 s  crew  b  attempt 1 was interrupted: the process that ran this attempt has ended')
  expect(over.times).toMatchObject({ wallMs: 6_000, serialMs: 7_000 })
  expect(over.tasks.map(({ busyMs }) => busyMs)).toEqual([1_000, 4_000, 2_000])
})

test('working time excludes the time between two processes', () => {
  const worked = new WorkTime()
  const event = { seq: 1, runId: 'r' }
  worked.add({ ...event, at: 100, type: 'run.started', failureMode: 'continue', tasks: 0 })
  expect([worked.by(50), worked.by(130)]).toEqual([0, 30])
  worked.add({ ...event, at: 120, type: 'run.draining' })
  worked.add({ ...event, at: 140, type: 'run.suspended' })
  expect([worked.by(130), worked.by(1_000)]).toEqual([30, 40])
  worked.add({ ...event, at: 1_000, type: 'run.recovered', epoch: 2 })
  expect([worked.by(1_000), worked.by(1_010), worked.totalMs]).toEqual([40, 50, 40])
  expect([worked.seams, worked.pausesMs]).toEqual([[40], [860]])
})

test('lists runs in a table that fits, and unreadable ones below it', () => {
  const run = { runId: '2026-11-21-225527-23d6', title: 'menu', succeeded: 3, total: 4, startedAt: 0 }
  const runs = [
    { ...run, status: 'suspended', outcome: undefined, costUsd: 2.11 },
    { ...run, status: 'running', outcome: undefined, costUsd: undefined },
    { ...run, status: 'settled', outcome: 'partial', costUsd: 0 },
  ] as const
  const lines = plain(runListLines({ runs, unreadable: [{ runId: 'x', why: 'It is damaged.' }] }, '/o', 100))
  expect(lines.slice(0, 2).map(line => line.split(/ {2,}/))).toEqual([
    ['run', 'name', 'state', 'done', 'started', 'cost'],
    [run.runId, 'menu', 'suspended', '3 of 4', expect.stringMatching(/^19[67]\d-\d\d-\d\d \d\d:\d\d$/), '$2.11'],
  ])
  expect(lines.slice(2, 4).map(line => line.split(/ {2,}/)[2])).toEqual(['not finished', 'partial'])
  expect(lines[4]).toBe('x cannot be read. It is damaged.')
  for (const line of plain(runListLines({ runs, unreadable: [] }, '/o', 60)))
    expect(line.length).toBeLessThanOrEqual(60)
  expect(runListLines({ runs: [], unreadable: [] }, '/o', 60)).toEqual(['no runs in /o yet; npm start starts one'])
})
