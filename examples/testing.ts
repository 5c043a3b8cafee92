// A test suite of a plan: agents answer as scripted, and time is virtual, so half an hour of timeouts takes milliseconds.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Orchestrator } from 'counterpoint'
import { type Answer, fail, hang, MockBackend, succeed, VirtualClock } from 'counterpoint/testing'
import { z } from 'zod'

/** The program under test: an agent drafts a text along an outline, a function counts its words. */
function writeBook(orchestrator: Orchestrator<'writer'>) {
  const graph = orchestrator.graph('book')
  const outline = graph.task('outline', { run: () => ['dawn', 'noon', 'dusk'] })
  const draft = graph.task('draft', {
    pool: 'writer',
    after: [outline],
    input: ({ outline }) => `Write about ${outline.join(', ')}`,
    output: z.string(),
    timeoutMs: 600_000,
  })
  const words = graph.task('words', { after: [draft], run: ({ outputs }) => outputs.draft.split(' ').length })
  return { run: orchestrator.run(graph), words }
}

/** Runs it with a scripted writer, until nothing is left to do. */
async function scripted(...answers: readonly Answer[]) {
  const clock = new VirtualClock()
  const writer = new MockBackend({ clock }).answers('draft', answers)
  const book = writeBook(new Orchestrator({ clock, pools: { writer: { backend: writer } } }))
  await clock.runUntilIdle()
  return { ...book, clock, calls: writer.callsOf('draft') }
}

test('the writer gets the outline, and its words are counted', async () => {
  const { run, words, calls } = await scripted(succeed('a short text', { afterMs: 90_000 }))
  const result = await run.completed
  assert.equal(words.outputIn(result), 3)
  assert.equal(result.times.wallMs, 90_000)
  assert.equal(calls[0]?.request.input, 'Write about dawn, noon, dusk')
})

test('an overloaded writer is asked again', async () => {
  const { run, calls } = await scripted(fail('overloaded'), 'second try')
  const { outputs } = await run.completed
  assert.deepEqual({ ...outputs }, { outline: ['dawn', 'noon', 'dusk'], draft: 'second try', words: 2 })
  assert.equal(calls.length, 2)
})

test('a writer that hangs is stopped three times, then the run fails', async () => {
  const { run, clock, calls } = await scripted(hang())
  await assert.rejects(run.completed, { code: 'RUN_FAILED', message: /draft/ })
  assert.equal(run.task('draft')?.status, 'dead')
  assert.equal(calls.length, 3)
  assert.equal(clock.pending, 0)
})
