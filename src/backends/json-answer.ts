import * as z from 'zod'
import { type Json, NotJsonError } from '../core/json.js'
import { type BigIntegers, parseJson, withoutMark } from '../core/json-text.js'
import { once } from '../core/once.js'
import { isInstance } from '../core/read-member.js'
import { cutText } from '../core/text.js'
import { AgentError } from '../errors.js'
import { bigIntegersRule, checkOptions, fn, invalid as invalidArgument, optionsOf } from '../options-check.js'
import { findJson } from './extract-json.js'
import { scanValue } from './json-prefix.js'

/** How {@link parseAnswer} reads. */
export interface ParseAnswerOptions {
  /** Where the answer came from: the start of every message, such as `GET https://example.com/answer`. */
  readonly from: string
  /** Applied to what the failure shows of the answer. See `redactor`. */
  readonly redact: (text: string) => string
  /**
   * Also accepts an answer with more than JSON in it: exactly one fenced block of Markdown, whose content is JSON, or, without any fenced
   * block, exactly one JSON object or array in prose. Anything ambiguous is `invalid-output`. Default false.
   */
  readonly extractJson?: boolean | undefined
  /**
   * What is done with a number that would be rounded: an integer beyond 2^53 - 1, or a number beyond 1.8e308. `refuse`: the answer is
   * `invalid-output`. `text`: the number becomes a string, as it is written. Default `refuse`.
   */
  readonly bigIntegers?: BigIntegers | undefined
}

const optionsRule = once(() =>
  optionsOf({
    from: z.string(),
    redact: fn,
    extractJson: z.boolean().optional(),
    bigIntegers: bigIntegersRule().optional(),
  }),
)

/**
 * Reads the answer of an agent, which should be one JSON value: text, or UTF-8 bytes. The built-in backends read with it.
 *
 * @throws AgentError `incomplete-output` if it is empty or ends in the middle of the JSON, so that asking again may help; `invalid-output`
 * (`OUTPUT_NOT_JSON`) for anything else that is not JSON, and for a number that would be rounded, with the answer as its `output`, so that the agent can be asked to correct it.
 * @throws CounterpointError `INVALID_INPUT` for an answer that is neither text nor bytes, and for unknown or invalid options.
 */
export function parseAnswer(answer: string | Uint8Array, options: ParseAnswerOptions): Json {
  if (typeof answer !== 'string' && !isInstance(Uint8Array, answer))
    throw invalidArgument('answer', 'a text or a Uint8Array', answer)
  checkOptions(optionsRule(), options, { of: 'parseAnswer' })
  const json = readExactly(answer, options)
  if (json !== undefined) return json
  const text = textOf(answer)
  const found = judge(text, options.extractJson === true)
  if (typeof found === 'object') return readExactly(found.json, options) as Json
  throw found === 'cut' ? incomplete(text, options) : invalid(text, options)
}

/** Undefined when it is not JSON. @throws AgentError `invalid-output` when a number would be rounded. */
function readExactly(answer: string | Uint8Array, options: ParseAnswerOptions): Json | undefined {
  try {
    return parseJson(textOf(answer, true), options.bigIntegers) as Json
  } catch (error) {
    if (!(error instanceof NotJsonError)) return undefined
    const output = options.redact(textOf(answer))
    throw new AgentError('invalid-output', `${options.from}: ${error.message}`, { code: 'OUTPUT_NOT_JSON', output })
  }
}

/** Without a byte order mark. @throws TypeError if `strict`, and the answer is not UTF-8. */
function textOf(answer: string | Uint8Array, strict = false): string {
  return typeof answer === 'string' ? withoutMark(answer) : new TextDecoder('utf-8', { fatal: strict }).decode(answer)
}

/** What a text is that is not JSON as a whole. */
function judge(text: string, extracts: boolean): ReturnType<typeof findJson> {
  // `nul` or `12.` is a word or a number of the agent, rather than the beginning of an answer.
  if (/^\s*(?:["[{]|$)/.test(text) && scanValue(text).is === 'cut') return 'cut'
  return extracts ? findJson(text) : 'wrong'
}

function incomplete(text: string, { from }: ParseAnswerOptions): AgentError {
  return new AgentError('incomplete-output', `${from}: expected a complete JSON text, got ${sizeOf(text)}`)
}

function invalid(text: string, { from, redact, extractJson }: ParseAnswerOptions): AgentError {
  const output = redact(text)
  const expected = extractJson === true ? 'JSON, or text with exactly one JSON value in it' : 'JSON'
  const got = `${sizeOf(text)} that begin with ${JSON.stringify(cutText(output, 80))}`
  const advice =
    extractJson !== true && typeof findJson(text) === 'object'
      ? '; it contains JSON: set extractJson to accept that'
      : ''
  const message = `${from}: expected ${expected}, got ${got}${advice}`
  return new AgentError('invalid-output', message, { code: 'OUTPUT_NOT_JSON', output })
}

function sizeOf(text: string): string {
  return `${new TextEncoder().encode(text).length} bytes`
}
