import { systemClock } from 'counterpoint'
import type { Child } from './spawn.js'

/**
 * Why no more output is awaited. `closed`: the program has ended, and its output is closed. `cut`: it has ended, but another process holds
 * its output open. `answered`: it has answered, and does not end. `aborted`: the attempt was aborted.
 */
export type End = 'closed' | 'cut' | 'answered' | 'aborted'

/** How long what is waited for, in milliseconds. */
export interface EndTerms {
  /** Without output, after the program has ended. */
  readonly drainMs: number
  /** With output, after the program has ended. */
  readonly maxDrainMs: number
  /** Without output, after the answer. Undefined: without end. */
  readonly answerGraceMs: number | undefined
  /** True when what was written so far is a complete answer. */
  isAnswered(): boolean
  /** Called now and then while only we wait, so that no idle timeout takes the answer away. */
  onWait(): void
}

const WAIT_SIGN_MS = 50
/** A look at a long output takes a while: this many times as long passes before the next one. */
const LOOK_SPACING = 20

/** Finds the end of the output of a program. */
export class AttemptEnd {
  readonly reached: Promise<End>
  readonly #terms: EndTerms
  #exitedAt: number | undefined
  #isOver = false
  #finish: (end: End) => void = () => {}
  #cancelTimer = (): void => {}
  #cancelSign = (): void => {}
  /** How long the last look for an answer took, in milliseconds. */
  #lookMs = 0
  /** Counts the signs of life, to see one that came while a timer fired. */
  #signs = 0

  constructor(child: Child, signal: AbortSignal, terms: EndTerms) {
    this.#terms = terms
    this.reached = new Promise(resolve => {
      const finish = (end: End): void => {
        this.#isOver = true
        this.#cancelTimer()
        this.#cancelSign()
        signal.removeEventListener('abort', abort)
        resolve(end)
      }
      const abort = (): void => finish('aborted')
      this.#finish = finish
      child.once('exit', () => this.#onExit())
      child.once('close', () => finish('closed'))
      signal.addEventListener('abort', abort)
      if (signal.aborted) abort()
    })
  }

  /** The program, or one that it left behind, has written something that counts, or closed its standard output. */
  onOutput(): void {
    this.#signs++
    if (this.#isOver) return
    if (this.#exitedAt !== undefined) this.#drain(this.#exitedAt)
    else if (this.#terms.answerGraceMs !== undefined) this.#awaitEnd(this.#terms.answerGraceMs)
  }

  #onExit(): void {
    this.#exitedAt = performance.now()
    if (!this.#isOver) this.#drain(this.#exitedAt)
  }

  #drain(exitedAt: number): void {
    const { drainMs, maxDrainMs } = this.#terms
    const leftMs = exitedAt + maxDrainMs - performance.now()
    if (leftMs <= 0) return this.#finish('cut')
    this.#after(Math.min(drainMs, leftMs), () => this.#finish('cut'))
    this.#signWhile(() => true)
  }

  #awaitEnd(graceMs: number): void {
    const isAnswered = (): boolean => this.#isAnswered()
    this.#after(graceMs, () => isAnswered() && this.#finish('answered'))
    this.#signWhile(isAnswered, Math.max(WAIT_SIGN_MS, LOOK_SPACING * this.#lookMs))
  }

  #isAnswered(): boolean {
    const start = performance.now()
    const is = this.#terms.isAnswered()
    this.#lookMs = performance.now() - start
    return is
  }

  #after(ms: number, act: () => void): void {
    const signs = this.#signs
    this.#cancelTimer()
    // One turn after the timer: if our own event loop was blocked, output that was written in time is still unread.
    this.#cancelTimer = systemClock.schedule(
      () => setImmediate(() => signs === this.#signs && !this.#isOver && act()),
      ms,
    )
  }

  #signWhile(holds: () => boolean, afterMs = WAIT_SIGN_MS): void {
    this.#cancelSign()
    this.#cancelSign = systemClock.schedule(() => {
      if (!holds()) return
      this.#terms.onWait()
      this.#signWhile(() => true)
    }, afterMs)
  }
}
