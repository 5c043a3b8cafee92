/** The words or phrases of a comma-separated list, each with this weight. */
export function each(weight: number, list: string): Readonly<Record<string, number>> {
  return Object.fromEntries(list.split(',').map(text => [text.trim(), weight]))
}

/** The example sentences of a text: one a line, or several with bars between them. */
export function sentences(text: string): readonly string[] {
  const trimmed = text.split(/[|\n]/).map(sentence => sentence.trim())
  return trimmed.filter(sentence => sentence !== '')
}
