import {
  type CounterpointError,
  type Distribution,
  type Intent,
  TaskDistributor,
  type TaskDistributorOptions,
} from 'counterpoint'
import { agentIntents } from 'counterpoint/intents'
import { describe, expect, test } from 'vitest'
import type { Classification, Classifier } from '../../src/distributor/task-distributor.js'

const small: Record<string, Intent> = {
  kitchen: { words: ['cook', 'soup'], actions: ['cook'], openings: ['how hot'], phrases: ['main course'] },
  bar: { words: { wine: 2, glass: 0.5 }, actions: ['pour'] },
}

function distribute(description: string, options: Partial<TaskDistributorOptions> = {}): Distribution {
  const answer = new TaskDistributor({ intents: small, ...options }).distribute({ id: 'task', description })
  expect(answer).not.toBeInstanceOf(Promise)
  return answer as Distribution
}

test('options whose getter throws are rejected with INVALID_INPUT', () => {
  const options = {
    get intents(): never {
      throw new Error('mine')
    },
  }
  expect(issuesOf(options)).toEqual(['options'])
})

function issuesOf(options: unknown): readonly string[] {
  try {
    new TaskDistributor(options as TaskDistributorOptions)
  } catch (error) {
    const { code, details, message } = error as CounterpointError<'INVALID_INPUT'>
    expect(code).toBe('INVALID_INPUT')
    for (const issue of details.issues) expect(message).toContain(`${issue.path}: ${issue.message}`)
    return details.issues.map(({ path }) => path)
  }
  return []
}

describe('the rules', () => {
  test('send a task that names a pool there, even if the pool has no intent', () => {
    const distributor = new TaskDistributor({ intents: small })
    const task = { id: 'a', description: 'Cook a soup', pool: 'garden' }
    expect(distributor.distribute(task)).toEqual({ kind: 'pool', pool: 'garden', confidence: 1 })
  })

  test.each([
    ['Bring two soups', 'kitchen'],
    ['COOKING now', 'kitchen'],
    ['The main courses', 'kitchen'],
    ['How hot should it be?', 'kitchen'],
    ['Could you please pour it?', 'bar'],
    ['A glass of wine with the soup', 'bar'],
  ])('find words in all forms, phrases and openings: %s', (description, pool) => {
    expect(distribute(description)).toMatchObject({ kind: 'pool', pool })
  })

  test('match phrases only with adjacent words, and openings only at the start', () => {
    expect(distribute('The main thing is the course')).toMatchObject({ kind: 'none', confidence: 0 })
    expect(distribute('Tell me how hot it is')).toMatchObject({ kind: 'none', confidence: 0 })
  })

  test('give one word of weight 1 the confidence 0.63, however often it occurs', () => {
    expect(distribute('soup').confidence).toBeCloseTo(1 - Math.exp(-1), 10)
    expect(distribute('soup soup soups').confidence).toBe(distribute('soup').confidence)
  })

  test('put two pools with equal evidence below the default threshold', () => {
    const answer = distribute('soup or tea', { intents: { a: { words: ['soup'] }, b: { words: ['tea'] } } })
    expect(answer).toMatchObject({ kind: 'none', pools: ['a', 'b'] })
    expect(answer.confidence).toBeCloseTo(0.387, 3)
  })

  test('can distinguish pools by example sentences alone', () => {
    const intents = {
      weather: { examples: ['Will it rain in Rome tomorrow?', 'How warm is it in Oslo?', 'Is rain coming?'] },
      trains: {
        examples: ['When does the train to Rome leave?', 'Book a seat on the night train', 'Is my train late?'],
      },
    }
    expect(distribute('Does rain reach Oslo?', { intents, threshold: 0.3 })).toMatchObject({ pool: 'weather' })
    expect(distribute('A late train to Oslo', { intents, threshold: 0.3 })).toMatchObject({ pool: 'trains' })
  })

  test('do not change the evidence for a pool without examples by those of others', () => {
    const intents = { ...small, trains: { examples: ['When does the train leave?', 'The soup of the train'] } }
    expect(distribute('soup of the kitchen', { intents })).toMatchObject({ kind: 'pool', pool: 'kitchen' })
    expect(distribute('Which train?', { intents, threshold: 0.1 })).toMatchObject({ kind: 'pool', pool: 'trains' })
  })

  test('ignore function words when only one pool has examples', () => {
    const examples = Array.from({ length: 20 }, (_, i) => `How is the train number ${i} to the coast?`)
    const intents = { ...small, trains: { examples } }
    expect(distribute('How is the way to the moon?', { intents })).toMatchObject({ kind: 'none', confidence: 0 })
    expect(distribute('A train along the coast', { intents })).toMatchObject({ kind: 'pool', pool: 'trains' })
  })

  test('read texts in any script', () => {
    const intents = { data: { words: ['数据库'] }, code: { words: ['страница', 'κουμπί', 'naïve'] } }
    expect(distribute('请优化我们的数据库查询', { intents })).toMatchObject({ pool: 'data' })
    expect(distribute('数据和库', { intents })).toMatchObject({ kind: 'none' })
    expect(distribute('Новая СТРАНИЦА', { intents })).toMatchObject({ pool: 'code' })
    expect(distribute('a nai\u0308ve try', { intents })).toMatchObject({ pool: 'code' })
  })

  test('are deterministic', () => {
    const distributor = new TaskDistributor({ intents: agentIntents })
    const answers = Array.from({ length: 3 }, () =>
      distributor.distribute({ id: 'a', description: 'Audit the tables' }),
    )
    expect(new Set(answers.map(answer => JSON.stringify(answer))).size).toBe(1)
  })
})

