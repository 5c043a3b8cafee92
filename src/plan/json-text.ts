import { memberPath } from '../core/json.js'
import { shorten } from '../error-text.js'
import { CounterpointError, type InputIssue } from '../errors.js'

/** Bounds of {@link readJsonText}. */
export interface JsonTextLimits {
  /** Longest text, in bytes of UTF-8. */
  readonly maxBytes: number
  /** Deepest nesting of arrays and objects: 1 allows `[1]`, but not `[[1]]`. */
  readonly maxDepth: number
}

/**
 * Reads one JSON text (RFC 8259) that may be hostile. A byte order mark is skipped.
 * Unlike `JSON.parse` alone it refuses what two readers could understand differently, and says where it stands.
 *
 * @throws CounterpointError `INVALID_INPUT` for too long or too deep a text, invalid UTF-8, a key that stands twice in one
 * object, and for what is no JSON (`NaN`, comments, a comma too many).
 */
export function readJsonText(source: string | Uint8Array, limits: JsonTextLimits): unknown {
  const text = typeof source === 'string' ? withinBytes(source, limits.maxBytes) : decode(source, limits.maxBytes)
  new Scanner(text, limits.maxDepth).scan()
  try {
    return JSON.parse(text)
  } catch (error) {
    // The scanner does not look into strings: left over are bad escapes and raw control characters.
    throw invalidInput([{ path: '$', message: `expected JSON: ${(error as Error).message}` }])
  }
}

/**
 * The error for input that is not as documented. Paths start with `$`, the input itself, which they lose here: `tasks[3].id`;
 * `$` alone becomes `plan`. `issues` must not be empty.
 */
export function invalidInput(issues: readonly InputIssue[]): CounterpointError<'INVALID_INPUT'> {
  const shown = issues.map(({ path, message }) => ({
    path: shorten(path.replace(/^\$\.?/, ''), 300) || 'plan',
    message,
  }))
  const more = shown.length > 1 ? ` (and ${shown.length - 1} more, see details.issues)` : ''
  return new CounterpointError('INVALID_INPUT', `${shown[0]!.path}: ${shown[0]!.message}${more}`, { issues: shown })
}

function withinBytes(text: string, maxBytes: number): string {
  // A UTF-16 unit is 1 to 3 bytes of UTF-8: mostly no counting is needed.
  const tooLong = text.length > maxBytes || (text.length * 3 > maxBytes && byteLength(text) > maxBytes)
  if (tooLong) throw tooManyBytes(text.length > maxBytes ? `at least ${text.length}` : `${byteLength(text)}`, maxBytes)
  return text.startsWith('\uFEFF') ? text.slice(1) : text
}

function decode(bytes: Uint8Array, maxBytes: number): string {
  if (bytes.length > maxBytes) throw tooManyBytes(`${bytes.length}`, maxBytes)
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    const message = `expected UTF-8, got a byte that cannot stand at offset ${firstBadByte(bytes)}; save the text as UTF-8`
    throw invalidInput([{ path: '$', message }])
  }
}

function tooManyBytes(got: string, maxBytes: number): CounterpointError {
  const message = `expected at most ${maxBytes} bytes, got ${got}; split it, or raise maxBytes`
  return invalidInput([{ path: '$', message }])
}

function byteLength(text: string): number {
  return new TextEncoder().encode(text).length
}

/** The decoder puts U+FFFD for what it cannot read. The first one that does not stand in the bytes as such is the place. */
function firstBadByte(bytes: Uint8Array): number {
  const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes)
  let offset = 0
  let from = 0
  for (let at = text.indexOf('\uFFFD'); at >= 0; at = text.indexOf('\uFFFD', from)) {
    offset += byteLength(text.slice(from, at))
    const real = bytes[offset] === 0xef && bytes[offset + 1] === 0xbf && bytes[offset + 2] === 0xbd
    if (!real) return offset
    offset += 3
    from = at + 1
  }
  return offset
}

const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d
const QUOTE = 0x22
const BACKSLASH = 0x5c
const COMMA = 0x2c
const COLON = 0x3a
const PUNCTUATION: readonly number[] = [OPEN_BRACE, CLOSE_BRACE, OPEN_BRACKET, CLOSE_BRACKET, QUOTE, COMMA, COLON]

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09
}

/** NaN is the code past the end of the text. */
function endsAtom(code: number): boolean {
  return Number.isNaN(code) || isSpace(code) || PUNCTUATION.includes(code)
}

/**
 * Walks the structure of a JSON text and makes no values: these `JSON.parse` makes, faster than a reader in JavaScript could.
 * Recursive, but never deeper than `maxDepth`.
 */
