// Testing a plan without agents and without waiting: scripted answers and virtual time.
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

// Advances the clock by one minute, and inspects the run at that moment.
await clock.advance(60_000)
assert.equal(run.task('draft')?.status, 'delayed')
assert.equal(run.task('draft')?.failure?.kind, 'overloaded')
assert.deepEqual(backend.calls.at(-1)?.request.outputs.outline, ['start', 'end'])

// Then the backoff, another attempt, and two attempts that hang until their timeout of five minutes.
await clock.runUntilIdle()
const { outcome, rootCauses, times, usage } = await run.result

assert.equal(outcome, 'partial')
assert.equal(backend.callsOf('draft').length, 2)
assert.equal(backend.callsOf('proofread').length, 2)
assert.equal(rootCauses[0]?.failure?.timeout, 'attempt')
assert.equal(usage.costUsd, 0.75)
assert.equal(clock.pending, 0)
console.log(`${outcome} after ${(times.wallMs / 60_000).toFixed(1)} virtual minutes`)
console.log(`took less than a second: ${performance.now() - began < 1_000}`)
