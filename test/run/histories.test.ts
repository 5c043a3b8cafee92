import assert from 'node:assert/strict'
import type { JournalRecord, Run, RunEvent, RunResult, TaskSpec } from 'counterpoint'
import { type SlowJournal, slowJournal, VirtualClock } from 'counterpoint/testing'
import fc from 'fast-check'
import { describe, test } from 'vitest'
import { replay } from '../../src/core/state/evolve.js'
import { graphs } from '../support/graphs.js'
import { checkHistory } from '../support/history.js'
import { ProbeJournal } from '../support/probe-journal.js'
import { POOLS, RandomAgents } from '../support/random-agents.js'
import { SeededRandom } from '../support/seeded-random.js'

/** The approximate number of runs. */
const HISTORIES = Number(process.env.HISTORIES ?? 300)

/** In milliseconds; more histories need more time. */
const TIMEOUT_MS = 30_000 + 60 * HISTORIES

const plans = (maxTasks: number): fc.Arbitrary<readonly TaskSpec[]> => graphs({ maxTasks, pools: POOLS })
const failureMode = fc.constantFrom('continue' as const, 'no-new' as const, 'kill' as const)

/** Acts as a host at random times: cancels, adds, pauses and changes limits. Everything paused is unpaused. */
function actAtRandom(agents: RandomAgents, runs: readonly Run[], dice: SeededRandom): void {
  const soon = (act: () => unknown, withinMs = 300): void => agents.schedule(act, 1 + dice.below(withinMs))
  const pool = agents.orchestrator.pools.get(dice.pick(POOLS))!
  for (const run of runs) {
    if (dice.chance(0.2)) soon(() => run.cancel('enough'))
    for (let i = 0; i < 3; i++) if (dice.chance(0.4)) soon(() => run.cancelTask(`t${dice.below(12)}`).catch(() => {}))
    if (dice.chance(0.5)) soon(() => run.add({ tasks: newTasks(run, dice) }).catch(() => {}))
    if (!dice.chance(0.4)) continue
    soon(() => run.pause())
    agents.schedule(() => run.unpause(), 400)
  }
  soon(() => {
    pool.concurrency = 1 + dice.below(5)
  })
  if (!dice.chance(0.4)) return
  soon(() => pool.pause())
  agents.schedule(() => pool.unpause(), 500)
}

/** The same from within listeners: changes limits, cancels and adds while a start or an end is emitted. */
function actInListeners(agents: RandomAgents, runs: readonly Run[], dice: SeededRandom): void {
  const { orchestrator } = agents
  orchestrator.on('event', event => {
    if (dice.chance(0.1)) orchestrator.pools.get(dice.pick(POOLS))!.concurrency = 1 + dice.below(5)
    const run = runs.find(({ id }) => id === event.runId)
    if (run === undefined) return
    if ('taskId' in event && dice.chance(0.02)) void run.cancelTask(event.taskId)
    if (dice.chance(0.02)) run.add({ tasks: newTasks(run, dice) }).catch(() => {})
    if (!dice.chance(0.02)) return
    void run.pause()
    void run.unpause()
  })
}

/** Two tasks, of which one depends on the other, and both on tasks of the run in any state. */
function newTasks(run: Run, dice: SeededRandom): readonly TaskSpec[] {
  const known = Array.from({ length: 12 }, (_, i) => `t${i}`).filter(id => run.task(id))
  const after = known.length > 0 && dice.chance(0.7) ? [dice.pick(known)] : []
  const name = `new-${dice.below(1_000)}`
  return [
    { id: `${name}-a`, description: 'a', pool: dice.pick(POOLS), after: [...after, `${name}-b`] },
    { id: `${name}-b`, description: 'b', pool: dice.pick(POOLS), after },
  ]
}

async function eventsOf(run: Run): Promise<readonly RunEvent[]> {
  const events: RunEvent[] = []
  for await (const event of run.events()) events.push(event)
  return events
}

async function check(run: Run, received: readonly RunEvent[]): Promise<void> {
  const events = await eventsOf(run)
  const { attempts } = checkHistory(events)
  assert.deepEqual(received, events, 'the emitted events are the persisted ones')
  const { outcome, tasks } = await run.result
  assert.equal(events.at(-1)?.type === 'run.settled' && (events.at(-1) as { outcome: string }).outcome, outcome)
  assert.equal(
    tasks.reduce((sum, task) => sum + task.attempts, 0),
    attempts,
    'every attempt is counted',
  )
  const state = replay(run.id, JSON.parse(JSON.stringify(events)) as RunEvent[])
  for (const task of tasks) assert.equal(state.states[state.ids.get(task.id)!]!.status, task.status)
}

