import type { Json } from 'counterpoint'
import { must } from './cases.js'
import { type JournalTrial, ODD_IDS, ODD_VALUES, recordsOf, same } from './journal-trial.js'

/** The requirements of shared streams, by name. A journal without `shared` meets them. */
export const SHARED_CASES: Readonly<Record<string, (trial: JournalTrial) => Promise<void>>> = {
  'opens a new shared stream empty': opensEmpty,
  'keeps the order of a shared stream across closing and reopening': keepsOrder,
  'stores every JSON value in a shared stream unchanged': keepsValues,
  'replaces all records of a shared stream, and appends after them': replaces,
  'keeps shared streams separate, or rejects odd names': keepsSeparate,
  'keeps shared streams separate from runs: neither listed nor deleted with one': isSeparateFromRuns,
}

async function opensEmpty(trial: JournalTrial): Promise<void> {
  await trial.openShared('stream-1')
  same(await trial.readShared('stream-1'), [], 'a shared stream that was never written')
}

async function keepsOrder(trial: JournalTrial): Promise<void> {
  const records: Json[] = []
  await trial.openShared('stream-1')
  for (let opening = 1; opening <= 3; opening++) {
    for (let i = 0; i < 5; i++) records.push({ opening, i })
    await trial.appendShared('stream-1', records.slice(-5))
    await trial.reopenShared('stream-1')
    same(await trial.readShared('stream-1'), records, `what was appended to a shared stream by ${opening} openings`)
  }
}

async function keepsValues(trial: JournalTrial): Promise<void> {
  await trial.openShared('stream-1')
  await trial.appendShared('stream-1', ODD_VALUES)
  await trial.reopenShared('stream-1')
  same(await trial.readShared('stream-1'), ODD_VALUES, 'odd values')
}

async function replaces(trial: JournalTrial): Promise<void> {
  await trial.openShared('stream-1')
  for (const records of [['a', 'b', 'c'], [], ['d']]) {
    await trial.appendShared('stream-1', ['before', 'and before'])
    if (!(await trial.replaceShared('stream-1', records))) return
    await trial.reopenShared('stream-1')
    same(await trial.readShared('stream-1'), records, `a shared stream replaced by ${records.length} records`)
    await trial.replaceShared('stream-1', records)
    await trial.appendShared('stream-1', ['at once'])
    await trial.reopenShared('stream-1')
    await trial.appendShared('stream-1', ['later'])
    await trial.reopenShared('stream-1')
    same(await trial.readShared('stream-1'), [...records, 'at once', 'later'], 'what was appended after that')
  }
}

async function keepsSeparate(trial: JournalTrial): Promise<void> {
  const accepted: string[] = []
  for (const name of ['limits', 'budget', ...ODD_IDS]) {
    // A journal may reject any name except those that the library uses.
    const opened = await trial.openShared(name).then(
      () => true,
      () => false,
    )
    must(opened || accepted.length > 1, `expected shared stream "${name}" to open; it was rejected`)
    if (opened) accepted.push(name)
  }
  for (const name of accepted) await trial.appendShared(name, [`of ${name}`])
  for (const name of accepted) await trial.reopenShared(name)
  for (const name of accepted)
    same(await trial.readShared(name), [`of ${name}`], `the shared stream ${JSON.stringify(name)}`)
}

async function isSeparateFromRuns(trial: JournalTrial): Promise<void> {
  await trial.openShared('run-1')
  await trial.appendShared('run-1', ['shared'])
  same(await trial.ids(), [], 'the list of a journal in which only a shared stream was written')
  same(await trial.readClosed('run-1'), [], 'the run with the name of a shared stream')
  await trial.done(trial.journal.delete('run-1'), 'delete()')
  const open = await trial.open('run-1')
  await trial.append(open, recordsOf('run-1', 2))
  await trial.close(open)
  await trial.done(trial.journal.delete('run-1'), 'delete()')
  await trial.reopenShared('run-1')
  same(await trial.readShared('run-1'), ['shared'], 'a shared stream after the run of that name was deleted')
}
