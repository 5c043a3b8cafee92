import type { TaskSpec } from '../state/task.js'

/** What an {@link Order} knows about a ready task besides the task. Where `DagScheduler.ready` calls it, there is no run and no pool. */
export interface OrderFacts {
  /** The id of the run; empty for `DagScheduler.ready`. */
  readonly runId: string
  /** The pool in which the task waits. For `DagScheduler.ready`: the one that the task names, empty if it names none. */
  readonly pool: string
  /** When the task became ready, in milliseconds since 1970; 0 for `DagScheduler.ready`. */
  readonly readyAt: number
  /**
   * The `agingMs` of its pool now, in milliseconds: a task that waits that much longer than another gains one step of priority. For
   * `DagScheduler.ready` the least default, 60,000.
   */
  readonly agingMs: number
  /**
   * The length of the longest chain of tasks that begins with this one and waits for it: in milliseconds if the run has tasks with a
   * `durationMs`, of which all others then have the average; otherwise a number of tasks.
   */
  readonly remainingPath: number
  /** The number of its next attempt, from 1; always 1 for `DagScheduler.ready`. */
  readonly attempt: number
}

/**
 * Returns a number for a ready task: of the tasks of one run in one pool, the one with the lowest number starts first; of equal ones that
 * with the longest remaining path, then the one that was added first. Called when the task becomes ready, and again if its remaining path
 * grows while it waits: so the number may depend on when it became ready, and not on the present time.
 */
export type Order = (task: TaskSpec, facts: OrderFacts) => number

/** The order of a scheduler (a function, or an object with the method `order`), as a function. Undefined for the default order. */
export function orderOf(scheduler: Order | { order: Order; isDefault?: boolean } | undefined): Order | undefined {
  if (typeof scheduler !== 'object') return scheduler
  return scheduler.isDefault === true ? undefined : scheduler.order.bind(scheduler)
}

export const DEFAULT_PRIORITY = 3
/** The least default `agingMs`. */
export const DEFAULT_AGING_MS = 60_000

/** The priority of a task, where each `agingMs` of waiting counts as one step, as far as a number can say it. Lower starts first. */
export function priorityOrder(priority: number, readyAt: number, agingMs: number): number {
  return priority + readyAt / agingMs
}

/** The number that an order of the host gives a task; undefined, after a call of `report`, when it throws or returns no number. */
export function numberOf(
  order: Order,
  task: TaskSpec,
  facts: OrderFacts,
  report: (error: unknown) => void,
): number | undefined {
  try {
    const number: unknown = order(task, facts)
    if (typeof number === 'number' && !Number.isNaN(number)) return number
    // An asynchronous function: its rejection must not go unhandled.
    if (number instanceof Promise) number.catch(() => {})
    const got = number instanceof Promise ? 'a promise' : String(number)
    report(new TypeError(`expected a number for task "${task.id}" from the order of the scheduler, got ${got}`))
  } catch (error) {
    report(error)
  }
  return undefined
}
