import { constants } from 'node:os'

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
/** One Ctrl-C may reach us twice: from the terminal, and passed on by npm. */
const SAME_KEY_MS = 300

/** What ends the program before its time: the first signal stops the run in good order, a second one is obeyed at once. */
export class Stop {
  /** 128 and the number of the signal that came. */
  exitCode: number | undefined
  readonly #controller = new AbortController()
  #since = 0

  constructor() {
    for (const signal of SIGNALS) process.on(signal, () => this.#obey(signal))
  }

  /** For the run. */
  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** Stops the run. */
  because(reason: string): void {
    this.#controller.abort(new Error(reason))
  }

  #obey(signal: (typeof SIGNALS)[number]): void {
    const exitCode = 128 + constants.signals[signal]
    // Agents that are left are killed when the process exits.
    if (this.exitCode !== undefined && performance.now() - this.#since > SAME_KEY_MS) process.exit(exitCode)
    if (this.exitCode !== undefined) return
    this.exitCode = exitCode
    this.#since = performance.now()
    this.because(signal === 'SIGINT' ? 'stopped with Ctrl-C' : `stopped by ${signal}`)
  }
}
