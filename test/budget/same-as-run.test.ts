import {
  AgentError,
  type AgentFunction,
  type Budget,
  type Journal,
  memoryJournal,
  Orchestrator,
  type Run,
  type RunResult,
  reply,
  type TaskSpec,
} from 'counterpoint'
import { slowJournal, VirtualClock } from 'counterpoint/testing'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

const RUNS = Math.ceil(Number(process.env.HISTORIES ?? 1_000) / 13)

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

/** An orchestrator with the budget in this scope, and what it does. */
function stage(scope: Scope, limits: Budget, journal: (clock: VirtualClock) => Journal) {
  const clock = new VirtualClock()
  const poolOf = () => ({
    concurrency: 3,
    graceMs: 1,
    backends: [
      { name: 'best', run: agent(clock, 1) },
      { name: 'cheap', run: agent(clock, 0.2) },
    ],
  })
  const orchestrator = new Orchestrator({
    clock,
    random: () => 0.5,
    pools: { p: poolOf(), q: poolOf() },
    journal: journal(clock),
    ...(scope === 'orchestrator' && { budget: limits }),
  })
  const starts: string[] = []
  const reached: string[] = []
  orchestrator.on('event', event => {
    if (event.type === 'attempt.started') starts.push(`${event.at} ${event.taskId} ${event.backend}`)
    if (event.type === 'budget.reached')
      reached.push(`${event.level} ${event.measure} ${event.action} ${event.used} ${event.taskId ?? ''}`)
  })
  return { clock, orchestrator, starts, reached }
}

type Stage = ReturnType<typeof stage>

function begin({ clock, orchestrator }: Stage, scope: Scope, scripts: readonly Script[], budget: Budget): Run {
  const tasks = scripts.map((script, n) => ({ task: taskOf(script, n, scripts[n - 1]), at: script.addedAt }))
  const planned = tasks.filter(({ at }) => at === 0).map(({ task }) => task)
  const run = orchestrator.run({ tasks: planned }, { runId: 'run', ...(scope === 'run' && { budget }) })
  for (const { task, at } of tasks)
    if (at > 0) clock.schedule(() => void run.add({ tasks: [task] }).catch(() => {}), at)
  return run
}

/** Lets it run. Held tasks are noted, then the run is cancelled. */
async function outcomeOf({ clock, starts, reached }: Stage, run: Run): Promise<Outcome> {
  await clock.runUntilIdle()
  const held = run.progress().held.map(({ id, reason }) => `${id} held ${reason}`)
  void run.cancel().catch(() => {})
  await clock.runUntilIdle()
  const result = await run.result
  const states = result.tasks.map(({ id, status, attempts }) => `${id} ${status} ${attempts}`)
  return { outcome: result.outcome, usage: result.usage, tasks: [...held, ...states], starts, reached }
}

/** What these tasks come to with the budget in this scope. */
async function ended(scope: Scope, scripts: readonly Script[], limits: Budget, isSlow: boolean): Promise<Outcome> {
  const made = stage(scope, limits, clock => (isSlow ? slowJournal({ clock, delayMs: 3 }) : memoryJournal()))
  return outcomeOf(made, begin(made, scope, scripts, limits))
}

/** The same, when the process ends after `ms`, by a crash or drained, and another one resumes the run. */
async function resumed(scope: Scope, scripts: readonly Script[], limits: Budget, ms: number, isDrained: boolean) {
  const journal = memoryJournal()
  const first = stage(scope, limits, () => journal)
  const run = begin(first, scope, scripts, limits)
  run.result.catch(() => {})
  await first.clock.advance(ms)
  if (isDrained) {
    void first.orchestrator.drain({ timeoutMs: 2 })
    await first.clock.runUntilIdle()
  }
  const next = stage(scope, limits, () => journal)
  next.clock.jump(1_000)
  return outcomeOf(next, await next.orchestrator.resume('run'))
}

describe('a budget of an orchestrator with one run leads to what the same budget of the run leads to', () => {
  const scripts = fc.array(script, { minLength: 1, maxLength: 8 })

  test('in one process, with a journal that is slow or not', async () => {
    const cases = fc.asyncProperty(scripts, budget, fc.boolean(), async (tasks, limits, isSlow) => {
      const shared = await ended('orchestrator', tasks, limits, isSlow)
      expect(shared).toEqual(await ended('run', tasks, limits, isSlow))
    })
    await fc.assert(cases, { numRuns: RUNS })
  })

  test('when the process crashes or is drained, and another one resumes the run', async () => {
    const time = fc.integer({ min: 0, max: 60 })
    const cases = fc.asyncProperty(scripts, budget, time, fc.boolean(), async (tasks, limits, ms, isDrained) => {
      const shared = await resumed('orchestrator', tasks, limits, ms, isDrained)
      expect(shared).toEqual(await resumed('run', tasks, limits, ms, isDrained))
    })
    await fc.assert(cases, { numRuns: RUNS })
  })
})
