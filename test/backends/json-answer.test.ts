import { type AgentError, parseAnswer } from 'counterpoint'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

const options = { from: 'the agent', redact: (text: string) => text }

/** What becomes of an answer: its JSON, or the kind of its failure. */
function outcome(text: string | Uint8Array, extractJson?: boolean): unknown {
  try {
    return { json: parseAnswer(text, { ...options, extractJson }) }
  } catch (error) {
    return (error as AgentError).kind
  }
}

const fenced = (content: string, label = 'json'): string =>
  `Here you are:\n\n\`\`\`${label}\n${content}\n\`\`\`\nAnything else?`

describe('an answer with a number that would be rounded', () => {
  test.each(['{"id": 9007199254740993}', new TextEncoder().encode('{"id": 9007199254740993}')])(
    'is invalid',
    answer => {
      expect(() => parseAnswer(answer, options)).toThrow(
        expect.objectContaining({
          kind: 'invalid-output',
          code: 'OUTPUT_NOT_JSON',
          message: expect.stringMatching(
            /^the agent: \$\.id: expected a number .*, got 9007199254740993 \(line 1, column 8\)/,
          ),
          output: '{"id": 9007199254740993}',
        }),
      )
    },
  )

  test('is kept as text on demand, in a block of Markdown, too', () => {
    expect(parseAnswer('[1e999, 1]', { ...options, bigIntegers: 'text' })).toEqual(['1e999', 1])
    const answer = fenced('{"id": 9007199254740993}')
    expect(outcome(answer, true)).toBe('invalid-output')
    expect(parseAnswer(answer, { ...options, extractJson: true, bigIntegers: 'text' })).toEqual({
      id: '9007199254740993',
    })
  })
})

describe('an answer that should be JSON', () => {
  test('is cut wherever an array, an object or a string ends early, with every kind of value in it', () => {
    const text = '{"a": [1, -2.5e+3, true, false, null, "x\\n\\u00e9\\"", {}, [], {"b": {"c": [[0]]}}], "d": ""}'
    expect(outcome(text)).toEqual({ json: JSON.parse(text) })
    for (let length = 0; length < text.length; length++)
      expect([length, outcome(text.slice(0, length))]).toEqual([length, 'incomplete-output'])
  })

  test('is cut for every proper prefix of any object or array, and never wrong', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.array(fc.jsonValue()), fc.object({ withNullPrototype: false })),
        fc.nat(),
        (value, at) => {
          const text = JSON.stringify(value)
          return outcome(text.slice(0, at % text.length)) === 'incomplete-output'
        },
      ),
    )
  })

  test.each([
    ['prose', 'I am done'],
    ['fenced', '```json\n{"a": 1}\n```'],
    ['fenced and cut', '```json\n{"a": 1'],
    ['in prose', 'The answer is {"a": 1}.'],
    ['followed by prose', '{"a": 1} as you wished'],
    ['followed by a second, cut one', '{"a": 1} {"b": '],
    ['in single quotes', "{'a': 1}"],
    ['without quotes', '{a: 1, b: '],
    ['with a trailing comma', '[1, 2,]'],
    ['with two commas', '[1,,2'],
    ['with a comment', '{"a": 1 // one\n'],
    ['with NaN', '{"a": NaN'],
    ['with a line break in a string', '{"a": "one\ntwo'],
    ['with a wrong bracket', '{"a": [1}'],
    ['with a leading zero', '[01'],
    ['a beginning of a word', 'tru'],
  ])('is wrong, not cut: %s', (_, text) => {
    expect(outcome(text)).toBe('invalid-output')
  })

  test('comes back as feedback, redacted, with a hint where extractJson would read it', () => {
    const redact = (text: string): string => text.replaceAll('hunter2hunter2', '[TOKEN]')
    const failure = thrownBy(() => parseAnswer(fenced('{"a": "hunter2hunter2"}'), { from: 'the agent', redact }))
    expect(failure).toMatchObject({
      kind: 'invalid-output',
      code: 'OUTPUT_NOT_JSON',
      output: fenced('{"a": "[TOKEN]"}'),
    })
    expect(failure.message).toMatch(/^the agent: expected JSON, got \d+ bytes that begin with "Here .*set extractJson/)
    expect(failure.message).not.toContain('hunter2')
  })

  test('of bytes is UTF-8: cut within a character it is cut, with others it is wrong', () => {
    const bytes = new TextEncoder().encode('{"a": "ä"}')
    expect(outcome(bytes)).toEqual({ json: { a: 'ä' } })
    expect(outcome(bytes.subarray(0, 8))).toBe('incomplete-output')
    expect(outcome(Uint8Array.of(0x22, 0xff, 0x22))).toBe('invalid-output')
  })

  test('of a million brackets is judged without recursion, in one pass', () => {
    expect(outcome('['.repeat(1_000_000))).toBe('incomplete-output')
    expect(outcome('[{'.repeat(500_000), true)).toBe('invalid-output')
    expect(outcome(`text ${'[x'.repeat(500_000)}`, true)).toBe('invalid-output')
  })
})

