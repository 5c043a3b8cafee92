import { CounterpointError, type Journal, type JournalRecord, type Json, type OpenJournal } from 'counterpoint'
import { type ConformanceCase, must, type Pass, shown } from './cases.js'
import { JournalTrial, ODD_IDS, ODD_VALUES, recordsOf, same } from './journal-trial.js'
import { SHARED_CASES } from './shared-stream.js'

/** What {@link journalConformance} is told about a journal. */
export interface JournalConformanceOptions {
  /** A new journal over what another one has written, as a new process would make it. Default: the same journal goes on. */
  readonly reopen?: (journal: Journal) => Journal | Promise<Journal>
  /** Called with each journal after its case: to take a folder away. Default: nothing. */
  readonly dispose?: (journal: Journal) => void | Promise<void>
  /** How long a write may take, in milliseconds. Default 10,000. */
  readonly writeMs?: number
  /** Lets time pass. Default: real time. */
  readonly pass?: Pass
}

/**
 * What every journal promises, as cases for any test runner. `make` gives a new, empty journal for each case.
 *
 * ```ts
 * for (const { name, run } of journalConformance(() => memoryJournal())) test(name, run)
 * ```
 */
export function journalConformance(
  make: () => Journal | Promise<Journal>,
  options: JournalConformanceOptions = {},
): readonly ConformanceCase[] {
  const on = (check: (trial: JournalTrial) => Promise<void>) => async (): Promise<void> => {
    const trial = new JournalTrial(await make(), options)
    try {
      await check(trial)
    } finally {
      await trial.end()
      await options.dispose?.(trial.journal)
    }
  }
  return [
    { name: 'opens a new run empty', run: on(opensEmpty) },
    { name: 'reads records in the order in which they were appended', run: on(readsInOrder) },
    { name: 'says truly whether it is synchronous', run: on(isSynchronousOrNot) },
    { name: 'makes many appends under way at once durable in their order', run: on(keepsOrderUnderWay) },
    { name: 'reads the same after it was closed and opened again', run: on(survivesClosing) },
    { name: 'appends after what was there when it was opened again', run: on(appendsAfterReopening) },
    { name: 'makes durable what was appended before it is closed', run: on(closesAfterWriting) },
    { name: 'keeps a record of many events whole', run: on(keepsRecordsWhole) },
    { name: 'keeps every JSON value as it is', run: on(keepsValues) },
    { name: 'can be read while it is written', run: on(readsWhileOpen) },
    { name: 'shows a run to whoever only looks, open or closed', run: on(showsRuns) },
    { name: 'shows nothing of a run that it does not know, and does not begin one', run: on(showsNothing) },
    { name: 'keeps several runs apart', run: on(keepsRunsApart) },
    { name: 'lists the runs that it holds', run: on(listsRuns) },
    { name: 'forgets a run that was deleted, and does not mind one that it never knew', run: on(deletes) },
    { name: 'keeps odd run ids apart, or refuses them with a CounterpointError', run: on(keepsOddIdsApart) },
    ...Object.entries(SHARED_CASES).map(([name, check]) => ({ name, run: on(unlessAbsent(check)) })),
  ]
}

/** A journal need not have `shared`. */
function unlessAbsent(check: (trial: JournalTrial) => Promise<void>): (trial: JournalTrial) => Promise<void> {
  return async trial => {
    if (trial.journal.shared) await check(trial)
  }
}

async function opensEmpty(trial: JournalTrial): Promise<void> {
  same(await trial.read(await trial.open('run-1')), [], 'a run that was never written')
}

async function readsInOrder(trial: JournalTrial): Promise<void> {
  const open = await trial.open('run-1')
  const records = recordsOf('run-1', 20)
  await trial.append(open, records)
  same(await trial.read(open), records, 'what was appended')
}

async function isSynchronousOrNot(trial: JournalTrial): Promise<void> {
  const open = await trial.open('run-1')
  for (const record of recordsOf('run-1', 3)) {
    const appended: unknown = open.append(record)
    if (open.synchronous)
      must(
        appended === undefined,
        `expected append() of a synchronous journal to give undefined, got ${shown(appended)}`,
      )
    await trial.done(appended, 'append()')
  }
}

async function keepsOrderUnderWay(trial: JournalTrial): Promise<void> {
  const open = await trial.open('run-1')
  const records = recordsOf('run-1', 200)
  const durable: number[] = []
  const appends = records.map(async (record, place) => {
    await open.append(record)
    durable.push(place)
  })
  await trial.done(Promise.all(appends), '200 appends at once')
  same(
    durable,
    [...durable].sort((a, b) => a - b),
    'the order in which 200 appends became durable',
  )
  same(await trial.read(open), records, 'what was appended at once')
}

async function survivesClosing(trial: JournalTrial): Promise<void> {
  const records = recordsOf('run-1', 20)
  const open = await trial.open('run-1')
  await trial.append(open, records)
  same(await trial.read(await trial.reopen(open, 'run-1')), records, 'what was written before it was closed')
}

