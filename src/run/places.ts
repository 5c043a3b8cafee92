import type { RunState } from '../core/state/run-state.js'
import type { TaskSpec, TaskState } from '../core/state/task.js'
import type { Admission } from '../pools/admission.js'

/** The places that the tasks of a run hold in the admission of their pools, until they start or end. */
export class AdmissionCount {
  readonly #admission: Admission
  readonly #head: RunState
  readonly #inside = new Set<number>()

  constructor(admission: Admission, head: RunState) {
    this.#admission = admission
    this.#head = head
  }

  /** Task `index` came in; after a restart it takes its place again, if it has not started. */
  enter(index: number, recovered: boolean): void {
    const { pool } = this.#head.specs[index] as TaskSpec
    if (pool === undefined || !this.#admission.counts(pool)) return
    if (recovered) {
      const { status } = this.#head.states[index] as TaskState
      if ((status !== 'blocked' && status !== 'ready') || this.#head.tallies[index]?.attempts !== 0) return
      this.#admission.occupy(new Map([[pool, 1]]))
    }
    this.#inside.add(index)
  }

  /** Frees its place, once: it has started or ended. */
  leave(index: number): void {
    if (this.#inside.size > 0 && this.#inside.delete(index))
      this.#admission.leave((this.#head.specs[index] as TaskSpec).pool as string)
  }

  /** The run is over. */
  close(): void {
    for (const index of this.#inside) this.leave(index)
  }
}
