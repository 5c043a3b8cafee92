import assert from 'node:assert/strict'
import type { Failure, FailureKind, TaskSpec, Usage } from 'counterpoint'
import type { Signal, StartSignal } from '../../src/core/scheduler/signals.js'
import type { SchedulerFixture } from './scheduler-fixture.js'
import { type SeededRandom, seedOf } from './seeded-random.js'

const KINDS: readonly FailureKind[] = [
  'agent',
  'crashed',
  'timeout',
  'throttled',
  'quota',
  'overloaded',
  'refused',
  'invalid-output',
  'incomplete-output',
  'bad-input',
]

/** The fixed behaviour of an agent for a task, so that it is the same after a restart. */
export type PlannedEnd =
  | { readonly kind: 'succeeds'; readonly after: number; readonly with: FailureKind }
  | { readonly kind: 'fails'; readonly with: FailureKind }
  | { readonly kind: 'hangs' }

/** Deterministic for seed and task, and independent of interruptions, so that an interruption changes no outcome. */
export function plannedEndOf(seed: number, { id, retries = 2, replay }: TaskSpec): PlannedEnd {
  const draw = seedOf(seed, id) >>> 0
  const isThrottled = draw % 7 === 0
  if (draw % 11 === 0) return { kind: 'hangs' }
  if (draw % 5 === 0) return { kind: 'fails', with: KINDS[(draw >>> 6) % KINDS.length]! }
  const after = replay === 'never' ? 0 : draw % (retries + 1)
  return { kind: 'succeeds', after, with: isThrottled ? 'throttled' : 'agent' }
}

export function outputOf(seed: number, id: string): { readonly id: string; readonly draw: number } {
  return { id, draw: seedOf(seed, id) % 1_000 }
}

/** The signal of a pool that has a free slot. It has an estimate only if there are budgets. */
function slotFor(scene: SchedulerFixture, index: number, dice: SeededRandom): StartSignal {
  const { pool = 'p', estimate } = scene.state.specs[index]!
  const degraded = scene.state.accounts !== undefined && dice.chance(0.3)
  return {
    type: 'start',
    index,
    pool,
    backend: degraded ? 'cheap' : 'p',
    input: null,
    ...(degraded ? { degraded } : estimate && { estimate }),
  }
}

/** The usage that an attempt reports: none, part of it, or more than estimated. */
function usageOf(scene: SchedulerFixture, dice: SeededRandom): { readonly usage?: Usage } {
  if (scene.state.accounts === undefined || dice.chance(0.4)) return {}
  const costUsd = dice.below(4) / 2
  return dice.pick<{ usage: Usage }>([
    { usage: { costUsd } },
    { usage: { tokens: dice.below(300) } },
    { usage: { inputTokens: dice.below(100), outputTokens: dice.below(100), costUsd } },
  ])
}

/** The next signal from agents, pools, clocks or a person about task `index`; undefined if there is none. */
function nextAbout(scene: SchedulerFixture, index: number, seed: number, dice: SeededRandom): Signal | undefined {
  const task = scene.state.states[index]!
  const spec = scene.state.specs[index]!
  const fate = plannedEndOf(seed, spec)
  if (task.status === 'ready') return slotFor(scene, index, dice)
  if (task.status === 'delayed') return { type: 'wake', index }
  // The person rejects held tasks that will never succeed, and approves all others.
  if (task.status === 'held' && task.failure && task.failure.kind !== 'interrupted' && fate.kind !== 'succeeds')
    return { type: 'reject', taskId: spec.id, reason: 'again and again' }
  // Tasks that wait for reservations continue by themselves; sometimes a person approves them earlier.
  if (task.status === 'held' && task.reason === 'reserved' && dice.chance(0.9)) return undefined
  if (task.status === 'held') return { type: 'approve', taskId: spec.id }
  if (task.status === 'stopping') return { type: 'stopped', index, attempt: task.attempt, abandoned: seed % 2 === 0 }
  if (task.status !== 'running') return undefined
  const { attempt } = task
  if (fate.kind === 'succeeds' && attempt > fate.after)
    return { type: 'succeed', index, attempt, output: outputOf(seed, spec.id), ...usageOf(scene, dice) }
  if (fate.kind === 'hangs')
    return { type: 'expire', index, attempt, failure: { kind: 'timeout', timeout: 'attempt', message: 'no' } }
  const alternatives = index % 3 === 1 ? 1 : 0
  const failure = { kind: fate.with, message: 'no' }
  return { type: 'fail', index, attempt, failure, alternatives, ...usageOf(scene, dice) }
}

