import { type Clock, delayUntil } from '../../clock.js'

/** Notified when a deadline has passed. */
export interface DeadlineListener {
  onDeadline(): void
}

/** A pending timeout. */
export interface Deadline {
  /** In milliseconds of the monotonic clock. */
  readonly dueAt: number
  readonly listener: DeadlineListener
  readonly list: DeadlineList
}

/** The deadlines of one duration, in the order in which they were added, which is the order in which they expire. */
interface DeadlineList {
  readonly durationMs: number
  readonly deadlines: Set<Deadline>
  cancelTimer: (() => void) | undefined
}

/**
 * Timeouts of which nearly all are cancelled. There is one list and one timer per duration: adding and removing a deadline touches no
 * timer (a timer per attempt would cost more than the rest of the attempt; decision 007).
 * Invariant: a list that is not empty has a timer that fires no later than its first deadline.
 */
export class Deadlines {
  readonly #clock: Clock
  readonly #lists = new Map<number, DeadlineList>()
  #size = 0
  #cancelSweep: (() => void) | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  add(durationMs: number, listener: DeadlineListener): Deadline {
    const list = this.#listOf(durationMs)
    const deadline = { dueAt: this.#clock.monotonic() + durationMs, listener, list }
    list.deadlines.add(deadline)
    this.#size++
    if (list.cancelTimer === undefined) this.#startTimer(list, durationMs)
    return deadline
  }

  /** False when the deadline is not pending. */
  remove(deadline: Deadline | undefined): boolean {
    if (deadline === undefined || !deadline.list.deadlines.delete(deadline)) return false
    this.#size--
    // Without a deadline no timer may keep the process alive. In a chain of tasks the next deadline follows at once: look again later.
    if (this.#size === 0) this.#cancelSweep ??= this.#clock.schedule(this.#sweep, 0)
    return true
  }

  /** Cancels all deadlines and timers. */
  close(): void {
    this.#cancelSweep?.()
    this.#cancelSweep = undefined
    for (const list of this.#lists.values()) list.cancelTimer?.()
    this.#lists.clear()
  }

  #listOf(durationMs: number): DeadlineList {
    let list = this.#lists.get(durationMs)
    if (list === undefined) {
      list = { durationMs, deadlines: new Set(), cancelTimer: undefined }
      this.#lists.set(durationMs, list)
    }
    return list
  }

  readonly #sweep = (): void => {
    this.#cancelSweep = undefined
    if (this.#size === 0) this.close()
  }

  #startTimer(list: DeadlineList, delayMs: number): void {
    list.cancelTimer = this.#clock.schedule(() => this.#expireDue(list), delayMs)
  }

  #expireDue(list: DeadlineList): void {
    list.cancelTimer = undefined
    const now = this.#clock.monotonic()
    for (const deadline of list.deadlines) {
      if (deadline.dueAt > now) {
        // A callback may have added a deadline, which starts the timer.
        if (list.cancelTimer === undefined) this.#startTimer(list, delayUntil(deadline.dueAt, now))
        return
      }
      this.remove(deadline)
      deadline.listener.onDeadline()
    }
    this.#lists.delete(list.durationMs)
  }
}

/** The longest time without a report from one attempt. */
export class IdleTimeout {
  readonly #deadlines: Deadlines
  readonly #idleMs: number
  readonly #listener: DeadlineListener
  #deadline: Deadline
  #isPaused = false

  constructor(deadlines: Deadlines, idleMs: number, listener: DeadlineListener) {
    this.#deadlines = deadlines
    this.#idleMs = idleMs
    this.#listener = listener
    this.#deadline = deadlines.add(idleMs, listener)
  }

  /** The agent reported something. Does nothing once the timeout has expired or been stopped. */
  restart(): void {
    if (this.#deadlines.remove(this.#deadline)) this.#deadline = this.#deadlines.add(this.#idleMs, this.#listener)
  }

  /** It is not the agent that is being waited for. */
  pause(): void {
    if (this.#deadlines.remove(this.#deadline)) this.#isPaused = true
  }

  /** Starts again after `pause`. Does nothing once it has expired or been stopped. */
  resume(): void {
    if (this.#isPaused) this.#deadline = this.#deadlines.add(this.#idleMs, this.#listener)
    this.#isPaused = false
  }

  stop(): void {
    this.#isPaused = false
    this.#deadlines.remove(this.#deadline)
  }
}