class Scanner {
  readonly #text: string
  readonly #maxDepth: number
  /** Where the scanner is: keys and list positions on the way down. */
  readonly #path: (string | number)[] = []
  #at = 0

  constructor(text: string, maxDepth: number) {
    this.#text = text
    this.#maxDepth = maxDepth
  }

  scan(): void {
    this.#value()
    this.#skipSpace()
    if (this.#at < this.#text.length) throw this.#unexpected('the end of the text')
  }

  #value(): void {
    const code = this.#skipSpace()
    if (code === QUOTE) this.#string()
    else if (code === OPEN_BRACE) this.#object()
    else if (code === OPEN_BRACKET) this.#list()
    else this.#atom()
  }

  #object(): void {
    this.#enter()
    const keys = new Set<string>()
    if (this.#skipSpace() !== CLOSE_BRACE) {
      do {
        this.#key(keys)
        if (this.#skipSpace() !== COLON) throw this.#unexpected('":" after a key')
        this.#at++
        this.#value()
        this.#path.pop()
      } while (this.#another(CLOSE_BRACE, '"," or "}"'))
    }
    this.#at++
  }

  #list(): void {
    this.#enter()
    let index = 0
    if (this.#skipSpace() !== CLOSE_BRACKET) {
      do {
        this.#path.push(index++)
        this.#value()
        this.#path.pop()
      } while (this.#another(CLOSE_BRACKET, '"," or "]"'))
    }
    this.#at++
  }

  #enter(): void {
    // Invariant: the path has one entry for each array or object that is open around this one.
    if (this.#path.length < this.#maxDepth) this.#at++
    else throw this.#error(`nested deeper than ${this.#maxDepth} levels`)
  }

  #key(keys: Set<string>): void {
    if (this.#skipSpace() !== QUOTE) throw this.#unexpected('a key in double quotes')
    const start = this.#at
    this.#string()
    const inside = this.#text.slice(start + 1, this.#at - 1)
    // "\u0061" and "a" are one key.
    const key = inside.includes('\\') ? (this.#parse(start, 'a key with valid escapes') as string) : inside
    if (keys.has(key)) throw this.#error(`the key "${shorten(key)}" stands twice in one object; keep one of the two`)
    keys.add(key)
    this.#path.push(key)
  }

  /** After a member: true when a comma says that there is another. */
  #another(close: number, expected: string): boolean {
    const code = this.#skipSpace()
    if (code === close) return false
    if (code !== COMMA) throw this.#unexpected(expected)
    this.#at++
    return true
  }

  #string(): void {
    let end = this.#text.indexOf('"', this.#at + 1)
    while (end > 0 && this.#isEscaped(end)) end = this.#text.indexOf('"', end + 1)
    if (end < 0) throw this.#unexpected('a string with a double quote at its end')
    this.#at = end + 1
  }

  /** True when an odd number of backslashes stands before `at`. */
  #isEscaped(at: number): boolean {
    let before = at - 1
    while (this.#text.charCodeAt(before) === BACKSLASH) before--
    return (at - before) % 2 === 0
  }

  /** A number, `true`, `false` or `null`: what goes on to the next white space or punctuation. */
  #atom(): void {
    const start = this.#at
    while (!endsAtom(this.#text.charCodeAt(this.#at))) this.#at++
    this.#parse(start, 'a JSON value')
  }

  #parse(start: number, expected: string): unknown {
    try {
      return JSON.parse(this.#text.slice(start, this.#at))
    } catch {
      this.#at = start
      throw this.#unexpected(expected)
    }
  }

  /** Gives the code of the next character that is no white space, NaN at the end. */
  #skipSpace(): number {
    let code = this.#text.charCodeAt(this.#at)
    while (isSpace(code)) code = this.#text.charCodeAt(++this.#at)
    return code
  }

  #unexpected(expected: string): CounterpointError {
    const rest = this.#text.slice(this.#at, this.#at + 20)
    return this.#error(`expected ${expected}, got ${rest === '' ? 'the end of the text' : JSON.stringify(rest)}`)
  }

  #error(message: string): CounterpointError {
    let line = 1
    let lineStart = 0
    for (let end = this.#text.indexOf('\n'); end >= 0 && end < this.#at; end = this.#text.indexOf('\n', lineStart)) {
      line++
      lineStart = end + 1
    }
    const path = this.#path.reduce<string>(
      (way, part) => (typeof part === 'number' ? `${way}[${part}]` : memberPath(way, shorten(part))),
      '$',
    )
    return invalidInput([{ path, message: `${message} (line ${line}, column ${this.#at - lineStart + 1})` }])
  }
}
