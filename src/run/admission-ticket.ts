import type { TaskSpec } from '../core/state/task.js'
import type { TaskRouter } from '../distributor/task-router.js'
import type { Admission } from '../pools/admission.js'
import { demandOf } from '../pools/admission.js'

/** Tasks on their way into a run. */
export interface AdmissionTicket {
  /** With their pools, once there is room. */
  readonly tasks: Promise<readonly TaskSpec[]>
  /** The same, if they are inside already. */
  entered(): readonly TaskSpec[] | undefined
  /** True when they had not entered yet: then they never will. */
  giveUp(): boolean
  /** Gives up, or gives the places back that were taken. */
  leave(): void
}

/** How tasks come in: a pool is found for each, then they wait for room together. */
export class PlanAdmission {
  readonly #intake: TaskRouter
  readonly #admission: Admission
  readonly #whenFull: 'wait' | 'reject'

  constructor(intake: TaskRouter, admission: Admission, whenFull: 'wait' | 'reject') {
    this.#intake = intake
    this.#admission = admission
    this.#whenFull = whenFull
  }

  /** What can be known at once is thrown at once (NO_POOL, QUEUE_FULL); else `tasks` rejects with it. */
  request(tasks: readonly TaskSpec[]): AdmissionTicket {
    const routed = this.#intake.route(tasks)
    if (!(routed instanceof Promise)) return this.#admit(routed)
    let way: AdmissionTicket | undefined
    let gone = false
    const entered = routed.then(found => {
      if (gone) return found
      way = this.#admit(found)
      return way.tasks
    })
    entered.catch(() => {})
    const giveUp = (): boolean => {
      gone = true
      return way?.giveUp() ?? true
    }
    return { tasks: entered, entered: () => way?.entered(), giveUp, leave: () => void (giveUp() || way?.leave()) }
  }

  #admit(tasks: readonly TaskSpec[]): AdmissionTicket {
    if (!this.#admission.limited)
      return { tasks: Promise.resolve(tasks), entered: () => tasks, giveUp: () => false, leave: () => {} }
    let resolve: (tasks: readonly TaskSpec[]) => void = () => {}
    const entered = new Promise<readonly TaskSpec[]>(done => {
      resolve = done
    })
    let inside = false
    const enter = (): void => {
      inside = true
      resolve(tasks)
    }
    const leaveQueue = this.#admission.request(demandOf(tasks), this.#whenFull, enter)
    const giveUp = (): boolean => {
      leaveQueue()
      return !inside
    }
    const leave = (): void => {
      if (!giveUp()) for (const { pool = '' } of tasks) this.#admission.leave(pool)
    }
    return { tasks: entered, entered: () => (inside ? tasks : undefined), giveUp, leave }
  }
}
