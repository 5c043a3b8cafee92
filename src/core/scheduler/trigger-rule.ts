/**
 * How the tasks in `after` must have ended for a task to start. The names and meanings of Airflow (Apache Airflow, "Trigger Rules").
 * *Failed* is a task that is dead, cancelled, or skipped because of one that was; *skipped* one whose own rule was not met.
 *
 * - `all_success` (default): all have succeeded.
 * - `all_failed`: all have failed.
 * - `all_done`: all have ended.
 * - `one_success`: at least one has succeeded; does not wait for the others.
 * - `one_failed`: at least one has failed; does not wait for the others.
 * - `one_done`: at least one has succeeded, is dead or was cancelled; does not wait for the others. One that was skipped because of a failure
 *   does not count, as in Airflow (`upstream_failed`): with nothing else, the task is skipped by its rule.
 * - `none_failed`: all have ended, none has failed.
 * - `none_failed_min_one_success`: all have ended, none has failed, one at least has succeeded.
 * - `all_skipped`: all were skipped.
 * - `none_skipped`: all have ended, none was skipped.
 * - `always`: starts at once, whatever they do.
 */
export type TriggerRule =
  | 'all_success'
  | 'all_failed'
  | 'all_done'
  | 'one_success'
  | 'one_failed'
  | 'one_done'
  | 'none_failed'
  | 'none_failed_min_one_success'
  | 'all_skipped'
  | 'none_skipped'
  | 'always'

/** How the hard dependencies of a task have ended so far. */
export interface Upstream {
  readonly rule: TriggerRule
  readonly total: number
  succeeded: number
  failed: number
  /** How many of the failed ones were skipped because of a failure. */
  upstreamFailed: number
  skipped: number
}

/** The verdict of a trigger rule: start, wait, or never start: a dependency `failed`, or the rule can no longer be met (`unmet`). */
export type RuleVerdict = 'start' | 'wait' | 'failed' | 'unmet'

/** The verdict on the dependencies that have ended so far. `failed` and `unmet` are returned as soon as they are certain. */
export function ruleVerdict({ rule, total, ...ended }: Upstream): RuleVerdict {
  if (total === 0) return 'start'
  return RULES[rule](ended, ended.succeeded + ended.failed + ended.skipped === total)
}

type Ended = Pick<Upstream, 'succeeded' | 'failed' | 'upstreamFailed' | 'skipped'>

const RULES: { readonly [R in TriggerRule]: (ended: Ended, all: boolean) => RuleVerdict } = {
  all_success: ({ failed, skipped }, all) => (failed > 0 ? 'failed' : skipped > 0 ? 'unmet' : startIf(all)),
  all_failed: ({ succeeded, skipped }, all) => (succeeded + skipped > 0 ? 'unmet' : startIf(all)),
  all_done: (_, all) => startIf(all),
  one_success: ({ succeeded, failed }, all) =>
    succeeded > 0 ? 'start' : all ? (failed > 0 ? 'failed' : 'unmet') : 'wait',
  one_failed: ({ failed }, all) => (failed > 0 ? 'start' : all ? 'unmet' : 'wait'),
  one_done: ({ succeeded, failed, upstreamFailed }, all) =>
    succeeded + failed > upstreamFailed ? 'start' : all ? 'unmet' : 'wait',
  none_failed: ({ failed }, all) => (failed > 0 ? 'failed' : startIf(all)),
  none_failed_min_one_success: ({ succeeded, failed }, all) =>
    failed > 0 ? 'failed' : all && succeeded === 0 ? 'unmet' : startIf(all),
  all_skipped: ({ succeeded, failed }, all) => (succeeded + failed > 0 ? 'unmet' : startIf(all)),
  none_skipped: ({ skipped }, all) => (skipped > 0 ? 'unmet' : startIf(all)),
  always: () => 'start',
}

function startIf(all: boolean): RuleVerdict {
  return all ? 'start' : 'wait'
}

/** Every {@link TriggerRule}. */
export const TRIGGER_RULES: readonly TriggerRule[] = Object.keys(RULES) as TriggerRule[]
