import type { RunState } from '../core/state/run-state.js'
import type { TaskSpec, TaskState } from '../core/state/task.js'
import type { TaskRouter } from '../distributor/task-router.js'
import type { CheckedPlan } from '../plan/check-plan.js'
import { type Admission, demandOf } from '../pools/admission.js'

/** Tasks that are to be admitted to their pools, all of them together. */
export interface AdmissionTicket {
  /** The tasks with their pools, once they are admitted. Rejects with NO_POOL or QUEUE_FULL. */
  readonly tasks: Promise<readonly TaskSpec[]>
  /** The same, if they are admitted already. */
  admitted(): readonly TaskSpec[] | undefined
  /** Withdraws the request. False when the tasks are admitted already. */
  withdraw(): boolean
  /** Withdraws the request, or gives back the room that the tasks took. */
  release(): void
}

/** Finds a pool for each task of a plan, then waits for room for all of them. */
export class PlanAdmission {
  readonly #router: TaskRouter
  readonly #admission: Admission
  readonly #whenFull: 'wait' | 'reject'

  constructor(router: TaskRouter, admission: Admission, whenFull: 'wait' | 'reject') {
    this.#router = router
    this.#admission = admission
    this.#whenFull = whenFull
  }

  /** @throws NO_POOL, QUEUE_FULL or INVALID_INPUT (no function, and no backend) when that is known at once; else `tasks` rejects. */
  request(plan: CheckedPlan): AdmissionTicket {
    const routed = this.#router.route(plan)
    if (!(routed instanceof Promise)) return this.#admit(routed)
    let ticket: AdmissionTicket | undefined
    let isWithdrawn = false
    const admitted = routed.then(found => {
      if (isWithdrawn) return found
      ticket = this.#admit(found)
      return ticket.tasks
    })
    admitted.catch(() => {})
    const withdraw = (): boolean => {
      isWithdrawn = true
      return ticket?.withdraw() ?? true
    }
    const release = (): void => void (withdraw() || ticket?.release())
    return { tasks: admitted, admitted: () => ticket?.admitted(), withdraw, release }
  }

  #admit(tasks: readonly TaskSpec[]): AdmissionTicket {
    if (!this.#admission.hasLimits)
      return { tasks: Promise.resolve(tasks), admitted: () => tasks, withdraw: () => false, release: () => {} }
    let resolve: (tasks: readonly TaskSpec[]) => void = () => {}
    const admitted = new Promise<readonly TaskSpec[]>(resolvePromise => {
      resolve = resolvePromise
    })
    let isAdmitted = false
    const cancelRequest = this.#admission.request(demandOf(tasks), this.#whenFull, () => {
      isAdmitted = true
      resolve(tasks)
    })
    const withdraw = (): boolean => {
      cancelRequest()
      return !isAdmitted
    }
    const release = (): void => {
      if (!withdraw()) for (const { pool = '' } of tasks) this.#admission.leave(pool)
    }
    return { tasks: admitted, admitted: () => (isAdmitted ? tasks : undefined), withdraw, release }
  }
}

/** Counts the tasks of a run towards the `queueLimit` of their pools, until they start or end. */
export class AdmissionCount {
  readonly #admission: Admission
  readonly #head: RunState
  readonly #admitted = new Set<number>()

  constructor(admission: Admission, head: RunState) {
    this.#admission = admission
    this.#head = head
  }

  /** A task was added to the run. A recovered one takes up room again if it has not started. */
  enter(index: number, recovered: boolean): void {
    const { pool } = this.#head.specs[index] as TaskSpec
    if (pool === undefined || !this.#admission.counts(pool)) return
    if (recovered) {
      const { status } = this.#head.states[index] as TaskState
      if ((status !== 'blocked' && status !== 'ready') || this.#head.tallies[index]?.attempts !== 0) return
      this.#admission.admit(new Map([[pool, 1]]))
    }
    this.#admitted.add(index)
  }

  /** The task has started or ended. Only the first call for a task counts. */
  leave(index: number): void {
    if (this.#admitted.delete(index)) this.#admission.leave((this.#head.specs[index] as TaskSpec).pool as string)
  }

  close(): void {
    for (const index of this.#admitted) this.leave(index)
  }
}

/** What `make` returns. If it throws, the room of the tasks is given back. */
export function releasedOnError<T>(ticket: AdmissionTicket, make: () => T): T {
  try {
    return make()
  } catch (error) {
    ticket.release()
    throw error
  }
}
