import type { Clock } from '../clock.js'
import { once } from '../core/once.js'
import type { AddSignal, CancelSignal, Signal } from '../core/scheduler/signals.js'
import type { TaskSpec } from '../core/state/task.js'
import { type CheckedPlan, checkPlan } from '../plan/check-plan.js'
import type { PlanInput } from '../plan/plan-input.js'
import type { TaskGraph } from '../plan/task-graph.js'
import type { AdmissionTicket, PlanAdmission } from './admission-ticket.js'
import type { OnDurable } from './run-loop-options.js'
import { type StartOptions, startSignal } from './start-options.js'

/** What a {@link TaskIntake} works with. */
export interface TaskIntakeOptions {
  /** @throws INVALID_INPUT when the tasks do not fit into one record of the journal. */
  checkSize(tasks: readonly TaskSpec[]): void
  readonly planAdmission: PlanAdmission
  /** True for a task of the run. */
  hasTask(id: string): boolean
  /** Sends signals of which none is decided before all have been sent. */
  sendAll(signals: readonly QueuedCall[]): void
  /** Called before the signal is sent: its tasks come from this graph, with their functions and output schemas. */
  expectGraph(signal: AddSignal, graph: TaskGraph): void
  /** What a call is rejected with that comes too late; undefined while the run takes signals. */
  endError(): unknown
  /** The run could not start: it takes no signals. */
  onStartFailed(error: unknown): void
  /** Resolves when the run has ended. */
  readonly runEnded: Promise<undefined>
}

type QueuedCall = readonly [signal: Signal, onDurable?: OnDurable | undefined]

/** Tasks that are being added, until that is durable. */
interface Adding {
  /** How many they are. */
  readonly size: number
  /** Resolves when their signal has been sent, or never will be. Undefined once it has been. */
  waits: Promise<void> | undefined
}

/**
 * How a run gets its tasks, those that it starts with and those that are added while it is live, and how it gets the calls of the host.
 *
 * Invariant: calls take effect in the order in which they were made, also those made before the run has begun. Tasks that wait for a
 * classifier or for room in a pool are added later; of the other calls only those that name such a task wait for it.
 */
export class TaskIntake {
  readonly #options: TaskIntakeOptions
  /** The tasks that are being added, by id. */
  readonly #adding = new Map<string, Adding>()
  /** The calls made before the run has begun; undefined once it has. */
  #early: QueuedCall[] | undefined
  /** The tasks that the run will start with; made when the first call asks. */
  #planned: (() => ReadonlySet<string>) | undefined
  /** Ends the wait for admission of the tasks that the run starts with. Undefined unless they wait. */
  #stopWaiting: (() => void) | undefined

  constructor(options: TaskIntakeOptions) {
    this.#options = options
  }