describe('requests for several pools', () => {
  const intents = {
    kitchen: { actions: ['cook'], words: ['soup'], partOf: ['host dinner', 'full service'] },
    bar: { actions: ['pour', 'taste'], words: ['wine'], partOf: ['host dinner', 'full service'] },
    music: { actions: ['play'], partOf: ['host birthday party'] },
  }

  test.each([
    ['Host a dinner', ['kitchen', 'bar']],
    ['Please host a small festive dinner for forty guests, with music', ['kitchen', 'bar']],
    ['A full service', ['kitchen', 'bar']],
    ['Pour the wine and cook the soup', ['bar', 'kitchen']],
    ['Taste and cook the soup, then play', ['kitchen', 'music']],
    ['Cook the soup. Pour the wine; play a song. Cook more soup', ['kitchen', 'bar', 'music']],
  ])('are decomposed, with each pool once and in the order of the steps: %s', (description, pools) => {
    expect(distribute(description, { intents })).toMatchObject({ kind: 'decompose', pools })
  })

  test.each([
    'Host a dinner menu page about soup',
    'Host our site for the dinner soup',
    'Host a birthday party with soup',
    'The host of the dinner wants soup',
    'Cook the soup and serve the wine',
  ])('are not detected where one pool is enough: %s', description => {
    expect(distribute(description, { intents }).kind).not.toBe('decompose')
  })

  test('go to no pool when their confidence is below the threshold', () => {
    expect(distribute('Host a dinner', { intents, threshold: 0.95 })).toEqual({
      kind: 'none',
      pools: ['kitchen', 'bar', 'music'],
      confidence: 0.9,
    })
  })
})

