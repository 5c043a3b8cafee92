/**
 * A light stemmer for English: removes plural endings, `-ing`, `-ed`, `-ion`, `-ly` and a final `e`. Words with characters other than
 * a-z are not changed. The result need not be a real stem, only the same for the forms of a word: migrate, migrated, migrating and
 * migration become `migrat`.
 */
export function stem(word: string): string {
  if (word.length < 4 || !/^[a-z]+$/.test(word)) return word
  return withoutEnding(singular(word))
}

function singular(word: string): string {
  if (!word.endsWith('s') || word.endsWith('ss') || word.endsWith('us') || word.endsWith('is')) return word
  if (word.endsWith('ies')) return word.length > 4 ? `${word.slice(0, -3)}y` : word.slice(0, -1)
  if (/(?:ss|sh|ch|x|zz)es$/.test(word)) return word.slice(0, -2)
  return word.slice(0, -1)
}

function withoutEnding(word: string): string {
  if (word.endsWith('ied') && word.length > 4) return `${word.slice(0, -3)}y`
  for (const ending of ['ing', 'ed'] as const) {
    const rest = word.slice(0, -ending.length)
    const isEnding = word.endsWith(ending) && !word.endsWith('eed') && rest.length > 2 && /[aeiouy]/.test(rest)
    if (isEnding) return withoutFinalE(undoubled(rest))
  }
  if (word.endsWith('ly') && word.length > 5) return withoutFinalE(word.slice(0, -2))
  if (/[ts]ion$/.test(word) && word.length > 5) return word.slice(0, -3)
  return withoutFinalE(word)
}

/** Undoes the doubling before an ending: "stopp(ing)" becomes "stop". "add", "fill" and "pass" have a double letter of their own. */
function undoubled(word: string): string {
  return word.length > 3 && /([bdgmnprt])\1$/.test(word) ? word.slice(0, -1) : word
}

function withoutFinalE(word: string): string {
  return word.length > 3 && word.endsWith('e') ? word.slice(0, -1) : word
}
