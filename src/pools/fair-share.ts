import type { RunQueue } from './run-queue.js'

/**
 * The runs of a pool, and which of them is next: stride scheduling (Waldspurger and Weihl, MIT/LCS/TM-528, 1995). Fairness between runs
 * comes first, priorities only count within a run.
 */
export class FairShare {
  /** One for each live run, also while it has no ready task. */
  readonly queues: Set<RunQueue> = new Set()
  /** Those with ready tasks, in the order in which they got one: a pool may have thousands of runs that wait for something else. */
  readonly #filled: RunQueue[] = []
  /** The pass of the queue that was charged last. */
  pass = 0

  /** True while there is a run, even if it has no ready task. */
  get hasRuns(): boolean {
    return this.queues.size > 0
  }

  /** True when no run has a ready task. */
  get isEmpty(): boolean {
    return this.#filled.length === 0
  }

  /** How many tasks are ready. */
  get waiting(): number {
    let waiting = 0
    for (const queue of this.#filled) waiting += queue.waiting
    return waiting
  }

  /** The queue that may start a task next; undefined when there is none. */
  next(): RunQueue | undefined {
    let next: RunQueue | undefined
    for (const queue of this.#filled) if (!queue.isHeld && (next === undefined || queue.pass < next.pass)) next = queue
    return next
  }

  /** The queue got its first ready task. */
  add(queue: RunQueue): void {
    this.#filled.push(queue)
  }

  /** The queue has no ready task any more. */
  remove(queue: RunQueue): void {
    const position = this.#filled.indexOf(queue)
    if (position !== -1) this.#filled.splice(position, 1)
  }

  /** The run has gone. */
  close(queue: RunQueue): void {
    this.queues.delete(queue)
    this.remove(queue)
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
