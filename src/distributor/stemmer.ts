/** A stretch of words between two marks or joining words: `from` is its first word, `to` the one past its last. */
export interface Clause {
  readonly from: number
  readonly to: number
  /** True at the start of the text and after a mark, false after `and` and the like. */
  readonly fresh: boolean
}

/** A text as the rules read it: stems in order, and where its clauses lie. */
export interface ReadText {
  readonly stems: readonly string[]
  readonly clauses: readonly Clause[]
}

/**
 * Scripts that put no space between words: each sign is a word of its own, so that a word of theirs is matched as a
 * phrase.
 */
const SIGN =
  /([\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}]\p{M}*)/u
/**
 * A mark that ends a clause, or a word. A mark inside a word ("Next.js", "2.4") parts the word and not the clause.
 * Invariant: linear. Nothing is repeated inside a repetition, and what is repeated can begin only where a word does.
 */
const TOKEN = /([.,;:!?](?=\s|$)|[\n、。–—&]|\s-\s)|[\p{L}\p{N}\p{M}]+/gu
const ASCII = /^[ -~]*$/

const JOINING: ReadonlySet<string> = new Set(['and', 'then', 'plus'])

/** Reads `text` into stems and clauses. */
export function readText(text: string): ReadText {
  const stems: string[] = []
  const clauses: Clause[] = []
  let from = 0
  let fresh = true
  const close = (to: number, nextFresh: boolean): void => {
    if (to > from) clauses.push({ from, to, fresh })
    // Marks and joining words in a row: the clause stays fresh if one of them was a mark ("..., and then check").
    fresh = to > from ? nextFresh : fresh || nextFresh
    from = stems.length
  }
  for (const match of normal(text).matchAll(TOKEN)) {
    if (match[1] !== undefined) {
      close(stems.length, true)
      continue
    }
    for (const word of wordsOf(match[0])) stems.push(stem(word))
    if (JOINING.has(match[0])) close(stems.length - 1, false)
  }
  close(stems.length, true)
  return { stems, clauses }
}

function wordsOf(token: string): readonly string[] {
  return ASCII.test(token) ? [token] : token.split(SIGN).filter(part => part !== '')
}

/** How many words a text has, without finding their stems. */
export function countWords(text: string): number {
  let count = 0
  for (const match of normal(text).matchAll(TOKEN)) if (match[1] === undefined) count += wordsOf(match[0]).length
  return count
}

/** One spelling for what looks alike: full-width letters, ligatures, composed and decomposed accents. */
function normal(text: string): string {
  return text.normalize('NFKC').toLowerCase()
}

/** The stems of some words. */
export function wordSet(words: string): ReadonlySet<string> {
  return new Set(stemsOf(words))
}

/** The stems of a word, phrase or example. */
export function stemsOf(text: string): readonly string[] {
  return readText(text).stems
}

/**
 * A light stemmer for English: plural, `-ing`, `-ed`, `-ion`, `-ly` and a last `e` go. Words with other letters than
 * a-z stay whole. It need not find real stems, only the same one for the forms of a word: migrate, migrated, migrating
 * and migration are `migrat`.
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
    if (isEnding) return withoutLastE(undoubled(rest))
  }
  if (word.endsWith('ly') && word.length > 5) return withoutLastE(word.slice(0, -2))
  if (/[ts]ion$/.test(word) && word.length > 5) return word.slice(0, -3)
  return withoutLastE(word)
}

/** "stopp" of "stopping" is "stop"; "add", "fill" and "pass" keep theirs, as without an ending. */
function undoubled(word: string): string {
  return word.length > 3 && /([bdgmnprt])\1$/.test(word) ? word.slice(0, -1) : word
}

function withoutLastE(word: string): string {
  return word.length > 3 && word.endsWith('e') ? word.slice(0, -1) : word
}
