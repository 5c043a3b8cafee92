/** True for two UTF-16 units that together are one character. */
export function isPair(high: number, low: number): boolean {
  return high >= 0xd800 && high < 0xdc00 && low >= 0xdc00 && low <= 0xdfff
}

/**
 * The text with U+FFFD in place of each half of a surrogate pair, as a decoder does with bytes that are no UTF-8. Strict APIs refuse a
 * request with such a half: agents that cut their output between two UTF-16 units write it.
 */
export function wellFormed(text: string): string {
  return text.isWellFormed() ? text : text.toWellFormed()
}

/**
 * The first `max` characters (code points) of a text, or its last ones, with `mark` in place of the rest. The only place that cuts a text
 * which somebody reads: never between the halves of a surrogate pair.
 */
export function cutText(text: string, max: number, keep: 'start' | 'end' = 'start', mark = '…'): string {
  if (text.length <= max) return text
  const kept = keep === 'start' ? startOf(text, max) : endOf(text, max)
  if (kept === text) return text
  return keep === 'start' ? kept + mark : mark + kept
}

function startOf(text: string, max: number): string {
  let end = 0
  for (let count = 0; count < max && end < text.length; count++)
    end += isPair(text.charCodeAt(end), text.charCodeAt(end + 1)) ? 2 : 1
  return text.slice(0, end)
}

function endOf(text: string, max: number): string {
  let start = text.length
  for (let count = 0; count < max && start > 0; count++)
    start -= isPair(text.charCodeAt(start - 2), text.charCodeAt(start - 1)) ? 2 : 1
  return text.slice(start)
}
