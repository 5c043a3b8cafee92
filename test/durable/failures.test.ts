import { TaskGraph } from 'counterpoint'
import { fail } from 'counterpoint/testing'
import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import { JOURNAL_KINDS, TestHost } from './test-host.js'

describe.each(JOURNAL_KINDS)('with a journal of kind %s', kind => {
  test('a failure has the name and the stack of what the backend threw, live and after a restart', async () => {
    const bug = new TypeError("Cannot read properties of undefined (reading 'text')")
    const first = new TestHost(kind)
    first.backend.answer('a', fail(bug))
    const run = first.orchestrator.run({ tasks: [{ id: 'a', retries: 0 }] }, { runId: 'x' })
    await first.done(run.result)
    const { failure } = run.task('a')!
    expect(failure).toMatchObject({ kind: 'agent', name: 'TypeError', stack: bug.stack })
    const next = await first.next()
    const resumed = await next.done(next.orchestrator.resume('x'))
    expect(resumed.task('a')?.failure).toEqual(failure)
  })
})

test('a failure has the name and the stack of what an input function or a schema threw', async () => {
  const host = new TestHost('memory')
  const graph = new TaskGraph('throws')
  graph.task('input', {
    input: () => {
      throw new RangeError('no such page')
    },
  })
  const output = z.unknown().refine(() => {
    throw new SyntaxError('bad pattern')
  })
  graph.task('schema', { output, retries: 0 })
  const run = host.orchestrator.run(graph)
  await host.done(run.result)
  expect(run.task('input')?.failure).toMatchObject({ kind: 'bad-input', name: 'RangeError' })
  expect(run.task('schema')?.failure).toMatchObject({ kind: 'invalid-output', name: 'SyntaxError' })
  for (const id of ['input', 'schema']) expect(run.task(id)?.failure?.stack).toContain('failures.test.ts')
})
