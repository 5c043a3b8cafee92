import { systemClock } from 'counterpoint'
import { hasProc, listProcesses, type ProcessRow } from './process-table.js'

/** Between two looks at the processes: short after a program has started, because most of what it starts it starts soon. */
const FIRST_PAUSE_MS = 20
const LONGEST_PAUSE_MS = 2_000

/** Who is shown the processes of the machine from time to time. */
export interface Watched {
  /** When its first process started. */
  readonly since: number
  observe(rows: readonly ProcessRow[]): void
}

/**
 * Looks at the processes of the machine while programs run that have no control group: a child that leaves its session and drops its
 * environment is found only while its parent lives. One look serves all of them, and costs about a millisecond.
 */
class FamilyWatch {
  readonly #watched = new Set<Watched>()
  #pauseMs = FIRST_PAUSE_MS
  #cancel = (): void => {}

  add(watched: Watched): void {
    if (!hasProc) return
    this.#watched.add(watched)
    this.#pauseMs = FIRST_PAUSE_MS
    this.#schedule()
  }

  remove(watched: Watched): void {
    this.#watched.delete(watched)
    if (this.#watched.size === 0) this.#cancel()
  }

  #schedule(): void {
    this.#cancel()
    this.#cancel = systemClock.schedule(() => void this.#look(), this.#pauseMs)
    this.#pauseMs = Math.min(this.#pauseMs * 2, LONGEST_PAUSE_MS)
  }

  async #look(): Promise<void> {
    const since = Math.min(...[...this.#watched].map(each => each.since))
    // No free file handle: the next look may succeed.
    const table = await listProcesses(since).catch(() => undefined)
    for (const each of this.#watched) each.observe(table?.rows ?? [])
    if (this.#watched.size > 0) this.#schedule()
  }
}

/** The one of this process. */
export const familyWatch: FamilyWatch = new FamilyWatch()
