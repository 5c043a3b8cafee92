import {
  AgentError,
  type AgentReply,
  type Json,
  parseAnswer,
  type Report,
  type ReportedUsage,
  reply,
} from 'counterpoint'
import { HeadBuffer, LineSplitter } from './byte-buffers.js'
import { failureOf, isAgentLine, type Line, progressOf, usageIn } from './json-lines.js'
import type { Launch } from './launch.js'

/** Reads the standard output of an agent. */
export interface OutputReader {
  /** Reads the next bytes. Never holds more than the limit and 64 KiB. True if they may be a part of an answer. */
  append(chunk: Uint8Array): boolean
  /** Reads an unterminated last line. Called once, after the last byte. */
  end(): void
  /** The failure that the agent reported. Takes precedence over the exit code. */
  readonly failure: AgentError | undefined
  /** The usage that the agent reported so far. */
  readonly usage: ReportedUsage | undefined
  /**
   * True when what was read so far is an answer, or a failure, that is complete by itself. For `text` there is no such thing: anything may be.
   */
  isAnswered(): boolean
  /**
   * The answer of an agent that exited with code 0, or was ended after it had answered.
   *
   * @param isCut True when more might have followed.
   * @throws AgentError `incomplete-output` when there is none or it is cut, `invalid-output` when it is no JSON.
   */
  answer(isCut: boolean): TextOutput | Json | AgentReply
}

/** The output of a task whose agent writes plain text. It has this shape whether or not the text is complete. */
export type TextOutput = {
  /** Standard output, decoded as UTF-8: invalid bytes become U+FFFD. */
  readonly text: string
  /**
   * True when `text` may be only the beginning: the agent wrote more than `maxOutputBytes`, or another process still held standard output
   * open when reading ended (`drainMs`, `maxDrainMs`), or the agent had not ended (`answerGraceMs`).
   */
  readonly outputTruncated: boolean
}

/** How an answer in JSON is read. */
type ReaderOptions = Pick<Launch, 'maxOutputBytes' | 'redactAnswer' | 'extractJson' | 'bigIntegers'>

/** For `text`. */
export function textReader(maxBytes: number): OutputReader {
  return wholeReader(
    maxBytes,
    (buffer, isCut) => ({ text: buffer.text(), outputTruncated: buffer.overflowed || isCut }),
    buffer => buffer.length > 0,
  )
}

/** For `json`. */
export function jsonReader(options: ReaderOptions): OutputReader {
  const { maxOutputBytes, redactAnswer: redact, extractJson, bigIntegers } = options
  const answer = (buffer: HeadBuffer, isCut: boolean): Json => {
    if (buffer.overflowed) throw truncated(`one JSON value of at most ${maxOutputBytes} bytes`)
    const text = buffer.text()
    // Only the end of an object, an array or a string is certain: `1` may be the beginning of `12`.
    if (isCut && BARE_END.test(text)) throw cut()
    return parseAnswer(text, { from: 'standard output', redact, extractJson, bigIntegers })
  }
  return wholeReader(maxOutputBytes, answer, buffer => !buffer.overflowed && isReadable(() => answer(buffer, true)))
}

/** Makes the answer of all that the agent wrote, up to `maxBytes`. */
function wholeReader(
  maxBytes: number,
  answer: (buffer: HeadBuffer, isCut: boolean) => ReturnType<OutputReader['answer']>,
  isAnswered: (buffer: HeadBuffer) => boolean,
): OutputReader {
  const buffer = new HeadBuffer(maxBytes)
  return {
    append: chunk => {
      buffer.append(chunk)
      return chunk.some(byte => byte > SPACE)
    },
    isAnswered: () => isAnswered(buffer),
    end: () => {},
    failure: undefined,
    usage: undefined,
    answer: isCut => answer(buffer, isCut),
  }
}

/** For `jsonl`. */
export class JsonLinesReader implements OutputReader {
  failure: AgentError | undefined
  usage: ReportedUsage | undefined
  /** Of a line of the agent, if there is one: other programs print lines with an `output` or a `usage`, too. */
  #output: { readonly value: Json; readonly isOfAgent: boolean } | undefined
  #hasUsageOfAgent = false
  /** What was wrong with a line after the last answer: it may have been the final answer. */
  #badLine: AgentError | undefined
  /** What was wrong with a line that looks like an answer in another format. Counts if there is no answer. */
  #lookalike: AgentError | undefined
  /** How many lines were of the agent. */
  #understood = 0
  readonly #lines: LineSplitter
  readonly #options: ReaderOptions
  readonly #report: (report: Report) => void

