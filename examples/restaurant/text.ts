/**
 * Characters that must not reach a terminal: control characters (except line feed and tab), characters that change the writing
 * direction or are invisible (except the two joiners, which words and emoji need), lone surrogates, and separators other than line feed.
 */
const unsafe = /(?!\n|\t|\u200c|\u200d)[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu
const REPLACEMENT = '\ufffd'

/** Makes text safe for a terminal. Unsafe characters become U+FFFD, so that they stay noticeable. */
export function printable(text: string): string {
  return text.replaceAll('\r\n', '\n').replaceAll(unsafe, REPLACEMENT)
}

/** Printable, and on one line. */
export function inline(text: string): string {
  return printable(text).replaceAll(/[\n\t]/g, ' ')
}

const graphemes = new Intl.Segmenter()
const wide =
  /\p{Emoji_Presentation}|\ufe0f|[\p{sc=Han}\p{sc=Hangul}\p{sc=Hiragana}\p{sc=Katakana}\u3000-\u303e\uff01-\uff60\uffe0-\uffe6]/u
const invisible = /^[\p{M}\u200c\u200d]+$/u

/** The approximate width of a text in columns: terminals differ for emoji. */
export function displayWidth(text: string): number {
  if (/^[ -~]*$/.test(text)) return text.length
  let width = 0
  for (const { segment } of graphemes.segment(text)) width += widthOf(segment)
  return width
}

function widthOf(grapheme: string): number {
  if (wide.test(grapheme)) return 2
  return invisible.test(grapheme) ? 0 : 1
}

/** The width of the widest text after {@link inline}, in columns. */
export function widest(texts: readonly string[]): number {
  return texts.reduce((most, text) => Math.max(most, displayWidth(inline(text))), 0)
}

/** The text, truncated with an ellipsis if it is wider than `width`. */
export function cut(text: string, width: number): string {
  if (width < 1) return ''
  // Only the beginning of a very long text is examined.
  const head = text.slice(0, width * 8)
  if (head === text && displayWidth(text) <= width) return text
  let kept = ''
  let left = width - 1
  for (const { segment } of graphemes.segment(head)) {
    left -= widthOf(segment)
    if (left < 0) break
    kept += segment
  }
  return `${kept}…`
}

/** Truncated or padded to exactly `width` columns. */
export function fill(text: string, width: number, align: 'left' | 'right' = 'left'): string {
  const shown = cut(text, width)
  const space = ' '.repeat(Math.max(0, width - displayWidth(shown)))
  return align === 'left' ? shown + space : space + shown
}

/** The text in lines of at most `most` columns (at least 8), wrapped between words, and inside words that are wider than a line. */
export function wrap(text: string, most: number): string[] {
  const width = Math.max(8, most)
  const lines: string[] = []
  let line = ''
  for (const word of inline(text).split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`
    if (displayWidth(longer) <= width) line = longer
    else {
      if (line !== '') lines.push(line)
      line = word
    }
    while (displayWidth(line) > width) {
      const head = cut(line, width + 1).slice(0, -1)
      lines.push(head)
      line = line.slice(head.length)
    }
  }
  return [...lines, line]
}

/** `0.62 s`, `45.1 s`, `3 min 20 s`, `5 h 12 min`. */
export function duration(ms: number): string {
  const seconds = ms / 1_000
  if (seconds < 10) return `${seconds.toFixed(2)} s`
  if (seconds < 100) return `${seconds.toFixed(1)} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 100) return `${minutes} min ${Math.floor(seconds % 60)} s`
  return `${count(Math.floor(minutes / 60))} h ${minutes % 60} min`
}

/** `1.4 s`, `45 s`, `3 min 20 s`. */
export function roughly(ms: number): string {
  return ms < 99_500 ? `${(ms / 1_000).toFixed(ms < 9_950 ? 1 : 0)} s` : duration(ms)
}

/** `2026-11-21 23:06`, in local time. */
export function moment(at: number): string {
  const two = (number: number): string => String(number).padStart(2, '0')
  const date = new Date(at)
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join('-')
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}`
}

/** `$1.08`; small amounts with two significant digits. */
export function dollars(usd: number | undefined): string {
  if (usd === undefined) return '-'
  return usd === 0 || usd >= 0.1 ? `$${usd.toFixed(2)}` : `$${usd.toPrecision(2)}`
}

/** `50,000`; a dash if unknown. */
export function count(number: number | undefined): string {
  return number === undefined ? '-' : number.toLocaleString('en-US')
}

/** `1 task`, `4 tasks`. */
export function many(number: number, noun: string): string {
  return `${count(number)} ${noun}${number === 1 ? '' : 's'}`
}

/** `33 % less` for 0.67; `2 % more` for 1.02. */
export function comparedTo(share: number): string {
  const percent = Math.round(Math.abs(1 - share) * 100)
  return share > 1 ? `${percent} % more` : `${percent} % less`
}
