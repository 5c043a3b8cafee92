import { constants } from 'node:os'

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
/** One Ctrl-C may arrive twice: from the terminal, and forwarded by npm. */
const SAME_KEY_MS = 300

/** How long running attempts may continue after a stop, in milliseconds: enough for the agents of the sample plan. */
export const FINISH_MS = 2_000

/** Handles SIGINT and SIGTERM: the first signal suspends the run, a second one exits at once. */
export class Stop {
  /** 128 plus the number of the signal. */
  exitCode: number | undefined
  readonly #controller = new AbortController()
  #since = 0

  constructor() {
    for (const signal of SIGNALS) process.on(signal, () => this.#obey(signal))
  }

  /** Aborted when the program should end; its reason is the message. */
  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** Requests the end of the program. */
  reason(reason: string): void {
    this.#controller.abort(new Error(reason))
  }

  #obey(signal: (typeof SIGNALS)[number]): void {
    const exitCode = 128 + constants.signals[signal]
    // Remaining agents are killed when the process exits; the journal of the run stays valid.
    if (this.exitCode !== undefined && performance.now() - this.#since > SAME_KEY_MS) process.exit(exitCode)
    if (this.exitCode !== undefined) return
    this.exitCode = exitCode
    this.#since = performance.now()
    this.reason(signal === 'SIGINT' ? 'stopped by Ctrl-C' : `stopped by ${signal}`)
  }
}
