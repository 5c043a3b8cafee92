/** Somebody who starts attempts when it is his turn. */
export interface RoundRobinMember {
  /** Starts one attempt, if it has a task and a slot for it and nothing refuses. False when it did not. */
  startOne(): boolean
}

/**
 * Takes turns: each who waits starts one attempt, then it goes to the end of the line. One who has nothing to start leaves the line.
 * Invariant: whoever is refused for want of room stays first, and nobody starts anything before it.
 */
export class RoundRobin {
  readonly #line: RoundRobinMember[] = []
  #serving = false
  #refused = false

  /** True when somebody waits for room. */
  get hasWaiting(): boolean {
    return this.#line.length > 0
  }

  /** `taker` may have something to start: in its turn. */
  enqueue(taker: RoundRobinMember): void {
    if (!this.#line.includes(taker)) this.#line.push(taker)
    this.serve()
  }

  /** `taker` has nothing to start any more. */
  remove(taker: RoundRobinMember): void {
    const place = this.#line.indexOf(taker)
    if (place !== -1) this.#line.splice(place, 1)
  }

  /** Who has the turn asked for room, and there is none. */
  keepTurn(): void {
    this.#refused = true
  }

  /** There may be room. Not re-entered: what a start sets off is met by this loop, not by a deeper call. */
  serve(): void {
    if (this.#serving) return
    this.#serving = true
    try {
      this.#refused = false
      for (
        let taker = this.#line.shift();
        taker !== undefined;
        taker = this.#refused ? undefined : this.#line.shift()
      ) {
        const goesOn = taker.startOne()
        if (this.#refused) this.#putBack(taker)
        else if (goesOn && !this.#line.includes(taker)) this.#line.push(taker)
      }
    } finally {
      this.#serving = false
    }
  }

  #putBack(taker: RoundRobinMember): void {
    this.remove(taker)
    this.#line.unshift(taker)
  }
}
