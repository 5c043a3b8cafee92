// A test of your own plan, without agents and without waiting: scripted answers, and time that passes when you say so.
import assert from 'node:assert/strict'
import { Orchestrator } from 'counterpoint'
import { fail, hang, MockBackend, succeed, VirtualClock } from 'counterpoint/testing'

const clock = new VirtualClock()
const backend = new MockBackend({ clock })
  .answer('outline', succeed(['start', 'end'], { afterMs: 60_000, usage: { costUsd: 0.25 } }))
  .answers('draft', [fail('overloaded'), succeed('A draft.', { afterMs: 90_000, usage: { costUsd: 0.5 } })])
  .answer('proofread', hang())

const orchestrator = new Orchestrator({
  clock,
  random: () => 0.5,
  pools: { agents: { backend, concurrency: 2, defaults: { timeoutMs: 300_000, retries: 1 } } },
})
const run = orchestrator.run({
  tasks: [{ id: 'outline' }, { id: 'draft', after: ['outline'] }, { id: 'proofread', after: ['draft'] }],
})
const began = performance.now()

// A minute passes at once, and the run can be looked at in the middle of it.
await clock.advance(60_000)
assert.equal(run.task('draft')?.status, 'delayed')
assert.equal(run.task('draft')?.failure?.kind, 'overloaded')
assert.deepEqual(backend.calls.at(-1)?.request.outputs.outline, ['start', 'end'])

// Then a wait, another attempt, and two attempts of five minutes that hang until they are told to stop.
await clock.runUntilIdle()
const { outcome, rootCauses, times, usage } = await run.result

assert.equal(outcome, 'partial')
assert.equal(backend.callsOf('draft').length, 2)
assert.equal(backend.callsOf('proofread').length, 2)
assert.equal(rootCauses[0]?.failure?.timeout, 'attempt')
assert.equal(usage.costUsd, 0.75)
assert.equal(clock.pending, 0)
console.log(`${outcome} after ${(times.wallMs / 60_000).toFixed(1)} virtual minutes`)
console.log(`tested in less than a second: ${performance.now() - began < 1_000}`)
