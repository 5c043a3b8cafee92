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

/** A run as it stands, over or not, as its journal tells it. Its times are those in which it was worked on. */
export interface Account
  extends Pick<RunResult, 'runId' | 'tasks' | 'outputs' | 'rootCauses' | 'delivered' | 'usage' | 'times'> {
  readonly title: string
  /** True when it is the whole plan of the story: its times may be set beside those of the story. */
  readonly isStory: boolean
  readonly status: RunStatus
  /** When it is over. */
  readonly outcome: Outcome | undefined
  readonly events: readonly RunEvent[]
  readonly attempts: Attempts
  readonly worked: WorkTime
}

/** What a run is called, and whether it has the plan of the story. */
export type Subject = Pick<Account, 'title' | 'isStory'>

/** Brings together what the journal of a run holds. */
export function accountOf(report: RunReport, events: readonly RunEvent[], { title, isStory }: Subject): Account {
  const worked = new WorkTime()
  for (const event of events) worked.hear(event)
  const attempts = attemptsOf(events, worked)
  const { runId, status, outcome } = report
  const tasks = report.tasks.map((task): TaskResult => ({ ...task, busyMs: lengthOf(attempts.get(task.id) ?? []) }))
  const { outputs, rootCauses, delivered, usage, times } = new ResultAggregator().aggregate({
    runId,
    // Of a run that is not over the sums so far are what is wanted: no other member depends on the outcome.
    outcome: outcome ?? 'partial',
    startedAt: 0,
    settledAt: worked.totalMs,
    tasks,
  })
  const isWhole = events.every(event => event.type !== 'run.started' || event.only === undefined)
  return {
    ...{ runId, title, isStory: isStory && isWhole, status, outcome },
    ...{ tasks, outputs, rootCauses, delivered, usage, times, events, attempts, worked },
  }
}

/** The tasks that have not ended. */
export function leftOf({ tasks }: Pick<Account, 'tasks'>): readonly TaskResult[] {
  return tasks.filter(({ status }) => !ENDED.includes(status))
}

const ENDED: readonly string[] = ['succeeded', 'dead', 'skipped', 'cancelled']

function lengthOf(spans: readonly Span[]): number {
  return spans.reduce((sum, { fromMs, toMs }) => sum + toMs - fromMs, 0)
}
