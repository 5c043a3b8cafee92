import assert from 'node:assert/strict'
import type { FailureKind, Signal, TaskSpec } from 'counterpoint'
import { type Dice, seedOf } from './dice.js'
import type { Scene } from './scene.js'

const KINDS: readonly FailureKind[] = [
  'agent',
  'crashed',
  'timeout',
  'throttled',
  'quota',
  'refused',
  'invalid-output',
  'bad-input',
]

/** What an agent always does with a task: so it can be asked again after a restart, and answers the same. */
export type Fate =
  | { readonly kind: 'succeeds'; readonly after: number; readonly with: FailureKind }
  | { readonly kind: 'fails'; readonly with: FailureKind }
  | { readonly kind: 'hangs' }

/** Deterministic for seed and task, and never counting attempts beyond its retries: an interruption changes no outcome. */
export function fateOf(seed: number, { id, retries = 2 }: TaskSpec): Fate {
  const draw = seedOf(seed, id) >>> 0
  const turnedAway = draw % 7 === 0
  if (draw % 11 === 0) return { kind: 'hangs' }
  if (draw % 5 === 0) return { kind: 'fails', with: KINDS[draw % KINDS.length]! }
  return { kind: 'succeeds', after: draw % (retries + 1), with: turnedAway ? 'throttled' : 'agent' }
}

export function outputOf(seed: number, id: string): { readonly id: string; readonly draw: number } {
  return { id, draw: seedOf(seed, id) % 1_000 }
}

/** What agents, pools and clocks say next about task `index`; undefined when they have nothing to say. */
function nextAbout(scene: Scene, index: number, seed: number): Signal | undefined {
  const task = scene.state.states[index]!
  const spec = scene.state.specs[index]!
  if (task.status === 'ready') return { type: 'start', index, pool: 'p', backend: 'p', input: null }
  if (task.status === 'delayed') return { type: 'wake', index }
  if (task.status === 'stopping') return { type: 'stopped', index, attempt: task.attempt, abandoned: seed % 2 === 0 }
  if (task.status !== 'running') return undefined
  const { attempt } = task
  const fate = fateOf(seed, spec)
  if (fate.kind === 'succeeds' && attempt > fate.after)
    return { type: 'succeed', index, attempt, output: outputOf(seed, spec.id) }
  if (fate.kind === 'hangs')
    return { type: 'expire', index, attempt, failure: { kind: 'timeout', timeout: 'attempt', message: 'no' } }
  return { type: 'fail', index, attempt, failure: { kind: fate.with, message: 'no' } }
}

/**
 * Feeds a scene with everything that is due, in an order that `dice` draws, until its run has settled.
 * One step in so many (`drains`, default none) its process ends in good order, and another goes on.
 */
export function feed(scene: Scene, seed: number, dice: Dice, drains = 0): void {
  const { state } = scene
  const open = state.specs.map((_, index) => index)
  let patience = 200 + 200 * open.length
  while (state.phase.status !== 'settled') {
    assert.ok(patience-- > 0, `the run settles when it is fed: ${scene.picture}`)
    if (drains > 0 && dice.chance(1 / drains)) drainAll(scene, dice)
    const place = dice.below(open.length)
    const index = open[place]!
    const signal = nextAbout(scene, index, seed)
    if (state.phase.status === 'paused') scene.send({ type: 'unpause' })
    else if (state.phase.status === 'suspended') scene.send({ type: 'recover' })
    else if (signal) scene.send(signal)
    else if (isOver(scene, index)) {
      open[place] = open[open.length - 1]!
      open.pop()
    }
  }
}

/** Nothing starts any more; some of what runs may end by itself, and the rest is interrupted. */
function drainAll(scene: Scene, dice: Dice): void {
  scene.send({ type: 'drain' })
  for (const [index, task] of scene.state.states.entries())
    if (task.status === 'running' && dice.chance(0.5)) scene.send({ type: 'interrupt', index })
}

function isOver(scene: Scene, index: number): boolean {
  return /succeeded|dead|skipped|cancelled/.test(scene.status(index))
}

/** Sends signals of every kind, right ones and wrong ones, as a host, agents, clocks and old processes may. */
export function misbehave(scene: Scene, dice: Dice, steps: number): void {
  for (let i = 0; i < steps; i++) {
    const signal = anySignal(scene, dice, i)
    scene.send(signal)
    const again = signal.type !== 'recover' && signal.type !== 'add' && dice.chance(0.2)
    if (again) assert.deepEqual(scene.send(signal), [], `a second ${signal.type} decides nothing`)
  }
}

function anySignal(scene: Scene, dice: Dice, step: number): Signal {
  const index = dice.below(scene.state.specs.length)
  if (scene.state.specs.length === 0 || dice.chance(0.12)) return hostSignal(scene, dice, step)
  const task = scene.state.states[index]!
  const attempt = ('attempt' in task ? task.attempt : 1) + (dice.chance(0.8) ? 0 : dice.pick([-1, 1]))
  const failure = { kind: dice.pick(KINDS), message: 'no' }
  const start = { type: 'start', index, pool: 'p', backend: 'p', input: null } as const
  return dice.pick<() => Signal>([
    () => (dice.chance(0.9) ? start : { ...start, failure }),
    () => start,
    () => ({ type: 'succeed', index, attempt, output: step }),
    () => ({ type: 'succeed', index, attempt, output: step, usage: { costUsd: 1 } }),
    () => ({ type: 'fail', index, attempt, failure }),
    () => ({ type: 'expire', index, attempt, failure: { ...failure, kind: 'timeout' } }),
    () => ({ type: 'stopped', index, attempt, abandoned: dice.chance(0.5) }),
    () => ({ type: 'wake', index }),
    () => (dice.chance(0.2) ? { type: 'interrupt', index } : start),
  ])()
}

function hostSignal(scene: Scene, dice: Dice, step: number): Signal {
  const { length } = scene.state.specs
  if (dice.chance(0.05)) return { type: 'cancel', reason: 'enough' }
  if (dice.chance(scene.state.phase.status === 'suspended' ? 0.7 : 0.1)) return { type: 'recover' }
  if (dice.chance(0.05)) return { type: 'drain' }
  if (dice.chance(0.4)) return dice.chance(0.4) ? { type: 'pause' } : { type: 'unpause' }
  if (length > 0 && dice.chance(0.4))
    return { type: 'cancel', taskId: dice.pick(scene.state.specs).id, reason: 'not this one' }
  const known = scene.state.specs.map(spec => spec.id)
  const ids = Array.from({ length: 1 + dice.below(3) }, (_, i) => `new-${step}-${i}`)
  // Backward within the batch, and to whatever the run has, in whatever state it is.
  const tasks = ids.map((id, i) => {
    const after = [...(known.length > 0 && dice.chance(0.7) ? [dice.pick(known)] : []), ...ids.slice(i + 1, i + 2)]
    return { id, description: id, after }
  })
  return { type: 'add', tasks }
}
