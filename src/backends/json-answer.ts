import type { Json } from '../core/json.js'
import { cutText } from '../core/text.js'
import { AgentError } from '../errors.js'
import { findJson } from './extract-json.js'
import { scanValue } from './json-prefix.js'
import { readJson } from './safe-read.js'

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
}

/**
 * Reads the answer of an agent, which should be one JSON value: text, or UTF-8 bytes. The built-in backends read with it.
 *
 * @throws AgentError `incomplete-output` if it is empty or ends in the middle of the JSON, so that asking again may help; `invalid-output`
 * (`OUTPUT_NOT_JSON`) for anything else that is not JSON, with the answer as its `output`, so that the agent can be asked to correct it.
 */
export function parseAnswer(answer: string | Uint8Array, options: ParseAnswerOptions): Json {
  const json = readJson(answer)
  if (json !== undefined) return json as Json
  const text = typeof answer === 'string' ? answer : new TextDecoder().decode(answer)
  const found = judge(text, options.extractJson === true)
  if (typeof found === 'object') return readJson(found.json) as Json
  throw found === 'cut' ? incomplete(text, options) : invalid(text, options)
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
