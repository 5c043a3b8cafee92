import type { FinishedRun, TaskResult } from 'counterpoint'

/** A finished run with these tasks. Missing members have defaults. */
export function finished(tasks: readonly Partial<TaskResult>[]): FinishedRun {
  const complete = (task: Partial<TaskResult>): TaskResult =>
    ({
      id: 'a',
      description: '',
      pool: 'p',
      status: 'succeeded',
      attempts: 1,
      abandoned: 0,
      busyMs: 0,
      weight: 1,
      after: [],
      ...task,
    }) as TaskResult
  return { runId: 'r', outcome: 'completed', startedAt: 0, settledAt: 0, awayMs: 0, tasks: tasks.map(complete) }
}