describe('below the threshold', () => {
  const unclear = 'Something else'
  const returning =
    (answer: unknown): Classifier =>
    () =>
      answer as Classification

  test('the answer is none, with all pools, best match first', () => {
    expect(distribute('a glass', { threshold: 0.9 })).toMatchObject({ kind: 'none', pools: ['bar', 'kitchen'] })
    expect(distribute(unclear)).toEqual({ kind: 'none', pools: ['kitchen', 'bar'], confidence: 0 })
    expect(distribute('', { threshold: 0 })).toEqual({ kind: 'none', pools: ['kitchen', 'bar'], confidence: 0 })
  })

  test('the fallback pool takes the task, with the low confidence', () => {
    expect(distribute(unclear, { fallbackPool: 'bar' })).toEqual({ kind: 'pool', pool: 'bar', confidence: 0 })
  })

  test('the classifier is not called when the rules are above the threshold', () => {
    const classifier: Classifier = () => {
      throw new Error('called')
    }
    expect(distribute('soup', { classifier })).toMatchObject({ kind: 'pool', pool: 'kitchen' })
  })

  test('a synchronous classifier gets the text and the pools, and the answer is synchronous', () => {
    const calls: unknown[] = []
    const classifier: Classifier = (...args) => {
      calls.push(args)
      return { pool: 'bar', confidence: 0.8 }
    }
    expect(distribute(unclear, { classifier })).toEqual({ kind: 'pool', pool: 'bar', confidence: 0.8 })
    expect(calls).toEqual([[unclear, ['kitchen', 'bar']]])
  })

  test('an asynchronous classifier makes the answer a promise', async () => {
    const classifier: Classifier = async () => ({ pools: ['bar', 'kitchen', 'bar'], confidence: 0.7 })
    const answer = new TaskDistributor({ intents: small, classifier }).distribute({ id: 'a', description: unclear })
    expect(answer).toBeInstanceOf(Promise)
    expect(await answer).toEqual({ kind: 'decompose', pools: ['bar', 'kitchen'], confidence: 0.7 })
  })

  test('a repeated pool counts once', () => {
    const classifier = returning({ pools: ['bar', 'bar'], confidence: 0.7 })
    expect(distribute(unclear, { classifier })).toEqual({ kind: 'pool', pool: 'bar', confidence: 0.7 })
  })

  test('a classifier below the threshold moves its pool to the front if it is above the rules', () => {
    const classifier = returning({ pool: 'bar', confidence: 0.2 })
    expect(distribute(unclear, { classifier })).toEqual({ kind: 'none', pools: ['bar', 'kitchen'], confidence: 0.2 })
    expect(distribute('soup', { classifier, threshold: 0.9 })).toMatchObject({ pools: ['kitchen', 'bar'] })
    expect(distribute(unclear, { classifier, fallbackPool: 'kitchen' })).toMatchObject({
      kind: 'pool',
      confidence: 0.2,
    })
  })

  const throwing = Object.defineProperty({}, 'then', {
    get() {
      throw new Error('hostile')
    },
  })
  test.each([
    ['undefined', undefined],
    ['null', null],
    ['a string', 'bar'],
    ['an unknown pool', { pool: 'garden', confidence: 1 }],
    ['a name of Object.prototype', { pool: 'constructor', confidence: 1 }],
    ['one unknown pool among known ones', { pools: ['bar', 'garden'], confidence: 1 }],
    ['no pools', { pools: [], confidence: 1 }],
    ['pools that are a string', { pools: 'bar', confidence: 1 }],
    ['no confidence', { pool: 'bar' }],
    ['a confidence over 1', { pool: 'bar', confidence: 80 }],
    ['a confidence of NaN', { pool: 'bar', confidence: Number.NaN }],
    ['an object that throws when read', throwing],
  ])('an invalid answer of the classifier is ignored: %s', (_, answer) => {
    expect(distribute(unclear, { classifier: returning(answer) })).toMatchObject({ kind: 'none', confidence: 0 })
  })

  test('a classifier that throws or rejects is ignored', async () => {
    const thrower: Classifier = () => {
      throw new Error('down')
    }
    expect(distribute(unclear, { classifier: thrower, fallbackPool: 'bar' })).toMatchObject({ pool: 'bar' })
    const throwingThenable = {
      // biome-ignore lint/suspicious/noThenProperty: what is tested is a foreign promise that throws
      then() {
        throw new Error('broken')
      },
    }
    for (const classifier of [
      () => Promise.reject(new Error('down')),
      returning(throwingThenable),
    ] satisfies Classifier[]) {
      const answer = new TaskDistributor({ intents: small, classifier }).distribute({ id: 'a', description: unclear })
      expect(await answer).toMatchObject({ kind: 'none', confidence: 0 })
    }
  })
})

