import { scanValue } from './json-prefix.js'

/** A line that opens or closes a fenced block of Markdown, with the rest of the line. */
const FENCE = /^ {0,3}(?:`{3,}|~{3,})([^`\r\n]*)\r?$/gm

const INLINE_FENCE = /`{3}|~{3}/

/** A bracket that closes what has not been opened, and not a word of the prose, after a value. */
const STRAY_CLOSER = /\s*[\]}]/y

/**
 * The JSON text in an answer that has more than that: the content of its one fenced block, or, if it has no fenced block, the one object or
 * array in its prose. Strict: a second block or value, an object without quotes around its keys, a bracket too many, or a fragment of something
 * that is no JSON is `wrong`, because a guess could be the wrong one. `cut` when the text ends inside the block or the value.
 */
export function findJson(text: string): { readonly json: string } | 'cut' | 'wrong' {
  const fences = [...text.matchAll(FENCE)]
  return fences.length === 0 ? inProse(text) : inBlock(text, fences)
}

function inBlock(text: string, fences: readonly RegExpExecArray[]): ReturnType<typeof findJson> {
  const [open, close, ...others] = fences as [RegExpExecArray, ...RegExpExecArray[]]
  if (others.length > 0) return 'wrong'
  // A fence behind other text in its line opens no block: this one closes nothing, and is not cut either.
  if (close === undefined && INLINE_FENCE.test(text.slice(0, open.index))) return 'wrong'
  const json = text.slice(open.index + open[0].length, close?.index)
  const { is, end } = scanValue(json)
  if (is === 'wrong' || json.slice(end).trim() !== '') return 'wrong'
  // Without the closing fence, a number may be the beginning of a longer one.
  const isClosed = close !== undefined || /[\]}"]$/.test(json.slice(0, end))
  if (is === 'whole') return isClosed ? { json } : 'cut'
  return close === undefined ? 'cut' : 'wrong'
}

/**
 * BAD: the first bracket that begins valid JSON, anywhere. In `{'a': 1, 'b': {"c": 1}}` that is a part of the answer.
 * GOOD: only outside of all brackets; and nothing if what a bracket begins is JSON at first and then is not.
 */
function inProse(text: string): ReturnType<typeof findJson> {
  const found: string[] = []
  let depth = 0
  for (let at = 0; at < text.length; at++) {
    const character = text[at]
    if (character === '}' || character === ']') depth = Math.max(0, depth - 1)
    if (character !== '{' && character !== '[') continue
    const { is, end } = depth === 0 ? scanValue(text, at) : { is: 'wrong', end: at }
    if (is === 'cut') return 'cut'
    if (is === 'whole') {
      STRAY_CLOSER.lastIndex = end
      if (STRAY_CLOSER.test(text)) return 'wrong'
      found.push(text.slice(at, end))
      at = end - 1
    } else {
      if (text.slice(at + 1, end).trim() !== '') return 'wrong'
      depth++
    }
  }
  return found.length === 1 ? { json: found[0] as string } : 'wrong'
}
