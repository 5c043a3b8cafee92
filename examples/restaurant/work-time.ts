import type { CounterpointEvent } from 'counterpoint'

/** The time in which one process worked on a run, in milliseconds since 1970. */
interface Spell {
  readonly from: number
  /** Undefined while it continues. */
  to: number | undefined
}

/**
 * The working time of a run. Pauses do not count: from a suspension, or from the last event before a crash, until another process resumes
 * the run.
 */
export class WorkTime {
  readonly #spells: Spell[] = []
  #lastAt = 0

  /** Adds an event. Must be called with every event of the run, in order. */
  add({ type, at }: CounterpointEvent): void {
    const current = this.#spells.at(-1)
    if (type === 'run.recovered' && current) current.to ??= this.#lastAt
    if (type === 'run.started' || type === 'run.recovered') this.#spells.push({ from: at, to: undefined })
    if ((type === 'run.suspended' || type === 'run.settled') && current) current.to = at
    this.#lastAt = at
  }

  /** Working time until `at`, in milliseconds. */
  by(at: number): number {
    return this.#spells.reduce((sum, { from, to = at }) => sum + Math.max(0, Math.min(at, to) - from), 0)
  }

  /** Working time until the last event, in milliseconds. */
  get totalMs(): number {
    return this.by(this.#lastAt)
  }

  /** For each process but the first: the working time before it, in milliseconds. */
  get seams(): readonly number[] {
    return this.#spells.slice(1).map(({ from }) => this.by(from))
  }

  /** The pause before each process but the first, in milliseconds. */
  get pausesMs(): readonly number[] {
    return this.#spells.slice(1).map(({ from }, place) => from - (this.#spells[place]?.to ?? from))
  }
}
