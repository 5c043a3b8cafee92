import { stripVTControlCharacters } from 'node:util'

/** Makes what a program wrote fit for a message. */
export type Redact = (text: string) => string

/** The longest message that is made of what an agent wrote, in characters. */
const LONGEST_MESSAGE = 2_000
/** Shorter values of variables are left alone: they are words, and stand everywhere. */
const SHORTEST_SECRET = 8

/**
 * No terminal sequences, no control characters but tab and newline, nothing that turns the direction of writing; only
 * the end when it is long; and the values of `secrets` replaced by their names, as messages go into journals and logs.
 */
export function redactor(secrets: Readonly<Record<string, string>>): Redact {
  const hidden = Object.entries(secrets).filter(([, value]) => value.length >= SHORTEST_SECRET)
  return text => {
    let told = printable(text.slice(-4 * LONGEST_MESSAGE))
    for (const [name, value] of hidden) told = told.replaceAll(value, `[${name}]`)
    return told.length <= LONGEST_MESSAGE ? told : `...${told.slice(-LONGEST_MESSAGE)}`
  }
}

function printable(text: string): string {
  return stripVTControlCharacters(text)
    .replace(/\r\n?/g, '\n')
    .replace(/(?![\t\n])\p{Cc}|[\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, '')
    .trim()
}
