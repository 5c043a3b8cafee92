import {
  CounterpointError,
  checkOptions,
  type Journal,
  type JournalRecord,
  type Json,
  type OpenJournal,
  optionsOf,
  rules,
} from 'counterpoint'
import { type ConformanceCase, MAKE, must, show } from './cases.js'
import { type JournalConformanceOptions, JournalTrial, ODD_IDS, ODD_VALUES, recordsOf, same } from './journal-trial.js'
import { SHARED_CASES } from './shared-stream.js'

const OPTIONS = optionsOf({
  reopen: rules.fn,
  dispose: rules.fn,
  writeMs: rules.nonNegative,
  pass: rules.fn,
}).partial()

/**
 * The requirements of a journal, as cases for any test runner. `make` returns a new, empty journal for each case.
 *
 * ```ts
 * for (const { name, run } of journalConformance(() => memoryJournal())) test(name, run)
 * ```
 *
 * @throws CounterpointError `INVALID_INPUT` for unknown or invalid options.
 */
export function journalConformance(
  make: () => Journal | Promise<Journal>,
  options: JournalConformanceOptions = {},
): readonly ConformanceCase[] {
  checkOptions(MAKE, { make }, { of: 'journalConformance' })
  checkOptions(OPTIONS, options, { of: 'journalConformance' })
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
    { name: 'reads records in the order of their appends', run: on(readsInOrder) },
    { name: 'is synchronous if it says so', run: on(isSynchronousOrNot) },
    { name: 'makes concurrent appends durable in their order', run: on(keepsOrderOfConcurrent) },
    { name: 'reads the same records after closing and reopening', run: on(survivesClosing) },
    { name: 'appends after the existing records when reopened', run: on(appendsAfterReopening) },
    { name: 'makes pending records durable when it is closed', run: on(closesAfterWriting) },
    { name: 'stores a record of many events', run: on(storesLargeRecords) },
    { name: 'stores every JSON value unchanged', run: on(keepsValues) },
    { name: 'can be read while it is open', run: on(readsWhileOpen) },
    { name: 'reads a run without opening it, while it is open and after', run: on(readsClosedRuns) },
    { name: 'reads nothing from an unknown run, and does not create it', run: on(readsNothingUnknown) },
    { name: 'keeps several runs separate', run: on(keepsRunsSeparate) },
    { name: 'lists its runs', run: on(listsRuns) },
    { name: 'deletes a run, and ignores an unknown one', run: on(deletes) },
    { name: 'keeps odd run ids separate, or rejects them with a CounterpointError', run: on(acceptsOddIds) },
    { name: 'says which runs are open, if it has isOpen', run: on(saysWhatIsOpen) },
    ...Object.entries(SHARED_CASES).map(([name, check]) => ({ name, run: on(ifShared(check)) })),
  ]
}

/** Runs the case only for a journal that has `shared`. */
function ifShared(check: (trial: JournalTrial) => Promise<void>): (trial: JournalTrial) => Promise<void> {
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
        `expected append() of a synchronous journal to return undefined, got ${show(appended)}`,
      )
    await trial.done(appended, 'append()')
  }
}

async function keepsOrderOfConcurrent(trial: JournalTrial): Promise<void> {
  const open = await trial.open('run-1')
  const records = recordsOf('run-1', 200)
  const durable: number[] = []
  const appends = records.map(async (record, index) => {
    await open.append(record)
    durable.push(index)
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
  same(await trial.read(await trial.reopen(open, 'run-1')), records, 'the records from before it was closed')
}

async function appendsAfterReopening(trial: JournalTrial): Promise<void> {
  const records = recordsOf('run-1', 6)
  let open = await trial.open('run-1')
  for (const at of [0, 2, 4]) {
    await trial.append(open, records.slice(at, at + 2))
    open = await trial.reopen(open, 'run-1')
  }
  same(await trial.read(open), records, 'what was appended by three openings')
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

async function storesLargeRecords(trial: JournalTrial): Promise<void> {
  const record = recordsOf('run-1', 1, 2_000)[0] as JournalRecord
  const open = await trial.open('run-1')
  await trial.append(open, [record])
  same(await trial.read(await trial.reopen(open, 'run-1')), [record], `one record of ${record.length} events`)
}

async function keepsValues(trial: JournalTrial): Promise<void> {
  const records = recordsOf('run-1', ODD_VALUES.length, 1, index => ODD_VALUES[index] as Json)
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

async function readsClosedRuns(trial: JournalTrial): Promise<void> {
  const records = recordsOf('run-1', 4)
  const open = await trial.open('run-1')
  await trial.append(open, records.slice(0, 2))
  same(await trial.readClosed('run-1'), records.slice(0, 2), 'read() of an open run')
  await trial.append(open, records.slice(2))
  same(await trial.readClosed('run-1'), records, 'read() of an open run after further appends')
  await trial.close(open)
  same(await trial.readClosed('run-1'), records, 'read() of a closed run')
}

async function readsNothingUnknown(trial: JournalTrial): Promise<void> {
  same(await trial.readClosed('run-1'), [], 'read() of an unknown run')
  same(await trial.ids(), [], 'the list after that')
}

async function keepsRunsSeparate(trial: JournalTrial): Promise<void> {
  const runs = ['run-1', 'run-2', 'run-10'].map(id => ({ id, records: recordsOf(id, 4) }))
  const opens = await Promise.all(runs.map(({ id }) => trial.open(id)))
  for (let index = 0; index < 4; index++)
    for (const [i, { records }] of runs.entries())
      await trial.append(opens[i] as OpenJournal, records.slice(index, index + 1))
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
  for (const id of ['run-1', 'run-1', 'unknown']) await trial.done(trial.journal.delete(id), `delete("${id}")`)
  same(await trial.ids(), ['run-2'], 'the list after run-1 was deleted')
  same(await trial.read(await trial.open('run-1')), [], 'a run that was deleted')
  same(await trial.read(await trial.open('run-2')), recordsOf('run-2', 2), 'the run that was not deleted')
}

async function acceptsOddIds(trial: JournalTrial): Promise<void> {
  const accepted: string[] = []
  for (const id of ODD_IDS) {
    const open = await trial.open(id).catch((error: unknown) => {
      must(
        error instanceof CounterpointError,
        `expected run id ${show(id)} to be rejected with a CounterpointError, got ${show(String(error))}`,
      )
    })
    if (!open) continue
    await trial.append(open, recordsOf(id, 2))
    await trial.close(open)
    accepted.push(id)
  }
  for (const id of accepted) same(await trial.read(await trial.open(id)), recordsOf(id, 2), `run ${show(id)}`)
  same([...(await trial.ids())].sort(), [...accepted].sort(), 'the list of runs with odd ids')
}

async function saysWhatIsOpen(trial: JournalTrial): Promise<void> {
  if (trial.journal.isOpen === undefined) return
  const isOpen = async (runId: string): Promise<boolean> =>
    trial.done(Promise.resolve(trial.journal.isOpen?.(runId) ?? false), 'isOpen()')
  const open = await trial.open('run-1')
  await trial.append(open, recordsOf('run-1', 1))
  same([await isOpen('run-1'), await isOpen('run-2')], [true, false], 'isOpen of an open run and of an unknown one')
  await trial.close(open)
  same(await isOpen('run-1'), false, 'isOpen of a run that was closed')
}