describe('hostile input', () => {
  test('names from Object.prototype are ordinary names', () => {
    const intents = JSON.parse(
      '{ "__proto__": { "words": ["alpha"] }, "constructor": { "words": { "__proto__": 2 } } }',
    )
    expect(distribute('alpha', { intents })).toMatchObject({ kind: 'pool', pool: '__proto__' })
    expect(distribute('what does __proto__ do', { intents })).toMatchObject({ kind: 'pool', pool: 'constructor' })
    expect(distribute('toString valueOf hasOwnProperty', { intents })).toMatchObject({ kind: 'none', confidence: 0 })
    expect(distribute('beta', { intents, fallbackPool: '__proto__' })).toMatchObject({ pool: '__proto__' })
    expect(({} as Record<string, unknown>).words).toBeUndefined()
  })

  test('words are plain text, not patterns', () => {
    const intents = { a: { words: ['(x+)+y', '.*'.concat('q')] } }
    expect(distribute('xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx!', { intents })).toMatchObject({ kind: 'none' })
  })

  test('text after 8,192 characters is not read, nor passed to the classifier', () => {
    const lengths: number[] = []
    const classifier: Classifier = text => {
      lengths.push(text.length)
      return undefined
    }
    expect(distribute(`${'- '.repeat(4_096)}soup`, { classifier })).toMatchObject({ kind: 'none', confidence: 0 })
    expect(lengths).toEqual([8_192])
  })

  test('unlimited evidence results in a confidence of 1', () => {
    const words = Array.from({ length: 500 }, (_, i) => `w${i}`)
    const intents = { a: { words: Object.fromEntries(words.map(word => [word, 20])) }, b: { words: ['w0'] } }
    expect(distribute(words.join(' '), { intents })).toEqual({ kind: 'pool', pool: 'a', confidence: 1 })
  })

  test.each([
    ['a megabyte without a space', 'x'.repeat(1_000_000)],
    ['3,000 spaces', `a${' '.repeat(3_000)}b`],
    ['input that is slow for nested quantifiers', `${'a'.repeat(8_000)}!`],
    ['input that is slow for lazy quantifiers', '<a '.repeat(2_700)],
    ['punctuation', '. - , & '.repeat(1_000)],
    ['conjunctions', 'build and audit and '.repeat(400)],
    ['openings', 'please can you build. '.repeat(380)],
    ['phrases that almost match', 'front end back end user '.repeat(340)],
    ['characters that grow when normalised', '\uFDFA'.repeat(8_192)],
  ])('takes less than 5 ms per KB for %s', (_, description) => {
    const distributor = new TaskDistributor({ intents: agentIntents })
    // Of the processor: what other processes do does not count.
    const measure = (): number => {
      const start = process.cpuUsage()
      void distributor.distribute({ id: 'a', description })
      return process.cpuUsage(start).user / 1_000
    }
    measure() // builds the matcher
    const bestMs = Math.min(...Array.from({ length: 8 }, measure))
    expect(bestMs).toBeLessThan(5 * (Math.min(description.length, 8_192) / 1_024))
  })
})

