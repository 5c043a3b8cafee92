import {
  AgentError,
  type AgentFunction,
  type Budget,
  memoryJournal,
  Orchestrator,
  type RunResult,
  reply,
  type TaskSpec,
} from 'counterpoint'
import { slowJournal, VirtualClock } from 'counterpoint/testing'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

const RUNS = Number(process.env.HISTORIES ?? 150)

/** One task: what it is expected to use, what its attempts use, and how they end. */
interface Script {
  readonly estimate: { readonly costUsd?: number; readonly tokens?: number } | undefined
  readonly used: number
  readonly ms: number
  readonly fails: number
  readonly silent: boolean
  readonly pool: 'p' | 'q'
  readonly after: boolean
  readonly addedAt: number
}

type Scope = 'run' | 'orchestrator'

const amount = fc.integer({ min: 0, max: 12 }).map(tenths => tenths / 10)
const script: fc.Arbitrary<Script> = fc.record({
  estimate: fc.option(fc.record({ costUsd: amount, tokens: fc.integer({ min: 0, max: 900 }) }, { requiredKeys: [] }), {
    nil: undefined,
  }),
  used: fc.constantFrom(0, 0.1, 0.5, 1, 1.5),
  ms: fc.integer({ min: 0, max: 30 }),
  fails: fc.integer({ min: 0, max: 2 }),
  silent: fc.boolean(),
  pool: fc.constantFrom('p', 'q'),
  after: fc.boolean(),
  addedAt: fc.constantFrom(0, 0, 0, 5, 20),
})
const budget: fc.Arbitrary<Budget> = fc
  .record(
    {
      costUsd: fc.constantFrom(0, 0.5, 1, 2, 4),
      tokens: fc.constantFrom(0, 500, 1000, 3000),
      soft: fc.constantFrom(0.5, 1),
      onSoft: fc.constantFrom('tell', 'degrade'),
      onHard: fc.constantFrom('stop', 'hold', 'degrade'),
    },
    { requiredKeys: [] },
  )
  .map(({ onHard = 'stop', ...rest }) => ({ onHard, ...rest }) as Budget)

const estimateOf = ({ estimate }: Script) => ({ costUsd: estimate?.costUsd ?? 0.3, tokens: estimate?.tokens ?? 100 })

/** An agent that does what the script of the task says. */
function agent(clock: VirtualClock, factor: number): AgentFunction {
  return async ({ task }, { signal, attempt }) => {
    const script = task.context as unknown as Script
    const base = estimateOf(script)
    const share = script.used * factor
    const usage = { costUsd: base.costUsd * share, tokens: Math.round(base.tokens * share) }
    await new Promise<void>(resolve => {
      signal.addEventListener('abort', () => resolve())
      clock.schedule(resolve, script.ms)
    })
    if (attempt <= script.fails) throw new AgentError('crashed', 'no', script.silent ? {} : { usage })
    return script.silent ? 'ok' : reply({ output: 'ok', usage })
  }
}

/** Task `n`; it may depend on the task before, if that is in the plan. */
function taskOf(script: Script, n: number, before: Script | undefined): TaskSpec {
  const after = script.after && before?.addedAt === 0 ? { after: [`t${n - 1}`] } : {}
  const estimate = script.estimate && { estimate: script.estimate }
  return {
    id: `t${n}`,
    description: '',
    pool: script.pool,
    context: script as never,
    retries: 1,
    ...after,
    ...estimate,
  }
}

interface Outcome {
  readonly outcome: string
  readonly usage: RunResult['usage']
  readonly tasks: readonly string[]
  readonly starts: readonly string[]
  readonly reached: readonly string[]
}

/** Runs these tasks with the budget in this scope. Held tasks are shown, then the run is cancelled. */
async function outcomeOf(scope: Scope, scripts: readonly Script[], limits: Budget, slow: boolean): Promise<Outcome> {
  const clock = new VirtualClock()
  const poolOf = () => ({
    concurrency: 3,
    backends: [
      { name: 'best', run: agent(clock, 1) },
      { name: 'cheap', run: agent(clock, 0.2) },
    ],
  })
  const orchestrator = new Orchestrator({
    clock,
    random: () => 0.5,
    pools: { p: poolOf(), q: poolOf() },
    journal: slow ? slowJournal({ clock, delayMs: 3 }) : memoryJournal(),
    ...(scope === 'orchestrator' && { budget: limits }),
  })
  const starts: string[] = []
  const reached: string[] = []
  orchestrator.on('event', event => {
    if (event.type === 'attempt.started') starts.push(`${event.at} ${event.taskId} ${event.backend}`)
    if (event.type === 'budget.reached')
      reached.push(`${event.level} ${event.measure} ${event.action} ${event.used} ${event.taskId ?? ''}`)
  })
  const tasks = scripts.map((script, n) => ({ task: taskOf(script, n, scripts[n - 1]), at: script.addedAt }))
  const planned = tasks.filter(({ at }) => at === 0).map(({ task }) => task)
  const run = orchestrator.run({ tasks: planned }, { runId: 'run', ...(scope === 'run' && { budget: limits }) })
  for (const { task, at } of tasks)
    if (at > 0) clock.schedule(() => void run.add({ tasks: [task] }).catch(() => {}), at)
  await clock.runUntilIdle()
  const held = run.progress().held.map(({ id, reason }) => `${id} held ${reason}`)
  void run.cancel()
  await clock.runUntilIdle()
  const result = await run.result
  const states = result.tasks.map(({ id, status, attempts }) => `${id} ${status} ${attempts}`)
  return { outcome: result.outcome, usage: result.usage, tasks: [...held, ...states], starts, reached }
}

describe('a budget of an orchestrator with one run', () => {
  test('leads to what the same budget of the run leads to', async () => {
    const cases = fc.asyncProperty(
      fc.array(script, { minLength: 1, maxLength: 8 }),
      budget,
      fc.boolean(),
      async (scripts, limits, slow) => {
        const [shared, own] = [
          await outcomeOf('orchestrator', scripts, limits, slow),
          await outcomeOf('run', scripts, limits, slow),
        ]
        expect(shared).toEqual(own)
      },
    )
    await fc.assert(cases, { numRuns: RUNS })
  })
})
