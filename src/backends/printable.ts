/** ECMA-48: control sequences (CSI), operating system commands (OSC), and other escape sequences. */
const TERMINAL_SEQUENCE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the pattern finds control characters.
  /(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|(?:\x1b\]|\x9d)[^\x07\x1b\x9c\x9d]*(?:\x07|\x1b\\|\x9c)|\x1b[ -/]*[0-Z\\^-~]/g

const UNPRINTABLE = /(?![\t\n])\p{Cc}|\p{Bidi_Control}/gu

/** What {@link printable} removes, but for white space at the ends: the source of a pattern with the flag `u`. */
export const REMOVED: string = `${TERMINAL_SEQUENCE.source}|${UNPRINTABLE.source}`

/**
 * Without terminal sequences, control characters except tab and newline, and characters that change the direction of writing; trimmed.
 * `\r\n` and `\r` become `\n`.
 */
export function printable(text: string): string {
  return text.replace(TERMINAL_SEQUENCE, '').replace(/\r\n?/g, '\n').replace(UNPRINTABLE, '').trim()
}
