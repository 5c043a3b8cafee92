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
  /** Ends the wait: admits these tasks regardless of limits, unless they have been admitted. Returns what has been. */
  force(tasks: readonly TaskSpec[]): readonly TaskSpec[]
  /** Withdraws the request, or gives back the room that the tasks took. Further calls do nothing. */
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
    const ticket = new PoolTicket(this.#admission, this.#whenFull)
    const routed = this.#router.route(plan)
    if (routed instanceof Promise)
      routed.then(tasks => ticket.request(tasks)).catch((error: unknown) => ticket.refuse(error))
    else ticket.request(routed)
    return ticket
  }
}

class PoolTicket implements AdmissionTicket {
  readonly tasks: Promise<readonly TaskSpec[]>
  readonly #admission: Admission
  readonly #whenFull: 'wait' | 'reject'
  #admitted: readonly TaskSpec[] | undefined
  #isClosed = false
  #cancelRequest: () => void = () => {}
  #resolve: (tasks: readonly TaskSpec[]) => void = () => {}
  #reject: (error: unknown) => void = () => {}

  constructor(admission: Admission, whenFull: 'wait' | 'reject') {
    this.#admission = admission
    this.#whenFull = whenFull
    this.tasks = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    this.tasks.catch(() => {})
  }

  /** The pools of the tasks are known. @throws QUEUE_FULL when that is known at once. */
  request(tasks: readonly TaskSpec[]): void {
    if (this.#isClosed) return
    const onAdmit = (): void => {
      this.#admitted = tasks
      this.#resolve(tasks)
    }
    if (!this.#admission.hasLimits) return onAdmit()
    const request = { demand: demandOf(tasks), onAdmit, onRefuse: (error: unknown) => this.refuse(error) }
    this.#cancelRequest = this.#admission.request(request, this.#whenFull)
  }

  refuse(error: unknown): void {
    this.#reject(error)
  }

  admitted(): readonly TaskSpec[] | undefined {
    return this.#admitted
  }

  force(tasks: readonly TaskSpec[]): readonly TaskSpec[] {
    if (this.#admitted === undefined) {
      this.#close()
      this.#admission.admit(demandOf(tasks))
      this.#admitted = tasks
    }
    return this.#admitted
  }

  release(): void {
    this.#close()
    for (const { pool = '' } of this.#admitted ?? []) this.#admission.leave(pool)
    this.#admitted = undefined
  }

  #close(): void {
    this.#isClosed = true
    this.#cancelRequest()
  }
}

/** Counts the tasks of a run towards the `queueLimit` of their pools, until they start or end. */
export class AdmissionCount {
  readonly #admission: Admission
  readonly #head: RunState
  readonly #admitted = new Set<number>()
  readonly #unsubscribe: () => void

  constructor(admission: Admission, head: RunState) {
    this.#admission = admission
    this.#head = head
    this.#unsubscribe = admission.subscribe(pool => this.#enterAll(pool))
  }

  /** A task was added to the run. A recovered one takes up room again if it has not started. */
  enter(index: number, recovered: boolean): void {
    const { pool } = this.#head.specs[index] as TaskSpec
    if (pool === undefined || !this.#admission.counts(pool)) return
    if (recovered) this.#enterWaiting(index, pool)
    else this.#admitted.add(index)
  }

  /** The task has started or ended. Only the first call for a task counts. */
  leave(index: number): void {
    if (this.#admitted.delete(index)) this.#admission.leave((this.#head.specs[index] as TaskSpec).pool as string)
  }

  close(): void {
    this.#unsubscribe()
    for (const index of this.#admitted) this.leave(index)
  }

  #enterAll(pool: string): void {
    for (const [index, spec] of this.#head.specs.entries()) if (spec.pool === pool) this.#enterWaiting(index, pool)
  }

  /** Admits the task regardless of limits, unless it has started. */
  #enterWaiting(index: number, pool: string): void {
    const { status } = this.#head.states[index] as TaskState
    if ((status !== 'blocked' && status !== 'ready') || this.#head.tallies[index]?.attempts !== 0) return
    this.#admission.admit(new Map([[pool, 1]]))
    this.#admitted.add(index)
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
