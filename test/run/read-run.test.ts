import { memoryJournal, readRun, reply } from 'counterpoint'
import { expect, test } from 'vitest'
import { setUp } from '../support/set-up.js'

test('a run is read from its journal while it is live, with what it waits for and what it has used', async () => {
  const journal = memoryJournal()
  const { backend, clock, orchestrator } = setUp({}, { journal })
  backend.answer('a', () => reply({ output: 1, usage: { costUsd: 0.5 } }))
  const tasks = [{ id: 'a' }, { id: 'b', approval: true, after: ['a'] }]
  const run = orchestrator.run({ name: 'n', tasks }, { runId: 'r', failureMode: 'kill', mode: 'serial' })
  await clock.runUntilIdle()
  const report = await readRun(journal, 'r')
  expect(report).toMatchObject({
    runId: 'r',
    name: 'n',
    status: 'running',
    failureMode: 'kill',
    mode: 'serial',
    resumable: true,
    held: [{ id: 'b', reason: 'approval' }],
    usage: { costUsd: 0.5 },
    awayMs: 0,
    tasks: [
      { id: 'a', status: 'succeeded', output: 1 },
      { id: 'b', status: 'held' },
    ],
  })
  expect(await orchestrator.runs.show('r')).toEqual(report)
  await run.approve('b')
  await clock.runUntilIdle()
  expect(await readRun(journal, 'r')).toMatchObject({ status: 'settled', outcome: 'completed', held: [] })
})

test('a run that is stopping says why', async () => {
  const journal = memoryJournal()
  const { backend, orchestrator } = setUp({}, { journal })
  backend.hold('a')
  const run = orchestrator.run({ tasks: [{ id: 'a' }] }, { runId: 'r' })
  await backend.started('a')
  void run.cancel('no longer needed')
  expect(await readRun(journal, 'r')).toMatchObject({ status: 'stopping', reason: 'no longer needed' })
})

test.each<readonly [string, unknown, unknown, Record<string, unknown>]>([
  ['an unknown run', memoryJournal(), 'x', { code: 'NOT_FOUND', details: { id: 'x' } }],
  [
    'something that is not a journal',
    {},
    'x',
    { code: 'INVALID_INPUT', message: /^journal: expected an object with a method read, got an object$/ },
  ],
  [
    'a function',
    () => [],
    'x',
    { code: 'INVALID_INPUT', message: /^journal: expected an object with a method read, got a function$/ },
  ],
  ['an id that is not a string', memoryJournal(), 7, { code: 'INVALID_INPUT', message: /^runId: expected a string/ }],
  [
    'records that cannot have happened',
    { read: () => [[{ type: 'task.ready', seq: 1, at: 0, runId: 'x', taskId: 'a', index: 0 }]] },
    'x',
    { code: 'JOURNAL' },
  ],
])('reading %s is refused', async (_what, journal, runId, { message, ...expected }) => {
  const error = await readRun(journal as never, runId as never).catch(thrown => thrown)
  expect(error).toMatchObject(expected)
  if (message) expect(error.message).toMatch(message as RegExp)
})
