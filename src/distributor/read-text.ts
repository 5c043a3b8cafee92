import { stem } from './stemmer.js'

/** Words between two punctuation marks or conjunctions: `from` is the index of the first word, `to` that after the last. */
export interface Clause {
  readonly from: number
  readonly to: number
  /** True at the start of the text and after punctuation, false after `and` and the like. */
  readonly startsSentence: boolean
}

/** A text as the rules read it: its stems in order, and the ranges of its clauses. */
export interface ReadText {
  readonly stems: readonly string[]
  readonly clauses: readonly Clause[]
}

/** Scripts without spaces between words: each character is a word of its own, so that their words are matched as phrases. */
const CHARACTER =
  /([\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}]\p{M}*)/u
/**
 * Punctuation that ends a clause, or a word. Punctuation inside a word ("Next.js", "2.4") splits the word, but not the clause.
 * Invariant: linear time. No nested repetition, and a repetition can begin only where a word does.
 */
const TOKEN = /([.,;:!?](?=\s|$)|[\n、。–—&]|\s-\s)|[\p{L}\p{N}\p{M}]+/gu
const ASCII = /^[ -~]*$/

const CONJUNCTIONS: ReadonlySet<string> = new Set(['and', 'then', 'plus'])

/** Splits `text` into stems and clauses. */
export function readText(text: string): ReadText {
  const stems: string[] = []
  const clauses: Clause[] = []
  let from = 0
  let startsSentence = true
  const endClause = (to: number, isPunctuation: boolean): void => {
    if (to > from) clauses.push({ from, to, startsSentence })
    // Punctuation and conjunctions in a row ("..., and then check"): punctuation among them starts a sentence.
    startsSentence = to > from ? isPunctuation : startsSentence || isPunctuation
    from = stems.length
  }
  for (const match of normalize(text).matchAll(TOKEN)) {
    if (match[1] !== undefined) {
      endClause(stems.length, true)
      continue
    }
    for (const word of wordsOf(match[0])) stems.push(stem(word))
    if (CONJUNCTIONS.has(match[0])) endClause(stems.length - 1, false)
  }
  endClause(stems.length, true)
  return { stems, clauses }
}

/** The stems of a word, phrase or example. */
export function stemsOf(text: string): readonly string[] {
  return readText(text).stems
}

/** The stems of some words, as a set. */
export function stemSet(words: string): ReadonlySet<string> {
  return new Set(stemsOf(words))
}

/** The number of words in a text. Does not compute their stems. */
export function countWords(text: string): number {
  let count = 0
  for (const match of normalize(text).matchAll(TOKEN)) if (match[1] === undefined) count += wordsOf(match[0]).length
  return count
}

function wordsOf(token: string): readonly string[] {
  return ASCII.test(token) ? [token] : token.split(CHARACTER).filter(part => part !== '')
}

/** One spelling for equivalent characters: full-width letters, ligatures, composed and decomposed accents. */
function normalize(text: string): string {
  return text.normalize('NFKC').toLowerCase()
}
