import type { CounterpointEvent } from 'counterpoint'

/** From when to when one process worked on a run, in milliseconds since 1970. */
interface Spell {
  readonly from: number
  /** Undefined while it goes on. */
  to: number | undefined
}

/**
 * How long processes worked on a run. The time in which none had it does not count: from its suspension, or from the last event
 * before a crash, until another one went on.
 */
export class WorkTime {
  readonly #spells: Spell[] = []
  #lastAt = 0

  /** To be told every event of the run, in order. */
  hear({ type, at }: CounterpointEvent): void {
    const current = this.#spells.at(-1)
    if (type === 'run.recovered' && current) current.to ??= this.#lastAt
    if (type === 'run.started' || type === 'run.recovered') this.#spells.push({ from: at, to: undefined })
    if ((type === 'run.suspended' || type === 'run.settled') && current) current.to = at
    this.#lastAt = at
  }

  /** How long they had worked by the time `at`, in milliseconds. */
  by(at: number): number {
    return this.#spells.reduce((sum, { from, to = at }) => sum + Math.max(0, Math.min(at, to) - from), 0)
  }

  /** How long they worked until the last event, in milliseconds. */
  get totalMs(): number {
    return this.by(this.#lastAt)
  }

  /** For each process but the first: how long others had worked before it, in milliseconds. */
  get seams(): readonly number[] {
    return this.#spells.slice(1).map(({ from }) => this.by(from))
  }

  /** How long it lay still before each process but the first, in milliseconds. */
  get pausesMs(): readonly number[] {
    return this.#spells.slice(1).map(({ from }, place) => from - (this.#spells[place]?.to ?? from))
  }
}
