import type { RunEngine } from './run-engine.js'

/** What {@link drainRuns} works with. */
export interface DrainOptions {
  /** The runs in this process, by id. Those that are being resumed are added later. */
  readonly engines: ReadonlyMap<string, RunEngine>
  readonly resuming: ReadonlyMap<string, Promise<unknown>>
  readonly timeoutMs: number
  /** Closes what the runs share. */
  close(): Promise<unknown>
}

/**
 * Drains every run, at once: calls of the host that are made later take effect after it. Resolves when each has settled or is suspended, and
 * everything is closed. Rejects then with the error of the first run that has failed meanwhile.
 */
export async function drainRuns({ engines, resuming, timeoutMs, close }: DrainOptions): Promise<void> {
  const draining = new Map<RunEngine, Promise<void>>()
  const drainAll = (): Promise<unknown> => {
    for (const engine of engines.values()) if (!draining.has(engine)) draining.set(engine, engine.drain(timeoutMs))
    return Promise.allSettled(draining.values())
  }
  await Promise.all([drainAll(), Promise.allSettled(resuming.values())])
  await drainAll()
  await Promise.all([...draining.keys()].map(engine => engine.journalClosed))
  await close()
  await Promise.all(draining.values())
}
