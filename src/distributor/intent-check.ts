import { memberPath } from '../core/json.js'
import type { InputIssue } from '../errors.js'
import { LONGEST_PHRASE } from './intent.js'
import { countWords } from './stemmer.js'

/** e^20: past that a weight outweighs whatever a text may say. */
const MOST_WEIGHT = 20
const LISTS: readonly string[] = ['words', 'phrases', 'actions', 'openings', 'examples', 'partOf']

/** All that is wrong with the options of a task distributor, whatever came as options. */
export function distributorIssues(options: unknown): readonly InputIssue[] {
  if (!isObject(options)) return [issue('options', 'expected an object with intents', options)]
  return [...issuesOfIntents(options.intents), ...issuesOfOptions(options)]
}

function* issuesOfIntents(intents: unknown): Generator<InputIssue> {
  if (!isObject(intents) || Array.isArray(intents)) {
    yield issue('intents', 'expected an object with an intent for each pool', intents)
    return
  }
  const entries = Object.entries(intents)
  if (entries.length === 0) yield issue('intents', 'expected at least one pool', intents)
  for (const [pool, intent] of entries) {
    const path = memberPath('intents', pool)
    if (pool === '') yield issue(path, 'expected a name of at least one character', pool)
    yield* issuesOfIntent(intent, path)
  }
}

function* issuesOfIntent(intent: unknown, path: string): Generator<InputIssue> {
  if (!isObject(intent)) {
    yield issue(path, `expected an object with some of ${LISTS.join(', ')}`, intent)
    return
  }
  let size = 0
  for (const [key, list] of Object.entries(intent)) {
    if (list === undefined) continue
    const at = memberPath(path, key)
    if (!LISTS.includes(key)) yield issue(at, `expected one of ${LISTS.join(', ')}`, key)
    else if (Array.isArray(list)) for (const [i, text] of list.entries()) yield* issuesOfText(text, key, `${at}[${i}]`)
    else if (isObject(list) && key !== 'examples' && key !== 'partOf') yield* issuesOfWeights(list, key, at)
    else yield issue(at, 'expected an array of strings', list)
    size += isObject(list) ? Object.keys(list).length : 1
  }
  if (size === 0) yield issue(path, `expected an entry in one of ${LISTS.join(', ')}`, intent)
}

function* issuesOfWeights(weights: object, key: string, path: string): Generator<InputIssue> {
  for (const [text, weight] of Object.entries(weights)) {
    const at = memberPath(path, text)
    yield* issuesOfText(text, key, at)
    const fits = typeof weight === 'number' && weight > 0 && weight <= MOST_WEIGHT
    if (!fits) yield issue(at, `expected a weight over 0 and up to ${MOST_WEIGHT}`, weight)
  }
}

function* issuesOfText(text: unknown, key: string, path: string): Generator<InputIssue> {
  if (typeof text !== 'string') {
    yield issue(path, 'expected a string', text)
    return
  }
  const least = key === 'partOf' ? 2 : 1
  const most = key === 'examples' ? Number.POSITIVE_INFINITY : LONGEST_PHRASE
  const length = countWords(text)
  if (length < least) yield issue(path, `expected at least ${least === 1 ? 'one word' : 'a verb and a thing'}`, text)
  if (length > most) yield issue(path, `expected at most ${most} words`, `${length} words`)
}

function* issuesOfOptions({
  threshold,
  fallbackPool,
  classifier,
  intents,
}: Record<string, unknown>): Generator<InputIssue> {
  if (threshold !== undefined && !(typeof threshold === 'number' && threshold >= 0 && threshold <= 1)) {
    yield issue('threshold', 'expected a number from 0 to 1', threshold)
  }
  if (classifier !== undefined && typeof classifier !== 'function') {
    yield issue('classifier', 'expected a function', classifier)
  }
  const isKnown = typeof fallbackPool === 'string' && isObject(intents) && Object.hasOwn(intents, fallbackPool)
  if (fallbackPool !== undefined && !isKnown) yield issue('fallbackPool', 'expected a pool of intents', fallbackPool)
}

function issue(path: string, expected: string, got: unknown): InputIssue {
  return { path, message: `${expected}, got ${shown(got)}` }
}

function shown(value: unknown): string {
  if (typeof value === 'string')
    return value.length > 60 ? `${JSON.stringify(value.slice(0, 60))}...` : JSON.stringify(value)
  if (Array.isArray(value)) return 'an array'
  if (isObject(value)) return Object.keys(value).length === 0 ? 'an empty object' : 'an object'
  return typeof value === 'function' ? 'a function' : String(value)
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