  /** Starts with a plan, in the next microtask at the earliest, so that the caller of `run()` can add listeners first. */
  start(plan: CheckedPlan, options: StartOptions, ticket: AdmissionTicket): void {
    this.#early = []
    this.#planned = once(() => new Set(plan.tasks.map(({ id }) => id)))
    this.#start(plan, options, ticket).catch(error => {
      ticket.release()
      this.#options.onStartFailed(error)
      this.#sendEarly()
    })
  }

  /** Recovers a run from its journal, in the next turn of the event loop, so that the caller of `resume()` can add listeners first. */
  recover(clock: Clock): void {
    this.#early = []
    clock.schedule(() => this.#sendEarly([{ type: 'recover' }]), 0)
  }

  /** True while the tasks that the run starts with wait to be admitted. */
  get isStarting(): boolean {
    return this.#stopWaiting !== undefined
  }

  /** Resolves when what the signal says is durable, and rejects with what was found instead. */
  send(signal: Signal): Promise<void> {
    return new Promise((resolve, reject) =>
      this.forward(signal, refusal => (refusal === undefined ? resolve() : reject(refusal))),
    )
  }

  /** Sends a signal in its turn. */
  forward(signal: Signal, onDurable?: OnDurable): void {
    const waits = 'taskId' in signal ? this.#adding.get(signal.taskId as string)?.waits : undefined
    if (waits) void waits.then(() => this.forward(signal, onDurable))
    else if (this.#early === undefined) this.#options.sendAll([[signal, onDurable]])
    else {
      this.#early.push([signal, onDurable])
      if (isRunCancel(signal)) this.#stopWaiting?.()
    }
  }

  /** Adds tasks to the run. Sends them at once if it can: a listener that adds tasks to a run of instant agents must be in time. */
  async add(input: PlanInput): Promise<void> {
    // First: after a failed journal, tasks that are not durable must not be found here.
    if (this.#early === undefined) this.#checkOpen()
    const plan = checkPlan(input, undefined, id => this.#isKnown(id))
    if (plan.tasks.length === 0) return
    this.#options.checkSize(plan.tasks)
    const adding: Adding = { size: plan.tasks.length, waits: undefined }
    for (const { id } of plan.tasks) this.#adding.set(id, adding)
    try {
      await this.#add(plan, input, adding)
    } finally {
      this.#forget(plan, adding)
    }
  }

  async #start(plan: CheckedPlan, options: StartOptions, ticket: AdmissionTicket): Promise<void> {
    const stopped = new Promise<undefined>(resolve => {
      this.#stopWaiting = () => resolve(undefined)
    })
    const admitted = await Promise.race([ticket.tasks, stopped]).finally(() => {
      this.#stopWaiting = undefined
    })
    const early = this.#early ?? []
    if (early.some(([signal]) => isRunCancel(signal))) {
      const [first] = early[0] as QueuedCall
      // Cancelled before anything else: nothing of it becomes ready.
      const cancelled = isRunCancel(first) ? { cancelled: first.reason } : {}
      this.#begin({ ...startSignal(plan, options, ticket.force(plan.tasks)), ...cancelled }, plan, ticket)
    } else {
      const tasks = admitted ?? []
      const mode = options.chooseMode?.(tasks)
      this.#begin({ ...startSignal(plan, options, tasks), ...(mode && { mode }) }, plan, ticket)
    }
  }

  #begin(content: AddSignal, plan: CheckedPlan, ticket: AdmissionTicket): void {
    const onDurable: OnDurable = refusal => {
      if (refusal !== undefined) this.#giveBack(content.tasks, ticket)
    }
    this.#sendEarly([this.#bound(content, plan), onDurable])
  }

  /** The calls made so far are decided right after this one. */
  #sendEarly(...first: readonly QueuedCall[]): void {
    const early = this.#early ?? []
    this.#early = undefined
    this.#planned = undefined
    this.#options.sendAll([...first, ...early])
  }

  /** If the run does not take the tasks, their room is given back; if it does, they leave it one by one. */
  #giveBack([first]: readonly TaskSpec[], ticket: AdmissionTicket | undefined): void {
    if (first === undefined || !this.#options.hasTask(first.id)) ticket?.release()
  }

  async #add(plan: CheckedPlan, input: PlanInput, adding: Adding): Promise<void> {
    const { planAdmission, runEnded } = this.#options
    const doneWaiting = waitingFor(adding)
    let ticket: AdmissionTicket | undefined
    try {
      const earlier = this.#dependsOnWaiting(plan, adding)
      if (earlier.length > 0) {
        await Promise.all(earlier)
        // They may not have been added.
        checkPlan(input, undefined, id => this.#adding.get(id) !== adding && this.#isKnown(id))
      }
      ticket = planAdmission.request(plan)
      const tasks = ticket.admitted() ?? (await Promise.race([ticket.tasks, runEnded]))
      if (tasks === undefined) return this.#checkOpen()
      const added = this.send(this.#bound({ type: 'add', tasks }, plan))
      doneWaiting()
      await added
    } catch (error) {
      this.#giveBack(plan.tasks, ticket)
      // Before whatever waits for these tasks looks for them.
      this.#forget(plan, adding)
      throw error
    } finally {
      doneWaiting()
    }
  }

  #forget({ tasks }: CheckedPlan, adding: Adding): void {
    for (const { id } of tasks) if (this.#adding.get(id) === adding) this.#adding.delete(id)
  }

  /** When the tasks have been sent that wait to be added, and that these tasks depend on. */
  #dependsOnWaiting({ tasks }: CheckedPlan, adding: Adding): readonly Promise<void>[] {
    const waits = new Set<Promise<void>>()
    for (const { after = [], orderAfter = [], softAfter = [] } of this.#adding.size > adding.size ? tasks : [])
      for (const id of [...after, ...orderAfter, ...softAfter]) {
        const other = this.#adding.get(id)
        if (other !== undefined && other !== adding && other.waits) waits.add(other.waits)
      }
    return [...waits]
  }

  /** @throws what every later call is rejected with, when the run takes none. */
  #checkOpen(): void {
    const error = this.#options.endError()
    if (error !== undefined) throw error
  }

  #isKnown(id: string): boolean {
    return this.#options.hasTask(id) || this.#adding.has(id) || this.#planned?.().has(id) === true
  }

  #bound(content: AddSignal, { graph, tasks }: CheckedPlan): AddSignal {
    if (graph === undefined) return content
    const signal = { ...content, bound: graph.bound, ...(tasks !== content.tasks && { planned: tasks }) }
    this.#options.expectGraph(signal, graph)
    return signal
  }
}

/** From now on the tasks wait to be added, until the function is called that this gives. */
function waitingFor(adding: Adding): () => void {
  let resolveWaits: () => void = () => {}
  adding.waits = new Promise(resolve => {
    resolveWaits = resolve
  })
  return () => {
    adding.waits = undefined
    resolveWaits()
  }
}

function isRunCancel(signal: Signal): signal is CancelSignal {
  return signal.type === 'cancel' && signal.taskId === undefined
}
