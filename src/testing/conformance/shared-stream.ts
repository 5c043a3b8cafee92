import type { Json } from 'counterpoint'
import { must } from './cases.js'
import { type JournalTrial, ODD_IDS, ODD_VALUES, recordsOf, same } from './journal-trial.js'

/** What a journal promises of what runs share: by name, in a sentence. One that has no `shared` promises nothing of it. */
export const SHARED_CASES: Readonly<Record<string, (trial: JournalTrial) => Promise<void>>> = {
  'opens a new shared stream empty': opensEmpty,
  'keeps a shared stream in the order in which it was written, over closing and opening it': keepsOrder,
  'keeps every JSON value of a shared stream as it is': keepsValues,
  'puts records of a shared stream in the place of all others, and goes on after them': replaces,
  'keeps shared streams apart, or refuses odd names': keepsApart,
  'keeps shared streams apart from runs: they are not listed, and not deleted with one': keepsFromRuns,
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
    same(await trial.readShared('stream-1'), records, `what took the place of all others, ${records.length} records`)
    await trial.replaceShared('stream-1', records)
    await trial.appendShared('stream-1', ['at once'])
    await trial.reopenShared('stream-1')
    await trial.appendShared('stream-1', ['later'])
    await trial.reopenShared('stream-1')
    same(await trial.readShared('stream-1'), [...records, 'at once', 'later'], 'what came after that')
  }
}

async function keepsApart(trial: JournalTrial): Promise<void> {
  const taken: string[] = []
  for (const name of ['limits', 'budget', ...ODD_IDS]) {
    // Which names a journal takes is its own affair: only those of the library must be taken.
    const opened = await trial.openShared(name).then(
      () => true,
      () => false,
    )
    must(opened || taken.length > 1, `expected a shared stream "${name}" to be opened; it was refused`)
    if (opened) taken.push(name)
  }
  for (const name of taken) await trial.appendShared(name, [`of ${name}`])
  for (const name of taken) await trial.reopenShared(name)
  for (const name of taken)
    same(await trial.readShared(name), [`of ${name}`], `the shared stream ${JSON.stringify(name)}`)
}

async function keepsFromRuns(trial: JournalTrial): Promise<void> {
  await trial.openShared('run-1')
  await trial.appendShared('run-1', ['shared'])
  same(await trial.ids(), [], 'the list of a journal in which only a shared stream was written')
  same(await trial.look('run-1'), [], 'the run that is called as a shared stream')
  await trial.done(trial.journal.delete('run-1'), 'delete()')
  const open = await trial.open('run-1')
  await trial.append(open, recordsOf('run-1', 2))
  await trial.close(open)
  await trial.done(trial.journal.delete('run-1'), 'delete()')
  await trial.reopenShared('run-1')
  same(await trial.readShared('run-1'), ['shared'], 'a shared stream after the run of that name was deleted')
}
