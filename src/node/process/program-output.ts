import type { OutputTails, Report } from 'counterpoint'
import { TailBuffer } from './byte-buffers.js'
import type { Launch } from './launch.js'
import { JsonLinesReader, jsonReader, type OutputReader, textReader } from './output-reader.js'

/** The most bytes of the end of each stream that are kept for the record of the attempt. */
const TAIL_BYTES = 8 * 1024
/** Output is reported as a sign of life at most this often, in milliseconds: an idle timeout may fire that much too early. */
const HEARTBEAT_MS = 50

/** What a program has written: its answer, and the ends of both streams. Reports it as a sign of life. */
export class ProgramOutput {
  readonly reader: OutputReader
  readonly #launch: Launch
  readonly #report: (report: Report) => void
  readonly #stdout = new TailBuffer(TAIL_BYTES)
  readonly #stderr = new TailBuffer(TAIL_BYTES)
  #lastReportAt = Number.NEGATIVE_INFINITY
  #isFrozen = false

  constructor(launch: Launch, report: (report: Report) => void) {
    this.#launch = launch
    this.#report = report
    this.reader = readerFor(launch, each => this.#send(each))
  }

  /** True when it may be a part of the answer: the agent has not finished. */
  append(stream: 'stdout' | 'stderr', chunk: Uint8Array): boolean {
    const tail = stream === 'stdout' ? this.#stdout : this.#stderr
    tail.append(chunk)
    const counts = stream === 'stdout' && !this.#isFrozen && this.reader.append(chunk)
    this.giveSign()
    return counts
  }

  giveSign(): void {
    if (performance.now() - this.#lastReportAt >= HEARTBEAT_MS) this.#send({})
  }

  /** The answer is complete: what the program writes while it is ended does not change it. */
  freeze(): void {
    this.reader.end()
    this.#isFrozen = true
  }

  /** The ends of what it wrote, redacted. */
  tails(): OutputTails {
    const stdout = this.#textOf(this.#stdout)
    const stderr = this.#textOf(this.#stderr)
    return { ...(stdout !== '' && { stdout }), ...(stderr !== '' && { stderr }) }
  }

  #textOf(tail: TailBuffer): string {
    return this.#launch.redact(tail.text(), tail.overflowed ? 'start' : undefined)
  }

  #send(report: Report): void {
    this.#lastReportAt = performance.now()
    this.#report(report)
  }
}

function readerFor(launch: Launch, report: (report: Report) => void): OutputReader {
  if (launch.output === 'text') return textReader(launch.maxOutputBytes)
  return launch.output === 'json' ? jsonReader(launch) : new JsonLinesReader(launch, report)
}
