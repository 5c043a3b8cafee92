import { constants } from 'node:os'

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
/** One Ctrl-C may reach us twice: from the terminal, and passed on by npm. */
const SAME_KEY_MS = 300

/** How long what runs may go on after a stop, in milliseconds: enough for the agents of the story at their usual pace. */
export const FINISH_MS = 2_000

/** What ends the program before its time: the first signal suspends the run in good order, a second one is obeyed at once. */
export class Stop {
  /** 128 and the number of the signal that came. */
  exitCode: number | undefined
  readonly #controller = new AbortController()
  #since = 0

  constructor() {
    for (const signal of SIGNALS) process.on(signal, () => this.#obey(signal))
  }

  /** Aborted when the program is to end; its reason says why. */
  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** The program is to end. */
  reason(reason: string): void {
    this.#controller.abort(new Error(reason))
  }

  #obey(signal: (typeof SIGNALS)[number]): void {
    const exitCode = 128 + constants.signals[signal]
    // Agents that are left are killed when the process exits; the journal of the run stands as it is.
    if (this.exitCode !== undefined && performance.now() - this.#since > SAME_KEY_MS) process.exit(exitCode)
    if (this.exitCode !== undefined) return
    this.exitCode = exitCode
    this.#since = performance.now()
    this.reason(signal === 'SIGINT' ? 'stopped with Ctrl-C' : `stopped by ${signal}`)
  }
}
