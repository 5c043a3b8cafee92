import { printable, REMOVED } from './printable.js'

/** A part of a text, and what stands in its place. */
export interface Range {
  readonly start: number
  readonly end: number
  readonly label: string
}

/** A text to be looked for: a secret, or one of its lines. */
export interface Needle {
  readonly text: string
  readonly label: string
  /** True when it is a part of a word in base64: the whole word is hidden. */
  readonly isBase64: boolean
}

/** Shorter values are left alone: they are ordinary words and occur in many messages. */
const SHORTEST_SECRET = 8

/** A secret may be escaped when it is logged, and again with the log around it. */
const MAX_DECODINGS = 3

/** What has to be found of these secrets. A text is compared as it is, and decoded: so are they. */
export function needlesOf(secrets: readonly (readonly [name: string, value: string])[]): readonly Needle[] {
  const needles = new Map<string, Needle>()
  const add = (text: string, name: string, isBase64 = false): void => {
    if (text.length >= SHORTEST_SECRET && !needles.has(text)) needles.set(text, { text, label: `[${name}]`, isBase64 })
  }
  for (const [name, value] of secrets) {
    const wholes = [value, ...viewsOf(printable(value)).map(({ text }) => text)]
    const lines = wholes.flatMap(whole => whole.split(/[\r\n]+/))
    for (const line of [...wholes, ...lines]) {
      add(line, name)
      add(line.trim(), name)
      // As forms encode a space.
      add(line.replaceAll(' ', '+'), name)
    }
    if (value.length < SHORTEST_SECRET) continue
    for (const part of base64Of(value)) add(part, name, true)
    const hex = Array.from(new TextEncoder().encode(value), byte => byte.toString(16).padStart(2, '0')).join('')
    for (const spelling of [hex, hex.toUpperCase()]) add(spelling, name)
  }
  return [...needles.values()]
}

/** Where the text has a secret, in any spelling. */
export function rangesOf(text: string, needles: readonly Needle[]): readonly Range[] {
  if (needles.length === 0) return []
  return viewsOf(text).flatMap(view => needles.flatMap(needle => rangesIn(view, needle)))
}

/** What is left of a secret at the end where the text was cut off, in any spelling. */
export function cutRanges(text: string, needles: readonly Needle[], cut: 'start' | 'end'): readonly Range[] {
  const atCut = cut === 'start' ? restAtStart : restAtEnd
  return viewsOf(text).flatMap(view => needles.flatMap(needle => atCut(view, needle) ?? []))
}

/** A text that was cut inside of an escape has some characters of that before the rest of the secret. */
const LONGEST_PART_OF_ESCAPE = 8

function restAtStart({ text, ends }: View, { text: secret, label }: Needle): Range | undefined {
  for (let length = secret.length - 1; length >= SHORTEST_PART; length--)
    for (let skipped = 0; skipped <= (ends ? LONGEST_PART_OF_ESCAPE : 0); skipped++) {
      const end = skipped + length
      if (text.startsWith(secret.slice(-length), skipped)) return { start: 0, end: ends?.[end - 1] ?? end, label }
    }
  return undefined
}

function restAtEnd({ text, starts, ends }: View, { text: secret, label }: Needle): Range | undefined {
  // Where a view was made shorter, what it maps to ends where the text does.
  const textEnd = ends?.[text.length - 1] ?? text.length
  for (let length = secret.length - 1; length >= SHORTEST_PART; length--)
    for (let skipped = 0; skipped <= (starts ? LONGEST_PART_OF_ESCAPE : 0); skipped++) {
      const start = text.length - skipped - length
      if (start >= 0 && text.startsWith(secret.slice(0, length), start))
        return { start: starts?.[start] ?? start, end: textEnd, label }
    }
  return undefined
}

/** The shortest rest of a secret that is hidden where a text was cut: shorter ones say little, and are parts of many words. */
const SHORTEST_PART = 4

function rangesIn({ text, starts, ends }: View, { text: secret, label, isBase64 }: Needle): readonly Range[] {
  const ranges: Range[] = []
  let last = 0
  for (let at = text.indexOf(secret); at >= 0; at = text.indexOf(secret, last)) {
    let [from, to] = [at, at + secret.length]
    if (isBase64) {
      while (from > last && isBase64Char(text.charCodeAt(from - 1))) from--
      while (to < text.length && isBase64Char(text.charCodeAt(to))) to++
    }
    ranges.push({ start: starts?.[from] ?? from, end: ends?.[to - 1] ?? to, label })
    // A secret may overlap itself.
    last = isBase64 ? to : at + 1
  }
  return ranges
}

