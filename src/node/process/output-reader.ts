import { AgentError, type AgentReply, type Json, type Report, type ReportedUsage, reply } from 'counterpoint'
import { HeadBuffer, LineSplitter } from './byte-buffers.js'
import { failureOf, progressOf, usageIn } from './json-lines.js'
import type { Redact } from './launch.js'

/** Reads the standard output of an agent. */
export interface OutputReader {
  /** Reads the next bytes. Never holds more than the limit and 64 KiB. */
  append(chunk: Uint8Array): void
  /** Reads an unterminated last line. Called once, after the last byte. */
  end(): void
  /** The failure that the agent reported. Takes precedence over the exit code. */
  readonly failure: AgentError | undefined
  /** The usage that the agent reported so far. */
  readonly usage: ReportedUsage | undefined
  /**
   * The answer of an agent that exited with code 0.
   * @throws AgentError `incomplete-output` when there is no complete one.
   */
  answer(): TextOutput | Json | AgentReply
}

/** The output of a task whose agent writes plain text. It has this shape whether or not the text is complete. */
export type TextOutput = {
  /** Standard output, decoded as UTF-8: invalid bytes become U+FFFD. */
  readonly text: string
  /** True when the agent wrote more than `maxOutputBytes`: `text` is the beginning. */
  readonly outputTruncated: boolean
}

/** For `text`. */
export function textReader(maxBytes: number): OutputReader {
  return wholeReader(maxBytes, buffer => ({ text: buffer.text(), outputTruncated: buffer.overflowed }))
}

/** For `json`. */
export function jsonReader(maxBytes: number): OutputReader {
  return wholeReader(maxBytes, buffer => {
    if (buffer.overflowed) throw truncated(`one JSON value of at most ${maxBytes} bytes`)
    const value = parseJson(buffer.text())
    if (value === undefined)
      throw incomplete(`one JSON value on standard output, got ${buffer.length} bytes that are not valid JSON`)
    return value
  })
}

/** Makes the answer of all that the agent wrote, up to `maxBytes`. */
function wholeReader(
  maxBytes: number,
  answer: (buffer: HeadBuffer) => ReturnType<OutputReader['answer']>,
): OutputReader {
  const buffer = new HeadBuffer(maxBytes)
  return {
    append: chunk => buffer.append(chunk),
    end: () => {},
    failure: undefined,
    usage: undefined,
    answer: () => answer(buffer),
  }
}

/** For `jsonl`. */
export class JsonLinesReader implements OutputReader {
  failure: AgentError | undefined
  usage: ReportedUsage | undefined
  #output: { readonly value: Json } | undefined
  /** A line after the last answer was bad: it may have been the final answer. */
  #badLine: 'incomplete' | 'truncated' | undefined
  readonly #maxBytes: number
  readonly #lines: LineSplitter
  readonly #redact: Redact
  readonly #report: (report: Report) => void

  constructor(maxBytes: number, redact: Redact, report: (report: Report) => void) {
    this.#maxBytes = maxBytes
    this.#redact = redact
    this.#report = report
    this.#lines = new LineSplitter(maxBytes, {
      onLine: text => this.#readLine(text),
      onOverflow: () => {
        this.#badLine = 'truncated'
      },
    })
  }

  append(chunk: Uint8Array): void {
    this.#lines.append(chunk)
  }

  end(): void {
    const rest = this.#lines.rest()
    if (!this.#readLine(rest) && rest.trimStart().startsWith('{')) this.#badLine = 'incomplete'
  }

  answer(): AgentReply {
    const { usage } = this
    if (this.#badLine === 'truncated') throw truncated(`lines of at most ${this.#maxBytes} bytes`, usage)
    if (this.#badLine === 'incomplete') throw incomplete('a complete last line on standard output', usage)
    if (!this.#output) throw incomplete('a line with an "output" member on standard output, got none', usage)
    return reply({ output: this.#output.value, ...(usage && { usage }) })
  }

  /** False when the line is not a JSON object: agents and their tools print many other things. */
  #readLine(text: string): boolean {
    const line = text.trimStart().startsWith('{') ? (parseJson(text) as Record<string, Json> | undefined) : undefined
    if (line === undefined) return false
    this.usage = usageIn(line) ?? this.usage
    this.failure = failureOf(line.error, this.#redact, this.usage) ?? this.failure
    if (Object.hasOwn(line, 'output')) {
      this.#output = { value: line.output ?? null }
      this.#badLine = undefined
    } else if (this.failure === undefined) {
      const report = progressOf(line, this.#redact)
      if (report) this.#report(report)
    }
    return true
  }
}

function parseJson(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json
  } catch {
    return undefined
  }
}

function incomplete(expected: string, usage?: ReportedUsage): AgentError {
  const message = `The agent exited with code 0, but its answer is incomplete: expected ${expected}.`
  return new AgentError('incomplete-output', message, usage && { usage })
}

function truncated(expected: string, usage?: ReportedUsage): AgentError {
  const message = `The agent wrote too much: expected ${expected}. Raise maxOutputBytes, or make it write less.`
  return new AgentError('incomplete-output', message, { code: 'OUTPUT_TRUNCATED', ...(usage && { usage }) })
}
