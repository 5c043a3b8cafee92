import { endOfString } from '../../core/json-text.js'
import { cutText } from '../../core/text.js'
import { pathText, shorten } from '../../error-text.js'
import type { CounterpointError } from '../../errors.js'
import { invalidPlan } from '../invalid-plan.js'

/**
 * Checks the structure of a JSON text without building values: `JSON.parse` builds them afterwards, faster than code here could.
 * Strings are not inspected, except for keys with escapes. Recursive, but never deeper than `maxDepth`.
 *
 * @throws CounterpointError `INVALID_INPUT`, with path, line and column.
 */
export function scanJson(text: string, maxDepth: number): void {
  new JsonScanner(text, maxDepth).scan()
}

/** A number, `true`, `false` or `null`: everything up to white space or punctuation. */
const ATOM = /[^{}[\]",: \t\n\r]*/y

function isSpace(char: string): boolean {
  return char === ' ' || char === '\n' || char === '\r' || char === '\t'
}

class JsonScanner {
  readonly #text: string
  readonly #maxDepth: number
  /** Invariant: the key or index in each array and object that is open, so its length is the depth. */
  readonly #path: (string | number)[] = []
  #at = 0

  constructor(text: string, maxDepth: number) {
    this.#text = text
    this.#maxDepth = maxDepth
  }

  scan(): void {
    this.#value()
    if (this.#skipSpace() !== '') throw this.#unexpected('the end of the text')
  }

  #value(): void {
    const char = this.#skipSpace()
    if (char === '"') this.#string()
    else if (char === '{') this.#container('}')
    else if (char === '[') this.#container(']')
    else this.#atom()
  }

  #container(close: '}' | ']'): void {
    if (this.#path.length >= this.#maxDepth) throw this.#error(`nested deeper than ${this.#maxDepth} levels`)
    this.#at++
    const keys = new Set<string>()
    let index = 0
    if (this.#skipSpace() !== close) {
      do {
        if (close === '}') this.#key(keys)
        else this.#path.push(index++)
        this.#value()
        this.#path.pop()
      } while (this.#hasNext(close))
    }
    this.#at++
  }

  #key(keys: Set<string>): void {
    if (this.#skipSpace() !== '"') throw this.#unexpected('a key in double quotes')
    const start = this.#at
    this.#string()
    const raw = this.#text.slice(start + 1, this.#at - 1)
    // "\u0061" and "a" are the same key.
    const key = raw.includes('\\') ? (this.#parse(start, 'a key with valid escapes') as string) : raw
    if (keys.has(key)) throw this.#error(`duplicate key "${shorten(key)}" in one object; keep one of the two`)
    keys.add(key)
    this.#path.push(key)
    if (this.#skipSpace() !== ':') throw this.#unexpected('":" after a key')
    this.#at++
  }

  /** After an entry: true when a comma announces another one. */
  #hasNext(close: '}' | ']'): boolean {
    const char = this.#skipSpace()
    if (char === close) return false
    if (char !== ',') throw this.#unexpected(`"," or "${close}"`)
    const comma = this.#at++
    if (this.#skipSpace() !== close) return true
    this.#at = comma
    throw this.#error(`expected another entry after ",", got "${close}": remove this trailing comma`)
  }

  #string(): void {
    const end = endOfString(this.#text, this.#at)
    if (end === 0) throw this.#unexpected('a string with a double quote at its end')
    this.#at = end
  }

  #atom(): void {
    const start = this.#at
    ATOM.lastIndex = start
    ATOM.test(this.#text)
    this.#at = ATOM.lastIndex
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

  /** Returns the next character that is not white space; an empty string at the end. */
  #skipSpace(): string {
    while (isSpace(this.#text.charAt(this.#at))) this.#at++
    return this.#text.charAt(this.#at)
  }

  #unexpected(expected: string): CounterpointError {
    const rest = cutText(this.#text.slice(this.#at, this.#at + 60), 20, 'start', '')
    return this.#error(`expected ${expected}, got ${rest === '' ? 'the end of the text' : JSON.stringify(rest)}`)
  }

  #error(message: string): CounterpointError {
    const before = this.#text.slice(0, this.#at).split('\n')
    const where = `line ${before.length}, column ${before.at(-1)!.length + 1}`
    return invalidPlan([{ path: pathText(this.#path, '$'), message: `${message} (${where})` }])
  }
}
