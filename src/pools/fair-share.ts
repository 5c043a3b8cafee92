import type { RunQueue } from './run-queue.js'

/**
 * The runs of a pool, and which of them is next: stride scheduling (Waldspurger and Weihl, MIT/LCS/TM-528, 1995). Fairness between runs
 * comes first, priorities only count within a run.
 */
export class FairShare {
  /** One for each live run, also while it has no ready task. */
  readonly queues: Set<RunQueue> = new Set()
  /** Those with ready tasks, in the order in which they got one: a pool may have thousands of runs that wait for something else. */
  readonly filled: Set<RunQueue> = new Set()
  /** The pass of the queue that was charged last. */
  pass = 0

  /** True while there is a run, even if it has no ready task. */
  get hasRuns(): boolean {
    return this.queues.size > 0
  }

  /** True when no run has a ready task. */
  get isEmpty(): boolean {
    return this.filled.size === 0
  }

  /** How many tasks are ready. */
  get waiting(): number {
    let waiting = 0
    for (const queue of this.filled) waiting += queue.waiting
    return waiting
  }

  /** The queue that may start a task next; undefined when there is none. */
  next(): RunQueue | undefined {
    let next: RunQueue | undefined
    for (const queue of this.filled) if (!queue.isHeld && (next === undefined || queue.pass < next.pass)) next = queue
    return next
  }

  /** A task of this queue has started. */
  charge(queue: RunQueue): void {
    this.pass = queue.pass
    queue.charge()
  }

  onParkedChange(isParked: boolean): void {
    for (const queue of this.queues) queue.source.onParkedChange?.(isParked, queue)
  }
}