describe(`${HISTORIES} runs`, () => {
  const several = fc.array(fc.record({ tasks: plans(15), failureMode, built: fc.boolean() }), {
    minLength: 1,
    maxLength: 3,
  })

  test(
    'with random agents, hosts and clocks settle in virtual time, keep every invariant, and leave nothing behind',
    async () => {
      await fc.assert(
        fc.asyncProperty(several, fc.nat(), fc.nat(3), fc.boolean(), async (given, seed, delay, inside) => {
          const clock = new VirtualClock()
          const journal = delay === 0 ? new ProbeJournal() : slowJournal({ clock, delayMs: delay * 2 })
          const prompt = delay === 0 && given.length === 1 && !given[0]!.built && !inside
          const agents = new RandomAgents(clock, seed, 'wild', journal, prompt)
          const received = new Map<string, RunEvent[]>()
          const runs = given.map(({ tasks, failureMode, built }, i) => {
            const plan = built ? agents.graphOf(tasks) : { tasks }
            const run = agents.orchestrator.run(plan, { runId: `r${i}`, failureMode, weight: 1 + i })
            received.set(run.id, [])
            run.on('event', event => 'seq' in event && void received.get(run.id)!.push(event))
            return run
          })
          actAtRandom(agents, runs, new SeededRandom(seed + 1))
          if (inside) actInListeners(agents, runs, new SeededRandom(seed + 2))
          const settled = Promise.all(runs.map(run => run.result)).then(() => agents.checkEmpty())
          settled.catch(() => {})
          await clock.runUntilIdle()
          for (const run of runs) assert.equal(run.progress().status, 'settled')
          await settled
          for (const run of runs) await check(run, received.get(run.id)!)
          assert.equal(clock.pending, 0)
          if (delay === 0) await agents.checkRoom()
        }),
        { numRuns: Math.ceil(HISTORIES * 0.35) },
      )
    },
    TIMEOUT_MS,
  )

  test(
    'with steady agents lead to the same result from every prefix of their journal',
    async () => {
      await fc.assert(
        fc.asyncProperty(plans(8), fc.nat(), fc.boolean(), async (tasks, seed, built) => {
          const journal = new ProbeJournal()
          const first = await performed(seed, tasks, built, journal)
          const count = journal.records('r').length
          for (let held = 1; held <= count; held++) {
            const again = await performed(seed, tasks, built, ProbeJournal.after(journal, held))
            assert.deepEqual(endsOf(again), endsOf(first), `from ${held} of ${count} records`)
          }
        }),
        { numRuns: Math.ceil(HISTORIES * 0.03) },
      )
    },
    TIMEOUT_MS,
  )

  test(
    'with steady agents lead to the same result, however often they are drained and resumed',
    async () => {
      await fc.assert(
        fc.asyncProperty(plans(12), fc.nat(), fc.nat(2), async (tasks, seed, delay) => {
          const expected = await performed(seed, tasks, false, new ProbeJournal())
          const dice = new SeededRandom(seed)
          const records = new ProbeJournal()
          for (let i = 0; i < 12; i++)
            await drained(seed, tasks, records, delay, 1 + dice.below(150), dice.below(2) * 30)
          assert.deepEqual(endsOf(await performed(seed, tasks, false, records)), endsOf(expected))
        }),
        { numRuns: Math.ceil(HISTORIES * 0.03) },
      )
    },
    TIMEOUT_MS,
  )
})

/** Runs or resumes a run with steady agents until it settles. */
async function performed(
  seed: number,
  tasks: readonly TaskSpec[],
  built: boolean,
  journal: ProbeJournal,
): Promise<RunResult> {
  const clock = new VirtualClock()
  const agents = new RandomAgents(clock, seed, 'steady', journal, !built)
  const graph = built ? agents.graphOf(tasks) : undefined
  const fresh = journal.records('r').length === 0
  const { orchestrator } = agents
  const run = fresh
    ? orchestrator.run(graph ?? { tasks }, { runId: 'r' })
    : await orchestrator.resume('r', { ...(graph && { graph }) })
  await clock.runUntilIdle()
  checkHistory(journal.records('r').flat())
  agents.checkEmpty()
  return run.result
}

/** Continues a run for a while in a process that drains; `records` has more of it afterwards. */
async function drained(
  seed: number,
  tasks: readonly TaskSpec[],
  records: ProbeJournal,
  delay: number,
  afterMs: number,
  timeoutMs: number,
): Promise<void> {
  const clock = new VirtualClock()
  const held = records.records('r')
  const slow = delay === 0 ? undefined : await slowed(clock, delay, held)
  const agents = new RandomAgents(clock, seed, 'steady', slow ?? records, false)
  const run =
    held.length === 0 ? agents.orchestrator.run({ tasks }, { runId: 'r' }) : await agents.orchestrator.resume('r')
  const ended = run.result.catch((error: { code?: string }) => assert.equal(error.code, 'RUN_SUSPENDED'))
  await clock.advance(afterMs)
  const drained = agents.orchestrator.drain({ timeoutMs })
  await clock.runUntilIdle()
  await drained
  await ended
  if (slow)
    records.runs.set(
      'r',
      slow.durableRecords('r').map(record => JSON.stringify(record)),
    )
  checkHistory(records.records('r').flat(), { settled: false })
  agents.checkEmpty()
}

/** A slow journal with the records of another one. */
async function slowed(clock: VirtualClock, delayMs: number, records: readonly JournalRecord[]): Promise<SlowJournal> {
  const journal = slowJournal({ clock, delayMs })
  const { append } = await journal.open('r')
  for (const record of records) void append(record)
  await journal.flush()
  return journal
}

/** The results of the tasks, without times, numbers of attempts, and which of several root causes was first. */
function endsOf({ outcome, tasks }: RunResult): unknown {
  return [outcome, tasks.map(({ id, status, output, failure }) => [id, status, output, failure?.kind])]
}
