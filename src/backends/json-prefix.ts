/** Judges text that should be JSON: where a value ends, whether the text ends in the middle of one, or is something else. */

/** One value that begins at an offset of a text. */
export type ScannedValue = {
  /** `whole`: complete. `cut`: the text ends before the value does. `wrong`: no JSON. */
  readonly is: 'whole' | 'cut' | 'wrong'
  /** After a whole value: its end. Otherwise the first character that does not fit; for a cut one the length of the text. */
  readonly end: number
}

/** Where a value, a key or a bracket is expected. */
type Place = 'value' | 'value or ]' | 'key' | 'key or }' | ':' | 'end or ,'

const SPACE = /[ \t\n\r]*/y
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
const NUMBER_PREFIX = /-?(?:(?:0|[1-9]\d*)(?:\.\d*|(?:\.\d+)?[eE][+-]?\d*)?)?$/y
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y
const ESCAPE_PREFIX = /\\(?:u[0-9a-fA-F]{0,3})?$/y
const LITERALS = ['true', 'false', 'null'] as const

/** Scans the JSON value that begins at `from`, after white space. One pass without recursion, whatever the depth. */
export function scanValue(text: string, from = 0): ScannedValue {
  const open: ('[' | '{')[] = []
  let place: Place = 'value'
  let at = from
  for (;;) {
    at += matchAt(SPACE, text, at)
    if (at >= text.length) return { is: 'cut', end: text.length }
    const token = text[at] as string
    if (isCloser(token, place, open)) {
      open.pop()
      place = 'end or ,'
      at++
    } else if (place === ':' || place === 'end or ,') {
      if (token !== (place === ':' ? ':' : ',')) return { is: 'wrong', end: at }
      place = place === ':' || open.at(-1) === '[' ? 'value' : 'key'
      at++
    } else if (place.startsWith('value') && (token === '[' || token === '{')) {
      open.push(token)
      place = token === '[' ? 'value or ]' : 'key or }'
      at++
      continue
    } else {
      const scalar = place.startsWith('key') && token !== '"' ? wrongAt(at) : scanScalar(text, at)
      if (scalar.is !== 'whole') return scalar
      place = place.startsWith('key') ? ':' : 'end or ,'
      at = scalar.end
    }
    if (open.length === 0) return { is: 'whole', end: at }
  }
}

function isCloser(token: string, place: Place, open: readonly string[]): boolean {
  if (token === ']') return open.at(-1) === '[' && (place === 'value or ]' || place === 'end or ,')
  return token === '}' && open.at(-1) === '{' && (place === 'key or }' || place === 'end or ,')
}

function scanScalar(text: string, at: number): ScannedValue {
  if (text[at] === '"') return scanString(text, at)
  for (const literal of LITERALS) {
    if (text.startsWith(literal, at)) return { is: 'whole', end: at + literal.length }
    if (literal.startsWith(text.slice(at, at + literal.length))) return { is: 'cut', end: text.length }
  }
  if (matchAt(NUMBER_PREFIX, text, at) > 0 && matchAt(NUMBER, text, at) < text.length - at)
    return { is: 'cut', end: text.length }
  const length = matchAt(NUMBER, text, at)
  return length > 0 ? { is: 'whole', end: at + length } : wrongAt(at)
}

function scanString(text: string, start: number): ScannedValue {
  for (let at = start + 1; at < text.length; ) {
    const code = text.charCodeAt(at)
    if (code === 0x22) return { is: 'whole', end: at + 1 }
    if (code < 0x20) return wrongAt(at)
    const length = code === 0x5c ? matchAt(ESCAPE, text, at) : 1
    if (length === 0) return matchAt(ESCAPE_PREFIX, text, at) > 0 ? { is: 'cut', end: text.length } : wrongAt(at)
    at += length
  }
  return { is: 'cut', end: text.length }
}

function wrongAt(end: number): ScannedValue {
  return { is: 'wrong', end }
}

function matchAt(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at
  return pattern.exec(text)?.[0].length ?? 0
}
