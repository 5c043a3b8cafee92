import { NotJsonError, pathOf } from './json.js'
import { cutText } from './text.js'

/**
 * What is done with a number of a JSON text that a number of JavaScript cannot hold: an integer beyond 2^53 - 1 that would come out as
 * another one (`9007199254740993`), or one that is too large for any (`1e999`). `refuse`: it is an error. `text`: it becomes a string, as
 * it is written.
 */
export type BigIntegers = 'refuse' | 'text'

/** Every text that has such a number matches; so do a few others. */
const MAY_BE_LOSSY = /\d{16}|[eE]\+?\d{3}/

/** The begin of a string, or a number. */
const TOKEN = /"|-?\d[\d.eE+-]*/g

/**
 * `JSON.parse`, but no integer is rounded silently, and none becomes infinity. Only integers count (`9007199254740993.0`, too): decimals,
 * and what is written with an exponent, have the precision of a double, as in any JSON reader.
 *
 * @throws SyntaxError as `JSON.parse` does; NotJsonError with the path of the first number that is refused.
 */
export function parseJson(text: string, bigIntegers: BigIntegers = 'refuse'): unknown {
  const value: unknown = JSON.parse(text)
  if (!MAY_BE_LOSSY.test(text)) return value
  let exact = ''
  let from = 0
  for (const { start, number } of lossyNumbers(text)) {
    if (bigIntegers === 'refuse') throw refused(text, start, number)
    exact += `${text.slice(from, start)}"${number}"`
    from = start + number.length
  }
  return from === 0 ? value : JSON.parse(exact + text.slice(from))
}

/** A text without the byte order mark that some programs write before it: JSON has none. */
export function withoutMark(text: string): string {
  return text.startsWith('\ufeff') ? text.slice(1) : text
}

/** The text must be valid. */
function* lossyNumbers(text: string): Generator<{ readonly start: number; readonly number: string }> {
  const token = new RegExp(TOKEN)
  for (let found = token.exec(text); found !== null; found = token.exec(text)) {
    const [number] = found
    if (number === '"') token.lastIndex = endOfString(text, found.index)
    else if (isLossy(number)) yield { start: found.index, number }
  }
}

/** Where the string that begins at `start` has ended; 0 when it does not end. */
export function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1)
  while (end > 0 && isEscaped(text, end)) end = text.indexOf('"', end + 1)
  return end + 1
}

/** True when an odd number of backslashes precedes `at`. */
function isEscaped(text: string, at: number): boolean {
  let before = at - 1
  while (text[before] === '\\') before--
  return (at - before) % 2 === 0
}

/** An integer has no exponent, and no fraction but zeros. */
const INTEGER = /^-?(\d+)(?:\.0*)?$/

function isLossy(number: string): boolean {
  const value = Number(number)
  if (Math.abs(value) <= Number.MAX_SAFE_INTEGER) return false
  if (!Number.isFinite(value)) return true
  const digits = INTEGER.exec(number)?.[1]
  const read = Math.abs(value)
  // What JSON writes of a double up to 1e21 is the shortest text for it, which need not be its exact value.
  return digits !== undefined && digits !== `${read}` && digits !== BigInt(read).toString()
}

function refused(text: string, start: number, number: string): NotJsonError {
  const lines = text.slice(0, start).split('\n')
  const where = `line ${lines.length}, column ${(lines.at(-1) as string).length + 1}`
  const advice = "write it as a string, or read it with bigIntegers: 'text'"
  const message = `expected a number from -(2^53 - 1) to 2^53 - 1, or one that is not rounded, got ${cutText(number, 60)} (${where}); ${advice}`
  return new NotJsonError(pathAt(text, start), message)
}

/** Behind a key, and behind no other string. */
const COLON = /[ \t\r\n]*:/y

const STRUCTURE = /["[\]{},]/g

/** The path of the value that begins at `at` in a valid text. */
function pathAt(text: string, at: number): string {
  /** The key or index in each array and object that is open. */
  const path: (string | number)[] = []
  const mark = new RegExp(STRUCTURE)
  for (let found = mark.exec(text); found !== null && found.index < at; found = mark.exec(text)) {
    const last = path.length - 1
    const [character] = found
    if (character === '"') {
      mark.lastIndex = endOfString(text, found.index)
      COLON.lastIndex = mark.lastIndex
      if (COLON.test(text)) path[last] = JSON.parse(text.slice(found.index, mark.lastIndex)) as string
    } else if (character === '[') path.push(0)
    else if (character === '{') path.push('')
    else if (character === ',') {
      const index = path[last]
      if (typeof index === 'number') path[last] = index + 1
    } else path.pop()
  }
  return pathOf(path)
}