/**
 * Sends all due signals to a scene, in random order, until its run has settled. One step in `drains` (default: never) drains the process,
 * and another one resumes the run.
 */
export function completeAtRandom(scene: SchedulerFixture, seed: number, dice: SeededRandom, drains = 0): void {
  const { state } = scene
  const open = state.specs.map((_, index) => index)
  let stepsLeft = 400 + 400 * open.length
  while (state.phase.status !== 'settled') {
    assert.ok(stepsLeft-- > 0, `the run settles when it is completed: ${scene.picture}`)
    if (drains > 0 && dice.chance(1 / drains)) drainAll(scene, dice)
    const place = dice.below(open.length)
    const index = open[place]!
    const signal = nextAbout(scene, index, seed, dice)
    if (state.phase.status === 'paused') scene.send({ type: 'unpause' })
    else if (state.phase.status === 'suspended') scene.send({ type: 'recover' })
    else if (signal) scene.send(signal)
    else if (isOver(scene, index)) {
      open[place] = open[open.length - 1]!
      open.pop()
    }
  }
}

/** Drains: some running attempts end by themselves, the others are interrupted. */
function drainAll(scene: SchedulerFixture, dice: SeededRandom): void {
  scene.send({ type: 'drain' })
  for (const [index, task] of scene.state.states.entries())
    if (task.status === 'running' && dice.chance(0.5)) scene.send({ type: 'interrupt', index })
}

function isOver(scene: SchedulerFixture, index: number): boolean {
  return /succeeded|dead|skipped|cancelled/.test(scene.status(index))
}

/** Signals that differ each time. */
const REPEATABLE: ReadonlySet<Signal['type']> = new Set(['recover', 'add', 'budget', 'mode', 'retry-held'])

/** Sends valid and invalid signals of every kind, as a host, agents, clocks and old processes might. */
export function sendInvalidSignals(scene: SchedulerFixture, dice: SeededRandom, steps: number): void {
  for (let i = 0; i < steps; i++) {
    const signal = anySignal(scene, dice, i)
    scene.send(signal)
    if (REPEATABLE.has(signal.type) || !dice.chance(0.2)) continue
    // Time passes between the two, which may bring a budget to its soft limit or release a task that waits for reservations.
    const isWaiting = new Set([...scene.state.heldForReservations.values()].flatMap(indexes => [...indexes]))
    const again = scene.send(signal).filter(event => {
      if (event.type === 'task.ready') return event.approved || !isWaiting.has(event.index)
      return !(event.type === 'budget.reached' && event.level === 'soft')
    })
    assert.deepEqual(again, [], `a second ${signal.type} decides nothing`)
  }
}

function anySignal(scene: SchedulerFixture, dice: SeededRandom, step: number): Signal {
  const index = dice.below(scene.state.specs.length)
  if (scene.state.specs.length === 0 || dice.chance(0.2)) return hostSignal(scene, dice, step)
  const task = scene.state.states[index]!
  const attempt = ('attempt' in task ? task.attempt : 1) + (dice.chance(0.8) ? 0 : dice.pick([-1, 1]))
  const failure: Failure = { kind: dice.pick(KINDS), message: dice.pick(['no', 'never']), ...asks(dice) }
  const timeout: Failure = { kind: 'timeout', timeout: dice.pick(['attempt', 'idle', 'total']), message: 'too long' }
  const start = slotFor(scene, index, dice)
  const { estimate: _, ...unpriced } = start
  return dice.pick<() => Signal>([
    () => (dice.chance(0.9) ? start : { ...unpriced, failure: { kind: 'bad-input', message: 'no' } }),
    () => start,
    () => ({ type: 'succeed', index, attempt, output: step, ...usageOf(scene, dice) }),
    () => ({ type: 'succeed', index, attempt, output: step, usage: { costUsd: 1 } }),
    () => ({ type: 'fail', index, attempt, failure, alternatives: dice.below(2), ...usageOf(scene, dice) }),
    // 0 is not an attempt: it stands for a queue or total timeout.
    () => ({ type: 'expire', index, attempt: attempt || -1, failure: timeout }),
    () => ({ type: 'stopped', index, attempt, abandoned: dice.chance(0.5), ...usageOf(scene, dice) }),
    () => ({ type: 'wake', index }),
    () => (dice.chance(0.2) ? { type: 'interrupt', index } : start),
    () => (dice.chance(0.3) ? { type: 'hold', index, reason: dice.pick(['approval', 'budget'] as const) } : start),
    () => ({ type: 'approve', taskId: scene.state.specs[index]!.id, by: 'a person' }),
    () => (dice.chance(0.1) ? waitsTooLong(index, dice) : start),
    () => (dice.chance(0.2) ? { type: 'retry-held' } : start),
  ])()
}

