import * as z from 'zod'
import { checkOptions, fn, optionsOf } from '../options-check.js'
import { countWords } from './read-text.js'

/** The most words of an entry of an intent, examples aside. Bounds the search from each word of a text, and with it the time. */
const MAX_PHRASE_WORDS = 64
/** The largest weight: e^20 already outweighs everything else in a text. */
const MAX_WEIGHT = 20

/** @throws INVALID_INPUT with one issue for each unknown or invalid option of a `TaskDistributor`. */
export function checkDistributorOptions(options: unknown): void {
  const { intents } = Object(options) as { readonly intents?: unknown }
  const isPool = (name: unknown): boolean => typeof name === 'string' && Object.hasOwn(Object(intents), name)
  const rule = optionsOf({
    intents: intentsRule,
    threshold: z.number().min(0).max(1).optional(),
    fallbackPool: z.custom(isPool, 'expected the name of a pool in intents').optional(),
    classifier: fn.optional(),
  })
  checkOptions(rule, options, { of: 'TaskDistributor' })
}

const text = (minWords: number, maxWords: number = MAX_PHRASE_WORDS): z.ZodType =>
  z.string().superRefine((value, context) => {
    const words = countWords(value)
    const expected = words < minWords ? `at least ${counted(minWords)}` : `at most ${counted(maxWords)}`
    if (words < minWords || words > maxWords) context.addIssue({ code: 'custom', message: `expected ${expected}` })
  })

function counted(words: number): string {
  return words === 1 ? 'one word' : `${words} words`
}

/** An object with arbitrary keys. Unlike `z.record` it also checks `__proto__`. */
const record = (key: z.ZodType, value: z.ZodType, expected: string): z.ZodType =>
  z.unknown().superRefine((input, context) => {
    if (typeof input !== 'object' || input === null || Array.isArray(input))
      return context.addIssue({ code: 'custom', message: expected })
    for (const [name, entry] of Object.entries(input)) {
      delegate(key, name, context, name)
      delegate(value, entry, context, name)
    }
  })

/** Adds the issues of `value` by another rule. */
function delegate(rule: z.ZodType, value: unknown, context: z.RefinementCtx, ...path: PropertyKey[]): void {
  for (const issue of rule.safeParse(value, { reportInput: true }).error?.issues ?? [])
    context.addIssue({ ...issue, path: [...path, ...issue.path] } as Parameters<typeof context.addIssue>[0] & object)
}

const isFirstIssue = ({ issues }: z.core.ParsePayload): boolean => issues.length === 0

const texts = z.array(text(1))
const weights = record(
  text(1),
  z.number().positive().max(MAX_WEIGHT),
  'expected a list of strings, or an object with weights',
)
const weighted: z.ZodType = z
  .unknown()
  .superRefine((value, context) => delegate(Array.isArray(value) ? texts : weights, value, context))

const lists = {
  words: weighted,
  phrases: weighted,
  actions: weighted,
  openings: weighted,
  examples: z.array(text(1, Number.POSITIVE_INFINITY)),
  partOf: z.array(text(2)),
}

const intentRule = optionsOf(lists)
  .partial()
  .refine(intent => Object.values(intent).some(list => Object.keys(Object(list)).length > 0), {
    message: `expected an entry in one of ${Object.keys(lists).join(', ')}, got none`,
    when: isFirstIssue,
  })

const intentsRule = record(z.string().min(1), intentRule, 'expected an object with an intent for each pool').refine(
  intents => Object.keys(Object(intents)).length > 0,
  { message: 'expected at least one pool, got none', when: isFirstIssue },
)
