import { memberPath } from './core/json.js'
import { cutText } from './core/text.js'

/** The most issues that one error lists. */
export const MAX_ISSUES = 20

/** The most names compared for a suggestion: an error about one id must not take seconds in a plan of a million. */
const COMPARED_NAMES = 20_000

/**
 * ` (did you mean "x"?)` with the name nearest to `word` by edit distance, else the one that has the same beginning; an empty string when
 * there is neither.
 */
export function didYouMean(word: string, names: Iterable<string>): string {
  let nearest: string | undefined
  let related: string | undefined
  let longest = 0
  let least = Math.min(3, Math.round(word.length * 0.4)) + 1
  let compared = 0
  for (const name of names) {
    if (compared++ === COMPARED_NAMES) break
    const shared = sharedStart(word, name)
    if (shared > longest) {
      longest = shared
      related = name
    }
    if (Math.abs(word.length - name.length) >= least) continue
    const distance = editDistance(word.toLowerCase(), name.toLowerCase(), least)
    // Three letters off and another beginning: a chance likeness, as of `message` and `usage`.
    if (distance >= least || (distance > 2 && word[0]?.toLowerCase() !== name[0]?.toLowerCase())) continue
    least = distance
    nearest = name
  }
  const suggestion = nearest ?? related
  return suggestion === undefined ? '' : ` (did you mean "${suggestion}"?)`
}

/**
 * How many letters `word` and `name` have in common at their start, where one is the beginning of the other (`timeout`, `timeoutMs`), or
 * is so but for its last letter (`retry`, `retries`); else 0. Fewer than 4 say nothing.
 */
function sharedStart(word: string, name: string): number {
  const [a, b] = [word.toLowerCase(), name.toLowerCase()]
  const shorter = Math.min(a.length, b.length)
  let shared = 0
  while (shared < shorter && a[shared] === b[shared]) shared++
  return shared >= 4 && shared >= shorter - 1 ? shared : 0
}

/** How many letters to insert, delete, replace or swap with a neighbour to turn `a` into `b` (Damerau 1964); at most `bound`. */
function editDistance(a: string, b: string, bound: number): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    let best = i
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      let cost = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + (same ? 0 : 1))
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      if (swapped) cost = Math.min(cost, beforeLast[j - 2]! + 1)
      row.push(cost)
      best = Math.min(best, cost)
    }
    if (best >= bound) return bound
    beforeLast = last
    last = row
  }
  return last[b.length]!
}

/** What other libraries, and people, call ours. Each word with all the names that it may mean; the first that there is counts. */
const SYNONYMS: Readonly<Record<string, readonly string[]>> = {
  dependson: ['after'],
  deps: ['after'],
  dependencies: ['after'],
  requires: ['after'],
  needs: ['after'],
  parents: ['after'],
  name: ['id'],
  key: ['id'],
  title: ['description'],
  prompt: ['description'],
  text: ['description'],
  agent: ['pool', 'backend'],
  worker: ['pool', 'backend'],
  queue: ['pool'],
  fn: ['run'],
  handler: ['run', 'backend'],
  execute: ['run'],
  schema: ['output'],
  maxretries: ['retries'],
  attempts: ['retries'],
  maxattempts: ['retries'],
  maxconcurrency: ['concurrency'],
  maxconcurrent: ['concurrency'],
  parallelism: ['concurrency'],
  limit: ['concurrency', 'requests'],
  ratelimit: ['requests'],
  timeout: ['timeoutMs'],
  deadline: ['totalTimeoutMs', 'timeoutMs'],
  cwd: ['workdir'],
  dir: ['workdir', 'folder'],
  directory: ['workdir', 'folder'],
  path: ['folder', 'command'],
  cmd: ['command'],
  program: ['command'],
  arguments: ['args'],
  environment: ['env', 'setEnv'],
  baseurl: ['url'],
  endpoint: ['url'],
  delay: ['afterMs'],
  delayms: ['afterMs'],
  nodes: ['tasks'],
  steps: ['tasks'],
  jobs: ['tasks'],
}

/** The message for a key that is none of `keys`. */
export function unknownKey(key: string, keys: readonly string[]): string {
  const near = didYouMean(key, keys)
  const word = key.toLowerCase().replace(/[_-]/g, '')
  const meant = (Object.hasOwn(SYNONYMS, word) ? SYNONYMS[word] : undefined)?.find(name => keys.includes(name))
  const hint = meant === undefined ? near : ` (did you mean "${meant}"?)`
  // A word that means the same is a guess.
  return `unknown key${hint}${near === '' ? `; expected one of ${keys.join(', ')}` : ''}`
}

/** `value` for a message: short, and never throws. */
export function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(shorten(value))
  if (value === undefined) return 'nothing'
  if (typeof value === 'object' && value !== null) return kindOf(value) ?? 'an object'
  return typeof value === 'function' || typeof value === 'symbol' ? `a ${typeof value}` : String(value)
}

const CONTAINERS = ['WeakMap', 'WeakSet', 'Date', 'RegExp', 'Promise', 'Error', 'ArrayBuffer']

/** What an object is when it is more than its members: `a list`, `a Map`, `a Date`. Undefined for others, and for a revoked proxy, which throws. */
export function kindOf(value: object): string | undefined {
  try {
    if (Array.isArray(value)) return 'a list'
    const tag = Object.prototype.toString.call(value).slice('[object '.length, -1)
    if (!(Symbol.iterator in value) && !CONTAINERS.includes(tag)) return undefined
    return tag === 'Object' ? 'an iterable' : `${/^[AEIOU]/.test(tag) ? 'an' : 'a'} ${tag}`
  } catch {
    return undefined
  }
}

/** A path below `start`: `pools.writer.backends[2]`, `pools["my pool"]`. Keys are shortened. */
export function pathText(parts: readonly PropertyKey[], start = ''): string {
  let path = start
  for (const part of parts)
    path = typeof part === 'number' ? `${path}[${part}]` : memberPath(path, shorten(String(part)))
  return start === '' && path.startsWith('.') ? path.slice(1) : path
}

/** The first `length` characters, followed by `...` when the text is longer. */
export function shorten(text: string, length = 60): string {
  return cutText(text, length, 'start', '...')
}
