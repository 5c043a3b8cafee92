import * as z from 'zod'
import { once } from '../core/once.js'
import { checkOptions, fn, optionsOf, record } from '../options-check.js'
import { countWords } from './read-text.js'

/** The most words of an entry of an intent, examples aside. Bounds the search from each word of a text, and with it the time. */
const MAX_PHRASE_WORDS = 64
/** The largest weight: e^20 already outweighs everything else in a text. */
const MAX_WEIGHT = 20

/** @throws INVALID_INPUT with one issue for each unknown or invalid option of a `TaskDistributor`. */
export function checkDistributorOptions(options: unknown): void {
  // Lazy, as a getter of the caller may throw.
  const rule = z.lazy(() => distributorRule(Object(options)))
  checkOptions(rule, options, { of: 'TaskDistributor' })
}

function distributorRule({ intents }: { readonly intents?: unknown }): z.ZodType {
  const isPool = (name: unknown): boolean => typeof name === 'string' && Object.hasOwn(Object(intents), name)
  return optionsOf({
    intents: intentsRule(),
    threshold: z.number().min(0).max(1).optional(),
    fallbackPool: z.custom(isPool, 'expected the name of a pool in intents').optional(),
    classifier: fn.optional(),
  })
}

const text = (minWords: number, maxWords: number = MAX_PHRASE_WORDS): z.ZodType<string> =>
  z.string().superRefine((value, context) => {
    const words = countWords(value)
    const expected = words < minWords ? `at least ${counted(minWords)}` : `at most ${counted(maxWords)}`
    if (words < minWords || words > maxWords) context.addIssue({ code: 'custom', message: `expected ${expected}` })
  })

function counted(words: number): string {
  return words === 1 ? 'one word' : `${words} words`
}

const isFirstIssue = ({ issues }: z.core.ParsePayload): boolean => issues.length === 0

const expectedWeighted = 'expected a list of strings, or an object with weights'

function intentRule(): z.ZodType {
  const weighted = z.union([
    z.array(text(1), expectedWeighted),
    record(text(1), z.number().positive().max(MAX_WEIGHT), expectedWeighted),
  ])
  const lists = {
    words: weighted,
    phrases: weighted,
    actions: weighted,
    openings: weighted,
    examples: z.array(text(1, Number.POSITIVE_INFINITY)),
    partOf: z.array(text(2)),
  }
  return optionsOf(lists)
    .partial()
    .refine(intent => Object.values(intent).some(list => list !== undefined && [...list].length > 0), {
      message: `expected an entry in one of ${Object.keys(lists).join(', ')}, got none`,
      when: isFirstIssue,
    })
}

const intentsRule = once(() =>
  record(z.string().min(1), intentRule(), 'expected an object with an intent for each pool').refine(
    intents => intents.size > 0,
    { message: 'expected at least one pool, got none', when: isFirstIssue },
  ),
)
