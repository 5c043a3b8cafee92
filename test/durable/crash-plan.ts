import type { TaskSpec } from 'counterpoint'
import { SeededRandom } from '../support/seeded-random.js'

/**
 * What the agent of a task does in each attempt:
 *
 * - `works`: takes some time, and answers.
 * - `flaky`: fails in its first attempts, then works.
 * - `fails`: always fails.
 * - `hangs`: runs until its timeout; obeys TERM.
 * - `stubborn`: hangs, and ignores everything but KILL.
 * - `leaves`: works, and leaves a process behind in a session of its own.
 * - `holds`: the same, and that process keeps its output open.
 * - `poison`: kills its host, and keeps running.
 */
export type Behavior = 'works' | 'flaky' | 'fails' | 'hangs' | 'stubborn' | 'leaves' | 'holds' | 'poison'

/** The context of a task: instructions for its agent. */
export interface Instructions {
  readonly behavior: Behavior
  /** The duration of its work, in milliseconds. */
  readonly workMs: number
  /** How often a flaky agent fails. */
  readonly fails: number
}

const TASKS = 20

/** A plan whose tasks depend on up to two earlier ones. Deterministic for a seed. */
export function planOf(seed: number): readonly TaskSpec[] {
  const dice = new SeededRandom(seed)
  return Array.from({ length: TASKS }, (_, i) => {
    const after = [...new Set([i - 1 - dice.below(6), i - 1 - dice.below(12)])].filter(need => need >= 0)
    return taskOf(`t${i}`, instructionsFor(dice), dice.chance(0.7) ? after.map(need => `t${need}`) : [])
  })
}

/** A task that kills its host, and independent ones. */
export function poisonedPlan(): readonly TaskSpec[] {
  const part = (behavior: Behavior): Instructions => ({ behavior, workMs: 10, fails: 0 })
  return [
    taskOf('a', part('works'), []),
    taskOf('poison', part('poison'), ['a']),
    taskOf('b', part('leaves'), ['a']),
    taskOf('c', part('works'), ['poison']),
  ]
}

/** The shell script of all agents: starts in a millisecond. `$1` is the behavior, `$2` the duration in seconds, `$3` how often it fails. */
export const AGENT = `
printf '%s %s\\n' "$COUNTERPOINT_IDEMPOTENCY_KEY" "$COUNTERPOINT_ATTEMPT" >> "$STARTS"
case $1 in
  hangs) sleep 60 ;;
  stubborn) trap '' TERM; sleep 60; sleep 60 ;;
  poison) sleep 0.4; kill -9 $PPID; sleep 60 ;;
  leaves) setsid sleep 60 > /dev/null 2>&1 & ;;
  holds) setsid sh -c 'trap "" TERM; sleep 60; sleep 60' & ;;
esac
sleep $2
[ $1 = fails ] && exit 1
[ $1 = flaky ] && [ $COUNTERPOINT_ATTEMPT -le $3 ] && exit 1
printf '{"by":%s,"attempt":%s}' $$ $COUNTERPOINT_ATTEMPT
`

/** The behaviors of about 9 in 20 tasks; the others work. */
const RARE: readonly Behavior[] = ['fails', 'hangs', 'stubborn', 'leaves', 'leaves', 'holds', 'flaky', 'flaky', 'flaky']

function instructionsFor(dice: SeededRandom): Instructions {
  return { behavior: RARE[dice.below(20)] ?? 'works', workMs: dice.below(100), fails: 1 + dice.below(2) }
}

function taskOf(id: string, part: Instructions, after: readonly string[]): TaskSpec {
  return {
    id,
    description: part.behavior,
    pool: Number(id.slice(1)) % 3 === 0 ? 'small' : 'large',
    context: { ...part },
    backoff: { baseMs: 10, maxMs: 20 },
    ...(/hangs|stubborn/.test(part.behavior) ? { timeoutMs: 150, retries: 1 } : { timeoutMs: 60_000 }),
    ...(after.length > 0 && { after }),
  }
}