/** A text that was decoded, and where each of its UTF-16 units begins and ends in the text from which it came. */
interface View {
  readonly text: string
  /** Undefined when it was not decoded. */
  readonly starts?: Int32Array
  readonly ends?: Int32Array
}

/** A character in bytes of UTF-8, each written as two hexadecimal digits after a prefix. */
const bytes = (prefix: string): string => {
  const [ascii, two, three, four, next] = ['[0-7]', '[c-dC-D]', '[eE]', '[fF][0-7]', `${prefix}[89abAB][0-9a-fA-F]`]
  const [hex, more] = ['[0-9a-fA-F]', `(?:${next})`]
  return `${prefix}(?:${ascii}${hex}|${two}${hex}${more}|${three}${hex}${more}{2}|${four}${more}{3})`
}

/**
 * One character as URLs, JSON, literals of programs and HTML encode it, or what {@link printable} removes. A literal may have the bytes of a
 * character, or its number: `\xc3\xb6` and `\xf6`.
 */
const ENCODED: RegExp = new RegExp(
  [
    bytes('%'),
    bytes('\\\\x'),
    String.raw`\\(?:u[0-9a-fA-F]{4}|u\{[0-9a-fA-F]{1,6}\}|x[0-9a-fA-F]{2}|[bfnrtv"'/\\])`,
    '&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|amp|lt|gt|quot|apos);',
    REMOVED,
  ].join('|'),
  'gu',
)

/** The text as it is, and decoded once, twice, ... while there is something to decode. */
function viewsOf(text: string): readonly View[] {
  const views: View[] = [{ text }]
  for (let view = decoded(views[0] as View); view && views.length <= MAX_DECODINGS; view = decoded(view))
    views.push(view)
  return views
}

function decoded({ text, starts, ends }: View): View | undefined {
  // No decoding makes a text longer.
  const [newStarts, newEnds] = [new Int32Array(text.length), new Int32Array(text.length)]
  let result = ''
  let length = 0
  let from = 0
  const copy = (to: number): void => {
    result += text.slice(from, to)
    for (; from < to; from++, length++) {
      newStarts[length] = starts?.[from] ?? from
      newEnds[length] = ends?.[from] ?? from + 1
    }
  }
  for (const { 0: code, index } of text.matchAll(ENCODED)) {
    copy(index)
    const characters = decodedOf(code)
    from = index + code.length
    for (let i = 0; i < characters.length; i++, length++) {
      newStarts[length] = starts?.[index] ?? index
      newEnds[length] = ends?.[from - 1] ?? from
    }
    result += characters
  }
  if (from === 0) return undefined
  copy(text.length)
  return { text: result, starts: newStarts, ends: newEnds }
}

const ESCAPES: Readonly<Record<string, string>> = { b: '', f: '', v: '', n: '\n', r: '\n', t: '\t' }
const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

function decodedOf(code: string): string {
  const kind = code.charAt(1)
  if (code.startsWith('%') || (kind === 'x' && code.length > 4)) return bytesDecoded(code)
  if (code.startsWith('&')) return ENTITIES[code.slice(1, -1)] ?? characterOf(code)
  if (!code.startsWith('\\')) return ''
  return code.length > 2 ? characterOf(code) : (ESCAPES[kind] ?? kind)
}

/** Of a code that has a number in it, hexadecimal except in `&#38;`. */
function characterOf(code: string): string {
  const isDecimal = /^&#[0-9]/.test(code)
  const number = Number.parseInt(code.replace(/[^0-9a-fA-F]/g, ''), isDecimal ? 10 : 16)
  return number <= 0x10ffff ? String.fromCodePoint(number) : code
}

function bytesDecoded(code: string): string {
  try {
    return decodeURIComponent(code.replaceAll('\\x', '%'))
  } catch {
    // Not UTF-8: it stays as it is.
    return code
  }
}

/**
 * What base64 makes of a value, wherever it stands in what was encoded: of three bytes each, only those groups that no neighbour of the
 * value has a part in.
 */
function base64Of(value: string): readonly string[] {
  const bytes = new TextEncoder().encode(value)
  return [0, 1, 2].flatMap(skipped => {
    const length = bytes.length - skipped - ((bytes.length - skipped) % 3)
    const text = btoa(Array.from(bytes.subarray(skipped, skipped + length), byte => String.fromCharCode(byte)).join(''))
    return [text, text.replaceAll('+', '-').replaceAll('/', '_')]
  })
}

function isBase64Char(code: number): boolean {
  const isDigit = code >= 0x30 && code <= 0x39
  const isLetter = (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a)
  // + - / _ =
  return isDigit || isLetter || code === 0x2b || code === 0x2d || code === 0x2f || code === 0x5f || code === 0x3d
}
