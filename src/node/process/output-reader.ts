import { AgentError, type AgentReply, type Json, type Report, reply, type Usage } from 'counterpoint'
import { ByteStore, LineSplitter } from './byte-store.js'
import { agentFailure, progressOf, usageOf } from './json-lines.js'
import type { Redact } from './redact.js'

/** What a process backend makes of the standard output of an agent. */
export interface OutputReader {
  /** Takes the next bytes. Never holds more than its cap and 64 KiB. */
  take(chunk: Uint8Array): void
  /** To be called once, after the last byte: an unfinished last line is looked at. */
  end(): void
  /** What the agent itself says went wrong. It goes before the exit code. */
  readonly failure: AgentError | undefined
  /** What the agent says it has used so far. */
  readonly usage: Usage | undefined
  /**
   * The answer of an agent that ended well.
   * @throws AgentError `incomplete-output` when there is no whole one.
   */
  answer(): TextOutput | Json | AgentReply
}

/** The output of a task whose agent writes plain text. It has this shape whether or not the text is whole. */
export type TextOutput = {
  /** Standard output, decoded as UTF-8: bytes that are none become U+FFFD. */
  readonly text: string
  /** True when the agent wrote more than `maxOutputBytes`: `text` is the beginning. */
  readonly outputTruncated: boolean
}

/** Everything is the answer. */
export function textReader(maxBytes: number): OutputReader {
  const store = new ByteStore(maxBytes)
  return {
    take: chunk => store.append(chunk),
    end: () => {},
    failure: undefined,
    usage: undefined,
    answer: () => ({ text: store.text(), outputTruncated: store.overflowed }),
  }
}

/** Everything is one JSON value, and that is the answer. */
export function jsonReader(maxBytes: number): OutputReader {
  const store = new ByteStore(maxBytes)
  return {
    take: chunk => store.append(chunk),
    end: () => {},
    failure: undefined,
    usage: undefined,
    answer() {
      if (store.overflowed) throw truncated(`one JSON value of at most ${maxBytes} bytes`)
      const value = parseJson(store.text())
      if (value === undefined)
        throw cut(`one whole JSON value on standard output, got ${store.length} bytes that are none`)
      return value
    },
  }
}

/** Lines of JSON; see `ProcessOptions.output` for what they mean. */
export class JsonLinesReader implements OutputReader {
  failure: AgentError | undefined
  usage: Usage | undefined
  #output: { readonly value: Json } | undefined
  /** What is wrong with a line after the last answer: it could have been the one that counts. */
  #flaw: 'cut' | 'truncated' | undefined
  readonly #maxBytes: number
  readonly #lines: LineSplitter
  readonly #tell: Redact
  readonly #report: (report: Report) => void

  constructor(maxBytes: number, tell: Redact, report: (report: Report) => void) {
    this.#maxBytes = maxBytes
    this.#tell = tell
    this.#report = report
    this.#lines = new LineSplitter(maxBytes, {
      line: text => this.#line(text),
      tooLong: () => {
        this.#flaw = 'truncated'
      },
    })
  }

  take(chunk: Uint8Array): void {
    this.#lines.take(chunk)
  }

  end(): void {
    const rest = this.#lines.rest()
    if (!this.#line(rest) && rest.trimStart().startsWith('{')) this.#flaw = 'cut'
  }

  answer(): AgentReply {
    if (this.#flaw === 'truncated') throw truncated(`lines of at most ${this.#maxBytes} bytes`, this.usage)
    if (this.#flaw === 'cut') throw cut('a whole last line on standard output, got the beginning of one', this.usage)
    if (!this.#output) throw cut('a line with an "output" member on standard output, got none', this.usage)
    return reply({ output: this.#output.value, ...(this.usage && { usage: this.usage }) })
  }

  /** False when the line is no JSON object: agents and their tools write all sorts of things. */
  #line(text: string): boolean {
    const record = text.trimStart().startsWith('{') ? (parseJson(text) as Record<string, Json> | undefined) : undefined
    if (record === undefined) return false
    this.usage = usageOf(record.usage) ?? this.usage
    this.failure = agentFailure(record.error, this.#tell, this.usage) ?? this.failure
    if (Object.hasOwn(record, 'output')) this.#answered(record.output ?? null)
    else if (this.failure === undefined) this.#progressed(progressOf(record, this.#tell))
    return true
  }

  #answered(value: Json): void {
    this.#output = { value }
    this.#flaw = undefined
  }

  #progressed(report: Report | undefined): void {
    if (report !== undefined) this.#report(report)
  }
}

function parseJson(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json
  } catch {
    return undefined
  }
}

function cut(expected: string, usage?: Usage): AgentError {
  const message = `The agent ended with exit code 0, but its answer is cut: expected ${expected}. Try it again.`
  return new AgentError('incomplete-output', message, usage && { usage })
}

function truncated(expected: string, usage?: Usage): AgentError {
  const message = `The agent wrote more than is kept: expected ${expected}. Raise maxOutputBytes or let it write less.`
  return new AgentError('incomplete-output', message, { code: 'OUTPUT_TRUNCATED', ...(usage && { usage }) })
}
