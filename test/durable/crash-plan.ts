import type { TaskSpec } from 'counterpoint'
import { Dice } from '../support/dice.js'

/**
 * What becomes of a task, whichever attempt it is asked in:
 *
 * - `works`: takes its time, and answers.
 * - `flaky`: fails in its first attempts, then works.
 * - `fails`: always.
 * - `hangs`: until it is timed out; heeds TERM.
 * - `stubborn`: hangs, and heeds nothing but KILL.
 * - `leaves`: works, and leaves a process behind in a session of its own.
 * - `holds`: the same, and that process holds its output open.
 * - `poison`: kills its host, and stays.
 */
export type Fate = 'works' | 'flaky' | 'fails' | 'hangs' | 'stubborn' | 'leaves' | 'holds' | 'poison'

/** What an agent is told, as the context of its task. */
export interface Part {
  readonly fate: Fate
  /** How long it works, in milliseconds. */
  readonly workMs: number
  /** A flaky one fails so often. */
  readonly fails: number
}

const TASKS = 20

/** A plan whose tasks wait for up to two earlier ones. The same for the same seed. */
export function planOf(seed: number): readonly TaskSpec[] {
  const dice = new Dice(seed)
  return Array.from({ length: TASKS }, (_, i) => {
    const after = [...new Set([i - 1 - dice.below(6), i - 1 - dice.below(12)])].filter(need => need >= 0)
    return taskOf(`t${i}`, partOf(dice), dice.chance(0.7) ? after.map(need => `t${need}`) : [])
  })
}

/** A task that kills whoever runs it, and others that have nothing to do with it. */
export function poisonedPlan(): readonly TaskSpec[] {
  const part = (fate: Fate): Part => ({ fate, workMs: 10, fails: 0 })
  return [
    taskOf('a', part('works'), []),
    taskOf('poison', part('poison'), ['a']),
    taskOf('b', part('leaves'), ['a']),
    taskOf('c', part('works'), ['poison']),
  ]
}

/** The program of all agents, for a shell: it starts in a millisecond. `$1` is its fate, `$2` its seconds, `$3` how often it fails. */
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

/** Of 20 tasks. The others work. */
const RARE: readonly Fate[] = ['fails', 'hangs', 'stubborn', 'leaves', 'leaves', 'holds', 'flaky', 'flaky', 'flaky']

function partOf(dice: Dice): Part {
  return { fate: RARE[dice.below(20)] ?? 'works', workMs: dice.below(100), fails: 1 + dice.below(2) }
}

function taskOf(id: string, part: Part, after: readonly string[]): TaskSpec {
  return {
    id,
    description: part.fate,
    pool: Number(id.slice(1)) % 3 === 0 ? 'small' : 'large',
    context: { ...part },
    backoff: { baseMs: 10, maxMs: 20 },
    ...(/hangs|stubborn/.test(part.fate) ? { timeoutMs: 150, retries: 1 } : { timeoutMs: 60_000 }),
    ...(after.length > 0 && { after }),
  }
}
