import {
  type Outcome,
  ResultAggregator,
  type RunEvent,
  type RunReport,
  type RunResult,
  type RunStatus,
  type TaskResult,
} from 'counterpoint'
import { type Attempts, attemptsOf, type Span } from './timeline.js'
import { WorkTime } from './work-time.js'

/** The current state of a run, from its journal. Times in which no process worked on it do not count. */
export interface Account
  extends Pick<RunResult, 'runId' | 'tasks' | 'outputs' | 'rootCauses' | 'delivered' | 'usage' | 'times'> {
  readonly title: string
  /** True for the whole sample plan: its times can be compared with the expected ones. */
  readonly isSample: boolean
  readonly status: RunStatus
  /** Once it has settled. */
  readonly outcome: Outcome | undefined
  readonly events: readonly RunEvent[]
  readonly attempts: Attempts
  readonly worked: WorkTime
}

/** The title of a run, and whether it runs the sample plan. */
export type Subject = Pick<Account, 'title' | 'isSample'>

/** Builds the account of a run from its journal. */
export function accountOf(report: RunReport, events: readonly RunEvent[], { title, isSample }: Subject): Account {
  const worked = new WorkTime()
  for (const event of events) worked.add(event)
  const attempts = attemptsOf(events, worked)
  const { runId, status, outcome } = report
  const tasks = report.tasks.map((task): TaskResult => ({ ...task, busyMs: lengthOf(attempts.get(task.id) ?? []) }))
  const { outputs, rootCauses, delivered, usage, times } = new ResultAggregator().aggregate({
    runId,
    // For a run that has not settled, any outcome will do: none of the members used here depends on it.
    outcome: outcome ?? 'partial',
    startedAt: 0,
    settledAt: worked.totalMs,
    tasks,
  })
  const isWhole = events.every(event => event.type !== 'run.started' || event.only === undefined)
  return {
    ...{ runId, title, isSample: isSample && isWhole, status, outcome },
    ...{ tasks, outputs, rootCauses, delivered, usage, times, events, attempts, worked },
  }
}

/** The tasks that have not ended. */
export function unfinishedOf({ tasks }: Pick<Account, 'tasks'>): readonly TaskResult[] {
  return tasks.filter(({ status }) => !ENDED.includes(status))
}

const ENDED: readonly string[] = ['succeeded', 'dead', 'skipped', 'cancelled']

function lengthOf(spans: readonly Span[]): number {
  return spans.reduce((sum, { fromMs, toMs }) => sum + toMs - fromMs, 0)
}
