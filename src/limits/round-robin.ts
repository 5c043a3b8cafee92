/** A pool that shares capacity with others. */
export interface RoundRobinMember {
  /** Starts one attempt. Returns false when there is nothing to start, or no slot for it. */
  startOne(): boolean
}

/**
 * Round-robin: the first member in the queue starts one attempt and moves to the end. A member with nothing to start leaves the queue.
 * Invariant: a member that finds no capacity stays first, and no other member starts an attempt before it.
 */
export class RoundRobin {
  #queue: RoundRobinMember[] = []
  #isServing = false
  #isBlocked = false

  /** True when a member waits for capacity, or is being served. */
  get hasWaiting(): boolean {
    return this.#queue.length > 0 || this.#isServing
  }

  /** The member may have something to start, after the next `serve`. */
  enqueue(member: RoundRobinMember): void {
    if (!this.#queue.includes(member)) this.#queue.push(member)
  }

  /** The member has nothing to start any more. */
  remove(member: RoundRobinMember): void {
    this.#queue = this.#queue.filter(other => other !== member)
  }

  /** Called from within `startOne`: there is no capacity. */
  block(): void {
    this.#isBlocked = true
  }

  /** Starts attempts until there is no capacity or nothing to start. A call from within `startOne` returns at once: the outer loop continues. */
  serve(): void {
    if (this.#isServing) return
    this.#isServing = true
    this.#isBlocked = false
    try {
      for (let member = this.#queue.shift(); member !== undefined; member = this.#queue.shift()) {
        const hasStarted = member.startOne()
        if (this.#isBlocked) {
          this.remove(member)
          this.#queue.unshift(member)
          return
        }
        if (hasStarted && !this.#queue.includes(member)) this.#queue.push(member)
      }
    } finally {
      this.#isServing = false
    }
  }
}
