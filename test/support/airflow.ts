import type { RunEvent, TaskSpec } from 'counterpoint'

/** The final states of a task in Airflow. */
export type Done = 'success' | 'failed' | 'upstream_failed' | 'skipped'

/** What Airflow would do with a task. */
export type Fate = 'run' | 'wait' | 'upstream_failed' | 'skipped'

type Rule = NonNullable<TaskSpec['triggerRule']>

/** All rules, as named in the documentation. */
export const RULES: readonly Rule[] = [
  'all_success',
  'all_failed',
  'all_done',
  'one_success',
  'one_failed',
  'one_done',
  'none_failed',
  'none_failed_min_one_success',
  'all_skipped',
  'none_skipped',
  'always',
]

const failed = (state: Done | undefined): boolean => state === 'failed' || state === 'upstream_failed'
const skipped = (state: Done | undefined): boolean => state === 'skipped'
const success = (state: Done | undefined): boolean => state === 'success'

/**
 * An independent model of trigger rules, from the documentation of Airflow 2 ("Trigger Rules"), and from the behaviour of its scheduler where
 * that is silent: when it marks a task as skipped or upstream_failed, and whether it waits for the rest. Undefined: not decided yet.
 */
export function airflow(rule: Rule, upstream: readonly (Done | undefined)[]): Fate {
  if (upstream.length === 0 || rule === 'always') return 'run'
  const all = (holds: (state: Done | undefined) => boolean): boolean => upstream.every(holds)
  const one = (holds: (state: Done | undefined) => boolean): boolean => upstream.some(holds)
  const done = all(state => state !== undefined)
  const whenDone = (fate: Fate): Fate => (done ? fate : 'wait')
  switch (rule) {
    case 'all_success':
      return one(failed) ? 'upstream_failed' : one(skipped) ? 'skipped' : whenDone('run')
    case 'all_failed':
      return one(success) || one(skipped) ? 'skipped' : whenDone('run')
    case 'all_done':
      return whenDone('run')
    case 'one_success':
      return one(success) ? 'run' : whenDone(all(skipped) ? 'skipped' : 'upstream_failed')
    case 'one_failed':
      return one(failed) ? 'run' : whenDone('skipped')
    case 'one_done':
      // Its dependency check counts `success + failed`, without upstream_failed.
      return one(success) || upstream.includes('failed') ? 'run' : whenDone('skipped')
    case 'none_failed':
      return one(failed) ? 'upstream_failed' : whenDone('run')
    case 'none_failed_min_one_success':
      return one(failed) ? 'upstream_failed' : all(skipped) ? 'skipped' : whenDone('run')
    case 'none_skipped':
      return one(skipped) ? 'skipped' : whenDone('run')
    case 'all_skipped':
      return one(success) || one(failed) ? 'skipped' : whenDone('run')
  }
}

/** The Airflow state that corresponds to a terminal event. Cancelled counts as failed. */
export function doneAs(end: RunEvent | undefined): Done | undefined {
  if (end === undefined) return undefined
  if (end.type === 'task.succeeded') return 'success'
  if (end.type === 'task.skipped') return end.rule === undefined ? 'upstream_failed' : 'skipped'
  return 'failed'
}
