/** Makes text from outside (an agent, an endpoint, a thrown error) safe to put into a message. */
export type Redact = (text: string) => string

/** Options of {@link redactor}. */
export type RedactorOptions = {
  /** The longest message, in characters. Default 2,000. */
  readonly maxLength?: number | undefined
  /** Which part of a longer text is kept. Default `start`. */
  readonly keep?: 'start' | 'end' | undefined
}

/** Shorter values are left alone: they are ordinary words and occur in many messages. */
const SHORTEST_SECRET = 8

/**
 * Makes a function that prepares text for messages, which go into journals and logs. In this order:
 *
 * 1. terminal sequences, control characters except tab and newline, and characters that change the direction of writing
 *    are removed; `\r\n` and `\r` become `\n`; white space at both ends is trimmed;
 * 2. each secret of at least 8 characters is replaced by its name in brackets: the whole value, each of its lines, and both
 *    percent-encoded as in a URL. The words of a value are not hidden: pass the token of `Bearer abc` as well;
 * 3. a text longer than `maxLength` is cut, with `…` in place of the rest.
 *
 * @param secrets Names and values, such as `Object.entries(...)` or a `Headers`.
 */
export function redactor(
  secrets: Iterable<readonly [name: string, value: string]>,
  { maxLength = 2_000, keep = 'start' }: RedactorOptions = {},
): Redact {
  const labels = new Map<string, string>()
  for (const [name, value] of secrets) {
    for (const form of formsOf(value)) if (form.length >= SHORTEST_SECRET) labels.set(form, `[${name}]`)
  }
  // A secret may contain another one.
  const longestFirst = [...labels].sort(([a], [b]) => b.length - a.length)
  const hide = (text: string): string =>
    // A function: `$&` in a replacement text would insert the secret.
    longestFirst.reduce((hidden, [value, label]) => hidden.replaceAll(value, () => label), text)
  return text => {
    // Before and after: a control character may be part of a secret, or be inserted into one. Half a secret is not found.
    const whole = hide(printable(hide(text)))
    if (whole.length <= maxLength) return whole
    return keep === 'start' ? `${whole.slice(0, maxLength)}…` : `…${whole.slice(-maxLength)}`
  }
}

function formsOf(value: string): readonly string[] {
  const plain = [value, printable(value), ...value.split(/[\r\n]+/)]
  // encodeURIComponent throws on half a surrogate pair.
  return plain.flatMap(form => (/\p{Cs}/u.test(form) ? [form] : [form, encodeURIComponent(form)]))
}

/** ECMA-48: control sequences (CSI), operating system commands (OSC), and other escape sequences. */
const TERMINAL_SEQUENCE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the pattern finds control characters.
  /(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|(?:\x1b\]|\x9d)[^\x07\x1b\x9c\x9d]*(?:\x07|\x1b\\|\x9c)|\x1b[ -/]*[0-Z\\^-~]/g

const UNPRINTABLE = /(?![\t\n])\p{Cc}|\p{Bidi_Control}/gu

function printable(text: string): string {
  return text.replace(TERMINAL_SEQUENCE, '').replace(/\r\n?/g, '\n').replace(UNPRINTABLE, '').trim()
}
