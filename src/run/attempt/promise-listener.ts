/** Who wants to know how a promise settled. */
export interface PromiseReceiver {
  answered(answer: unknown): void
  threw(error: unknown): void
}

/** The one of the platform calls back once. A promise may have another, of its own. */
const { then } = Promise.prototype

/**
 * Hears how promises settle, each for one who asked. Two functions are needed for that, and making them for every attempt costs more than
 * the attempt: an ear has them, and is used again.
 * Invariant: a promise settles once, so an ear is free when it has heard; one whose promise never settles is not used again.
 */
export class PromiseListeners {
  readonly #free: PromiseListener[] = []

  /** A promise, or anything else, whatever its `then` does: one of the two is called, once, later. Throws what `answer` throws when it is looked at. */
  hear(answer: unknown, asker: PromiseReceiver): void {
    const said = Promise.resolve(answer)
    // BAD: to hear it with an ear that is used again. It may call back twice, and the second time somebody else listens.
    // GOOD: a promise of our own, which takes the first settlement only.
    const promise = said.then === then ? said : new Promise(settle => settle(said))
    const ear = this.#free.pop() ?? new PromiseListener(this.#free)
    ear.asker = asker
    promise.then(ear.answered, ear.threw)
  }
}

class PromiseListener {
  asker: PromiseReceiver | undefined
  readonly answered: (answer: unknown) => void
  readonly threw: (error: unknown) => void

  constructor(free: PromiseListener[]) {
    const settled = (): PromiseReceiver | undefined => {
      const { asker } = this
      this.asker = undefined
      free.push(this)
      return asker
    }
    this.answered = answer => settled()?.answered(answer)
    this.threw = error => settled()?.threw(error)
  }
}