  constructor(options: ReaderOptions, report: (report: Report) => void) {
    const { maxOutputBytes } = options
    this.#options = options
    this.#report = report
    this.#lines = new LineSplitter(maxOutputBytes, {
      onLine: text => this.#readLine(text),
      onOverflow: () => {
        this.#badLine = truncated(`lines of at most ${maxOutputBytes} bytes`)
      },
    })
  }

  append(chunk: Uint8Array): boolean {
    const before = this.#understood
    this.#lines.append(chunk)
    // The last line may have no newline.
    return this.#understood > before || chunk.at(-1) !== NEWLINE
  }

  isAnswered(): boolean {
    const rest = this.#lines.rest().trim()
    const last = rest.startsWith('{') && rest.endsWith('}') ? parseLine(rest) : undefined
    if (last && failureOf(last, this.#options.redactAnswer, undefined)) return true
    if (rest.startsWith('{')) return last !== undefined && Object.hasOwn(last, 'output')
    if (this.#badLine) return this.#badLine.kind === 'invalid-output'
    return this.failure !== undefined || this.#output !== undefined
  }

  end(): void {
    const rest = this.#lines.rest()
    if (this.#readLine(rest) || !rest.trimStart().startsWith('{')) return
    const problem = this.#problemOf(rest, 'the last line')
    if (problem?.kind === 'incomplete-output') this.#badLine = problem
  }

  answer(): AgentReply {
    const { usage } = this
    if (this.#badLine !== undefined) throw withUsage(this.#badLine, usage)
    if (this.#output === undefined) throw withUsage(this.#lookalike ?? noAnswer(), usage)
    return reply({ output: this.#output.value, ...(usage && { usage }) })
  }

  /** False when the line is not a JSON object: agents and their tools print many other things. */
  #readLine(text: string): boolean {
    const line = text.trimStart().startsWith('{') ? parseLine(text) : undefined
    if (line === undefined) {
      this.#noteLookalike(text)
      return false
    }
    const isOfAgent = isAgentLine(line)
    const usage = isOfAgent || !this.#hasUsageOfAgent ? usageIn(line) : undefined
    if (usage) {
      this.usage = usage
      this.#hasUsageOfAgent = isOfAgent
    }
    const failure = failureOf(line, this.#options.redactAnswer, this.usage)
    this.failure = failure ?? this.failure
    if (Object.hasOwn(line, 'output') && (isOfAgent || !this.#output?.isOfAgent)) {
      this.#understood++
      this.#badLine = this.#problemOf(text, 'a line', ({ output }) => {
        this.#output = { value: output ?? null, isOfAgent }
      })
    } else if (this.failure === undefined) {
      const report = progressOf(line, usage, this.#options.redactAnswer)
      if (!report) return true
      this.#understood++
      this.#report(report)
    } else if (failure) {
      this.#understood++
    }
    return true
  }

  #noteLookalike(text: string): void {
    if (!LOOKS_LIKE_ANSWER.test(text)) return
    const problem = this.#problemOf(text)
    if (BEGINS_ANSWER.test(text)) this.#badLine = problem
    else this.#lookalike = problem
  }

  /** What is wrong with a line that is not JSON, or has numbers that would be rounded. */
  #problemOf(text: string, which = 'a line', onLine?: (line: Line) => void): AgentError | undefined {
    const { redactAnswer: redact, bigIntegers } = this.#options
    try {
      const line = parseAnswer(text, { from: `${which} of standard output`, redact, bigIntegers })
      onLine?.(line as Line)
      return undefined
    } catch (error) {
      return error as AgentError
    }
  }
}

const BEGINS_ANSWER = /^\s*\{\s*"output"\s*:/
const LOOKS_LIKE_ANSWER = /\boutput["']?\s*:/

function parseLine(text: string): Line | undefined {
  try {
    return JSON.parse(text) as Line
  } catch {
    return undefined
  }
}

const SPACE = 0x20
const NEWLINE = 10
const BARE_END = /[\w.+-]$/

function isReadable(read: () => unknown): boolean {
  try {
    read()
    return true
  } catch {
    return false
  }
}

function cut(): AgentError {
  const message = 'standard output: expected all of the answer, but another process still held it open; raise drainMs'
  return new AgentError('incomplete-output', message)
}

function noAnswer(): AgentError {
  const message = 'standard output: expected a line of JSON with an "output" member, got none'
  return new AgentError('incomplete-output', message)
}

function withUsage({ kind, message, code, output }: AgentError, usage: ReportedUsage | undefined): AgentError {
  return new AgentError(kind, message, { code, output, usage })
}

function truncated(expected: string): AgentError {
  const message = `The agent wrote too much: expected ${expected}. Raise maxOutputBytes, or make it write less.`
  return new AgentError('incomplete-output', message, { code: 'OUTPUT_TRUNCATED' })
}