describe('options', () => {
  const intent = { words: ['a'] }
  test.each<[string, unknown, string[]]>([
    ['no options', undefined, ['options']],
    ['no intents', {}, ['intents']],
    ['intents that are a list', { intents: [] }, ['intents']],
    ['intents without a pool', { intents: {} }, ['intents']],
    ['a pool without a name', { intents: { '': intent } }, ['intents[""]']],
    ['an intent that is a string', { intents: { a: 'words' } }, ['intents.a']],
    ['an empty intent', { intents: { a: {} } }, ['intents.a']],
    ['an intent of empty lists', { intents: { a: { words: [], examples: undefined } } }, ['intents.a']],
    ['an unknown member', { intents: { a: { word: ['x'] } } }, ['intents.a.word']],
    ['words that are not a list', { intents: { a: { words: 'x' } } }, ['intents.a.words']],
    ['a word that is not a string', { intents: { a: { words: ['x', /y/] } } }, ['intents.a.words[1]']],
    ['a word without a letter', { intents: { a: { words: ['x', ' - '] } } }, ['intents.a.words[1]']],
    ['a phrase that is too long', { intents: { a: { phrases: ['x '.repeat(65)] } } }, ['intents.a.phrases[0]']],
    ['a weight of 0', { intents: { 'a-b': { words: { x: 0 } } } }, ['intents["a-b"].words.x']],
    [
      'weights that are not numbers',
      { intents: { a: { words: { x: '1', y: Number.NaN, z: 21 } } } },
      ['intents.a.words.x', 'intents.a.words.y', 'intents.a.words.z'],
    ],
    ['weights of examples', { intents: { a: { examples: { x: 1 } } } }, ['intents.a.examples']],
    ['a whole request without an object', { intents: { a: { partOf: ['website'] } } }, ['intents.a.partOf[0]']],
    ['a threshold over 1', { intents: { a: intent }, threshold: 1.1 }, ['threshold']],
    ['a threshold of NaN', { intents: { a: intent }, threshold: Number.NaN }, ['threshold']],
    ['an unknown fallback pool', { intents: { a: intent }, fallbackPool: 'toString' }, ['fallbackPool']],
    ['a classifier that is not a function', { intents: { a: intent }, classifier: {} }, ['classifier']],
    [
      'several issues at once',
      { intents: { a: {} }, threshold: -1, fallbackPool: 'b' },
      ['intents.a', 'threshold', 'fallbackPool'],
    ],
  ])('are rejected with the path of the issue: %s', (_, options, paths) => {
    expect(issuesOf(options)).toEqual(paths)
  })

  test('are accepted as documented', () => {
    expect(issuesOf({ intents: { a: intent }, threshold: 0, fallbackPool: 'a', classifier: () => undefined })).toEqual(
      [],
    )
    expect(issuesOf({ intents: agentIntents, threshold: 1 })).toEqual([])
  })
})

describe('the intents of counterpoint/intents', () => {
  const distributor = new TaskDistributor({ intents: agentIntents })
  test.each([
    ['codegen', 'Build frontend with React'],
    ['codegen', 'Implement API endpoint'],
    ['codegen', 'Create database migration'],
    ['codegen', 'Fix bug in authentication'],
    ['codegen', 'Deploy to production'],
    ['security', 'Audit for vulnerabilities'],
    ['security', 'Test payment security'],
    ['security', 'Check OWASP compliance'],
    ['security', 'Penetration test'],
    ['security', 'Review code for XSS'],
    ['database', 'Design Supabase schema'],
    ['database', 'Optimize slow queries'],
    ['database', 'Setup real-time subscriptions'],
    ['database', 'Create backup strategy'],
    ['database', 'Migrate PostgreSQL data'],
  ])('send to %s: %s', (pool, description) => {
    expect(distributor.distribute({ id: 'a', description })).toMatchObject({ kind: 'pool', pool })
  })

  test.each([
    ['Build restaurant website', ['codegen', 'database', 'security']],
    ['Build a restaurant website with online booking and secure payments', ['codegen', 'database', 'security']],
    ['Audit and fix security', ['security', 'codegen']],
    ['Full e-commerce setup', ['codegen', 'database', 'security']],
    ['Please find and fix vulnerabilities', ['security', 'codegen']],
    ['Design the schema, build the booking page, then check it for XSS', ['database', 'codegen', 'security']],
  ])('decompose: %s', (description, pools) => {
    expect(distributor.distribute({ id: 'a', description })).toMatchObject({ kind: 'decompose', pools })
  })

  test.each([
    'Build the header of our website',
    'Create a contact page for the online shop',
    'Build a website header',
    'Add tests and refactor the parser',
    'Back up and restore the tables',
  ])('do not decompose: %s', description => {
    expect(distributor.distribute({ id: 'a', description })).toMatchObject({ kind: 'pool' })
  })

  test.each(['', '...', '42', 'Sing me a song', 'Quod erat demonstrandum'])('do not match: %s', description => {
    expect(distributor.distribute({ id: 'a', description })).toMatchObject({ kind: 'none' })
  })

  test('can be spread and extended', () => {
    const { codegen } = agentIntents
    const more = { ...codegen, examples: [...(codegen.examples ?? []), 'Retouch the product photos'] }
    const spread = new TaskDistributor({ intents: { ...agentIntents, codegen: more, garden: { words: ['hedge'] } } })
    expect(spread.distribute({ id: 'a', description: 'Water that hedge' })).toMatchObject({ pool: 'garden' })
  })
})
