/** Who wants to know how a promise settled. */
export interface Asker {
  answered(answer: unknown): void
  threw(error: unknown): void
}

/**
 * Hears how promises settle, each for one who asked. Two functions are needed for that, and making them for every attempt costs more than
 * the attempt: an ear has them, and is used again.
 * Invariant: a promise settles once, so an ear is free when it has heard; one whose promise never settles is not used again.
 */
export class Answers {
  readonly #free: Ear[] = []

  /** `answer` must be a promise of the platform: of what else has a `then`, nobody knows how often it calls back. */
  hear(answer: Promise<unknown>, asker: Asker): void {
    const ear = this.#free.pop() ?? new Ear(this.#free)
    ear.asker = asker
    answer.then(ear.answered, ear.threw)
  }
}

class Ear {
  asker: Asker | undefined
  readonly answered: (answer: unknown) => void
  readonly threw: (error: unknown) => void

  constructor(free: Ear[]) {
    const settled = (): Asker | undefined => {
      const { asker } = this
      this.asker = undefined
      free.push(this)
      return asker
    }
    this.answered = answer => settled()?.answered(answer)
    this.threw = error => settled()?.threw(error)
  }
}
