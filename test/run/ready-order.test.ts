import { Orchestrator } from 'counterpoint'
import { MockBackend, succeed, VirtualClock } from 'counterpoint/testing'
import { expect, test } from 'vitest'

/** The order in which tasks start, in one slot. */
async function orderOf(tasks: readonly { readonly id: string }[]): Promise<string> {
  const clock = new VirtualClock()
  const backend = new MockBackend({ clock })
  for (const { id } of tasks) backend.answer(id, succeed(null, { afterMs: 10 }))
  const run = new Orchestrator({
    clock,
    pools: { p: { backend, concurrency: 1 } },
  }).run({ tasks })
  await clock.runUntilIdle()
  await run.result
  return backend.calls.map(call => call.taskId).join(' ')
}

test('the most urgent task of a plan starts first, although a slot is free before all tasks are added', async () => {
  const tasks = [
    { id: 'c', priority: 3 },
    { id: 'a', priority: 1 },
    { id: 'b', priority: 2 },
    { id: 'd', priority: 5 },
  ]
  expect(await orderOf(tasks)).toBe('a b c d')
})

test('of the tasks that one success makes ready, the longest remaining path starts first', async () => {
  const tasks = [
    { id: 'first' },
    { id: 'short', after: ['first'], durationMs: 10 },
    { id: 'long', after: ['first'], durationMs: 10 },
    { id: 'last', after: ['long'], durationMs: 10 },
  ]
  expect(await orderOf(tasks)).toBe('first long short last')
})