async function appendsAfterReopening(trial: JournalTrial): Promise<void> {
  const records = recordsOf('run-1', 6)
  let open = await trial.open('run-1')
  for (const at of [0, 2, 4]) {
    await trial.append(open, records.slice(at, at + 2))
    open = await trial.reopen(open, 'run-1')
  }
  same(await trial.read(open), records, 'what was written by three openings')
}

async function closesAfterWriting(trial: JournalTrial): Promise<void> {
  const records = recordsOf('run-1', 50)
  const open = await trial.open('run-1')
  const appends = Promise.all(records.map(record => open.append(record)))
  appends.catch(() => {})
  const again = await trial.reopen(open, 'run-1')
  await appends
  same(await trial.read(again), records, 'what was appended just before it was closed')
}

async function keepsRecordsWhole(trial: JournalTrial): Promise<void> {
  const record = recordsOf('run-1', 1, 2_000)[0] as JournalRecord
  const open = await trial.open('run-1')
  await trial.append(open, [record])
  same(await trial.read(await trial.reopen(open, 'run-1')), [record], `one record of ${record.length} events`)
}

async function keepsValues(trial: JournalTrial): Promise<void> {
  const records = recordsOf('run-1', ODD_VALUES.length, 1, place => ODD_VALUES[place] as Json)
  const open = await trial.open('run-1')
  await trial.append(open, records)
  same(await trial.read(await trial.reopen(open, 'run-1')), records, 'odd values')
}

async function readsWhileOpen(trial: JournalTrial): Promise<void> {
  const open = await trial.open('run-1')
  const records = recordsOf('run-1', 5)
  for (let count = 1; count <= records.length; count++) {
    await trial.append(open, records.slice(count - 1, count))
    same(await trial.read(open), records.slice(0, count), `what is durable after ${count} appends`)
  }
}

async function showsRuns(trial: JournalTrial): Promise<void> {
  const records = recordsOf('run-1', 4)
  const open = await trial.open('run-1')
  await trial.append(open, records.slice(0, 2))
  same(await trial.look('run-1'), records.slice(0, 2), 'what read() shows of a run that is open')
  await trial.append(open, records.slice(2))
  same(await trial.look('run-1'), records, 'what read() shows of it later')
  await trial.close(open)
  same(await trial.look('run-1'), records, 'what read() shows of a run that was closed')
}

async function showsNothing(trial: JournalTrial): Promise<void> {
  same(await trial.look('run-1'), [], 'what read() shows of a run that is not known')
  same(await trial.ids(), [], 'the list after that')
}

async function keepsRunsApart(trial: JournalTrial): Promise<void> {
  const runs = ['run-1', 'run-2', 'run-10'].map(id => ({ id, records: recordsOf(id, 4) }))
  const opens = await Promise.all(runs.map(({ id }) => trial.open(id)))
  for (let place = 0; place < 4; place++)
    for (const [i, { records }] of runs.entries())
      await trial.append(opens[i] as OpenJournal, records.slice(place, place + 1))
  for (const [i, { id, records }] of runs.entries())
    same(await trial.read(opens[i] as OpenJournal), records, `run ${id}`)
}

async function listsRuns(trial: JournalTrial): Promise<void> {
  same(await trial.ids(), [], 'the list of an empty journal')
  for (const id of ['run-2', 'run-1']) await trial.append(await trial.open(id), recordsOf(id, 1))
  same([...(await trial.ids())].sort(), ['run-1', 'run-2'], 'the list after two runs were written')
}

async function deletes(trial: JournalTrial): Promise<void> {
  for (const id of ['run-1', 'run-2']) {
    const open = await trial.open(id)
    await trial.append(open, recordsOf(id, 2))
    await trial.close(open)
  }
  for (const id of ['run-1', 'run-1', 'never-known']) await trial.done(trial.journal.delete(id), `delete("${id}")`)
  same(await trial.ids(), ['run-2'], 'the list after run-1 was deleted')
  same(await trial.read(await trial.open('run-1')), [], 'a run that was deleted')
  same(await trial.read(await trial.open('run-2')), recordsOf('run-2', 2), 'the run that was not deleted')
}

async function keepsOddIdsApart(trial: JournalTrial): Promise<void> {
  const taken: string[] = []
  for (const id of ODD_IDS) {
    const open = await trial.open(id).catch((error: unknown) => {
      must(
        error instanceof CounterpointError,
        `expected run id ${shown(id)} to be refused with a CounterpointError, got ${shown(String(error))}`,
      )
    })
    if (!open) continue
    await trial.append(open, recordsOf(id, 2))
    await trial.close(open)
    taken.push(id)
  }
  for (const id of taken) same(await trial.read(await trial.open(id)), recordsOf(id, 2), `run ${shown(id)}`)
  same([...(await trial.ids())].sort(), [...taken].sort(), 'the list of runs with odd ids')
}
