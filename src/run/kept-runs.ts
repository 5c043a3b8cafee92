import type { Run } from './run.js'
import type { RunEngine } from './run-engine.js'

/** The runs that an orchestrator has: those that are live, and the latest that have settled. */
export class KeptRuns {
  /** Oldest first. */
  readonly runs: Map<string, Run> = new Map()
  readonly engines: Map<string, RunEngine> = new Map()
  readonly #settled: string[] = []
  readonly #retain: number

  /** `retain` is how many settled ones are kept; the oldest is released first. */
  constructor(retain: number) {
    this.#retain = retain
  }

  add(run: Run, engine: RunEngine): void {
    this.runs.set(run.id, run)
    this.engines.set(run.id, engine)
  }

  /** A run is over in this process. */
  ended(runId: string, settled: boolean): void {
    // It may have been released by a listener of its last event.
    if (!settled || !this.runs.has(runId)) return this.#forget(runId)
    this.#settled.push(runId)
    while (this.#settled.length > this.#retain) this.runs.get(this.#settled[0] as string)?.release()
  }

  /** Its host has let go of a settled run. */
  released(runId: string): void {
    this.#forget(runId)
    const place = this.#settled.indexOf(runId)
    if (place !== -1) this.#settled.splice(place, 1)
  }

  #forget(runId: string): void {
    this.runs.delete(runId)
    this.engines.delete(runId)
  }
}