describe('extractJson', () => {
  test.each<[string, string, unknown]>([
    ['JSON alone', ' {"a": 1}\n', { a: 1 }],
    ['JSON behind a byte order mark', '\ufeff{"a": 1}', { a: 1 }],
    ['JSON alone that contains a fence', '{"a": "```json"}', { a: '```json' }],
    ['one fenced block', fenced('{"a": 1}'), { a: 1 }],
    ['one fenced block without a label', fenced('[1]', ''), [1]],
    ['one fenced block with tildes and CR LF', '~~~json\r\n{"a": 1}\r\n~~~\r\n', { a: 1 }],
    ['one fenced block with a word', fenced('"yes"'), 'yes'],
    ['one fenced block with brackets around it', `[note] {x}\n${fenced('{"a": 1}')}`, { a: 1 }],
    ['one fenced block that was never closed', '```json\n{"a": 1}\n', { a: 1 }],
    ['one object in prose', 'The answer is {"a": {"b": [1]}}, I think.', { a: { b: [1] } }],
    ['one array in prose', 'Here: [1, 2]. Done', [1, 2]],
    ['one object after a bracket of prose', 'As in {x} and [see below]: {"a": 1}', { a: 1 }],
  ])('accepts %s', (_, text, json) => {
    expect(outcome(text, true)).toEqual({ json })
  })

  test.each([
    ['no JSON', 'I am done'],
    ['two fenced blocks', `${fenced('{"a": 1}')}\n${fenced('{"a": 2}')}`],
    ['a fenced block of something else', fenced('echo {"a": 1}', 'sh')],
    ['a fenced block with two values', fenced('{"a": 1}\n{"a": 2}')],
    ['a fence that opens in the middle of a line', 'Here: ```json\n{"a": 1}\n```'],
    ['a value before such a fence', 'Think {"a": 1} then ```json\n{"b": 2}\n```'],
    ['a bracket too many', '{"a": 1}}'],
    ['a bracket too many in prose', 'Here: [1, 2] }'],
    ['two values in prose', 'Either {"a": 1} or {"a": 2}'],
    ['a value in something that is no JSON', `{'a': 1, 'b': {"c": 1}}`],
    ['a value in something that stops being JSON', '{"items": [1, 2,], "b": {"c": 1}}'],
    ['a bare word or number in prose', 'The answer is 42, which is true'],
  ])('refuses %s', (_, text) => {
    expect(outcome(text, true)).toBe('invalid-output')
  })

  test.each([
    ['nothing', ' \n'],
    ['a cut fenced block', '```json\n{"a": 1, "b'],
    ['a fenced block that is cut within a number', '```json\n12'],
    ['a fenced block that has only begun', '```json\n'],
    ['a cut object in prose', 'The answer is {"a": [1, '],
  ])('calls %s cut', (_, text) => {
    expect(outcome(text, true)).toBe('incomplete-output')
  })

  test('reads the one value in any prose around it, or in one block, whatever the value', () => {
    const prose = fc.stringMatching(/^[\w .,;:!?()"'\n]*$/)
    // A quotation mark at the beginning may begin a string, and the rest be a part of it.
    const begin = prose.filter(text => !text.trim().startsWith('"'))
    const value = fc.oneof(fc.array(fc.jsonValue()), fc.object({ withNullPrototype: false }))
    fc.assert(
      fc.property(begin, value, prose, (before, json, after) => {
        const text = JSON.stringify(json)
        const expected = { json: JSON.parse(text) }
        expect(outcome(`${before}x ${text} x${after}`, true)).toEqual(expected)
        expect(outcome(`${before}\n\`\`\`json\n${text}\n\`\`\`\n${after}`, true)).toEqual(expected)
      }),
    )
  })
})

function thrownBy(work: () => unknown): AgentError {
  try {
    work()
  } catch (error) {
    return error as AgentError
  }
  return expect.fail('expected an error')
}

test.each([
  [{ extractJSON: true }, /extractJSON: unknown key \(did you mean "extractJson"\?\)/],
  [{ extractJson: 'yes' }, /extractJson: expected true or false, got "yes"/],
  [{ bigIntegers: true }, /bigIntegers: expected "refuse", "text", got true/],
  [{ from: undefined }, /from: expected a string, got nothing/],
])('refuses the options %j', (wrong, expected) => {
  const given = { from: 'x', redact: (text: string) => text, ...wrong }
  expect(() => parseAnswer('1', given as never)).toThrow(expected)
})
