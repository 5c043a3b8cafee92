import * as z from 'zod'
import { once } from '../core/once.js'
import { cutText, wellFormed } from '../core/text.js'
import { show } from '../error-text.js'
import { checkOptions, invalidInput, optionsOf } from '../options-check.js'
import { keyRanges } from './key-shapes.js'
import { printable } from './printable.js'
import { cutRanges, type Needle, needlesOf, type Range, rangesOf } from './spellings.js'

/**
 * Makes text from outside (an agent, an endpoint, a thrown error) safe to put into a message. `cut` says at which end the text was cut off
 * before: what is left there of a secret is hidden, too.
 */
export type Redact = (text: string, cut?: 'start' | 'end') => string

/** Options of {@link redactor}. */
export type RedactorOptions = {
  /** The longest message, in characters (code points). Default 2,000. */
  readonly maxLength?: number | undefined
  /** Which part of a longer text is kept. Default `start`. */
  readonly keep?: 'start' | 'end' | undefined
}

const optionsRule = once(() =>
  optionsOf({
    maxLength: z.int().min(0).or(z.literal(Number.POSITIVE_INFINITY)),
    keep: z.enum(['start', 'end']),
  }).partial(),
)

/**
 * Makes a function that prepares text for messages, which go into journals and logs. In this order:
 *
 * 1. terminal sequences, control characters except tab and newline, and characters that change the direction of writing
 *    are removed; `\r\n` and `\r` become `\n`; white space at both ends is trimmed; half of a surrogate pair becomes U+FFFD;
 * 2. each secret of at least 8 characters is replaced by its name in brackets: the whole value and each of its lines, as they are,
 *    escaped as in JSON, in literals of programs or in HTML, percent-encoded, in base64 or hexadecimal. Secrets that overlap are replaced together. The words of a value are
 *    not hidden: pass the token of `Bearer abc` as well;
 * 3. what has the shape of a key of a known provider, of a private key, a JSON web token or a password in a URL is replaced by `[key]`;
 * 4. a text longer than `maxLength` is cut, with `…` in place of the rest.
 *
 * Takes time linear in the text.
 *
 * @param secrets Names and values, such as `Object.entries(...)` or a `Headers`.
 * @throws CounterpointError `INVALID_INPUT` for secrets that are no such pairs, and for unknown or invalid options.
 */
export function redactor(
  secrets: Iterable<readonly [name: string, value: string]>,
  options: RedactorOptions = {},
): Redact {
  checkOptions(optionsRule(), options, { of: 'redactor' })
  const { maxLength = 2_000, keep = 'start' } = options
  const given = pairsOf(secrets)
  let needles: readonly Needle[] | undefined
  return (text, cut) => {
    needles ??= needlesOf(given)
    return cleaned(text, { needles, maxLength, keep, cut })
  }
}

interface Cleaning {
  readonly needles: readonly Needle[]
  readonly maxLength: number
  readonly keep: 'start' | 'end'
  readonly cut?: 'start' | 'end' | undefined
}

/** A message is made of this many characters at most: to search a text of 100 million takes seconds, and a message shows 4,000 of them. */
const MOST_SEARCHED = 1_000_000

function cleaned(whole: string, { needles, maxLength, keep, cut }: Cleaning): string {
  const isLonger = maxLength < MOST_SEARCHED && whole.length > MOST_SEARCHED
  const cuts = isLonger ? ([cut, keep === 'start' ? 'end' : 'start'] as const) : [cut]
  const text = !isLonger ? whole : keep === 'start' ? whole.slice(0, MOST_SEARCHED) : whole.slice(-MOST_SEARCHED)
  // Before and after: a control character may be part of a secret, or be inserted into one.
  const raw = needles.length === 0 ? text : replaced(text, rangesOf(text, needles))
  const known = replacedIn(printable(raw), found => [
    ...rangesOf(found, needles),
    ...cuts.flatMap(each => (each ? cutRanges(found, needles, each) : [])),
  ])
  return cutText(wellFormed(hideKeys(known)), maxLength, keep)
}

function pairsOf(secrets: unknown): readonly (readonly [name: string, value: string])[] {
  try {
    const pairs = [...(secrets as Iterable<unknown>)]
    const isPair = (pair: unknown): boolean =>
      Array.isArray(pair) && pair.length === 2 && pair.every(each => typeof each === 'string')
    if (typeof secrets !== 'string' && pairs.every(isPair)) return pairs as [string, string][]
  } catch {
    // Not iterable.
  }
  // Without a value: it may be a secret.
  const got = typeof secrets === 'object' ? show(secrets) : `a ${typeof secrets}`
  const message = `expected pairs of a name and a value, such as Object.entries(...) or a Headers, got ${got}`
  throw invalidInput([{ path: 'secrets', message }])
}

/** Where no secrets are known: what is thrown may be a whole page of HTML, which must not fill the journal. */
export const cleanText: Redact = (text, cut) => cleaned(text, { needles: [], maxLength: 4_000, keep: 'start', cut })

/** A text of data, which is not changed but for keys of a known shape. */
export function hideKeys(text: string): string {
  return replacedIn(text, keyRanges)
}

function replacedIn(text: string, find: (text: string) => readonly Range[]): string {
  return replaced(text, find(text))
}

/** Ranges that overlap are replaced as one, by the label of the one that begins first. */
function replaced(text: string, ranges: readonly Range[]): string {
  if (ranges.length === 0) return text
  let result = ''
  let end = 0
  for (const range of ranges.toSorted((a, b) => a.start - b.start || b.end - a.end)) {
    if (range.start >= end) result += text.slice(end, range.start) + range.label
    end = Math.max(end, range.end)
  }
  return result + text.slice(end)
}