function asks(dice: SeededRandom): { readonly retryAfterMs?: number } {
  return dice.chance(0.7) ? {} : { retryAfterMs: dice.pick([0, 50, 5_000, 1e12, -1, Number.NaN]) }
}

function waitsTooLong(index: number, dice: SeededRandom): Signal {
  const timeout = dice.pick(['queue', 'total'] as const)
  return { type: 'expire', index, attempt: 0, failure: { kind: 'timeout', timeout, message: 'too long' } }
}

function hostSignal(scene: SchedulerFixture, dice: SeededRandom, step: number): Signal {
  const { length } = scene.state.specs
  if (dice.chance(0.05)) return { type: 'cancel', reason: 'enough' }
  if (dice.chance(scene.state.phase.status === 'suspended' ? 0.7 : 0.1)) return { type: 'recover' }
  if (dice.chance(0.05)) return { type: 'drain' }
  if (dice.chance(0.05)) return { type: 'elapse' }
  if (dice.chance(0.1)) return { type: 'mode', mode: dice.pick(['serial', 'parallel'] as const), reason: 'requested' }
  if (dice.chance(0.15)) return { type: 'budget', ...(dice.chance(0.7) && { budget: newBudget(dice) }) }
  if (dice.chance(0.4)) return dice.chance(0.4) ? { type: 'pause' } : { type: 'unpause' }
  if (length > 0 && dice.chance(0.1)) return { type: 'reject', taskId: dice.pick(scene.state.specs).id, reason: 'no' }
  if (length > 0 && dice.chance(0.4))
    return { type: 'cancel', taskId: dice.pick(scene.state.specs).id, reason: 'not this one' }
  return { type: 'add', tasks: newTasks(scene, dice, step) }
}

function newBudget(dice: SeededRandom): NonNullable<Extract<Signal, { type: 'budget' }>['budget']> {
  const amount = (): object => ({
    ...(dice.chance(0.6) && { costUsd: dice.below(20) }),
    ...(dice.chance(0.4) && { tokens: dice.below(2_000) }),
    ...(dice.chance(0.2) && { wallMs: dice.below(2_000) }),
    onHard: dice.pick(['stop', 'degrade', 'hold', 'hold']),
  })
  return { ...amount(), ...(dice.chance(0.4) && { pools: { p: amount() } }) }
}

/** Dependencies on earlier tasks of the batch, and on any task of the run, in any state. */
function newTasks(scene: SchedulerFixture, dice: SeededRandom, step: number): readonly TaskSpec[] {
  const known = scene.state.specs.map(spec => spec.id)
  const ids = Array.from({ length: 1 + dice.below(3) }, (_, i) => `new-${step}-${i}`)
  const old = (share: number): string[] => (known.length > 0 && dice.chance(share) ? [dice.pick(known)] : [])
  return ids.map((id, i) => ({
    id,
    description: id,
    pool: 'p',
    after: [...old(0.7), ...ids.slice(i + 1, i + 2)],
    orderAfter: [...old(0.2), ...ids.slice(i + 2, i + 3)],
    ...(dice.chance(0.4) && { triggerRule: dice.pick(['all_done', 'one_failed', 'none_failed', 'always'] as const) }),
    ...(dice.chance(0.1) && { approval: true }),
  }))
}
