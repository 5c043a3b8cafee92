import { type AgentReply, Orchestrator } from 'counterpoint'
import { jsonRequest, processBackend } from 'counterpoint/node'
import { describe, expect, test } from 'vitest'
import { attempt, failureOf, script, shell, textOf } from './run-attempt.js'

const line = (value: unknown): string => JSON.stringify(value)
const write = (text: string): string => `process.stdout.write(${JSON.stringify(text)})`
const lines = (...values: readonly unknown[]): string => write(values.map(value => `${line(value)}\n`).join(''))

test('text returns { text, outputTruncated }, even if empty', async () => {
  expect(await attempt(shell('printf hello')).result).toEqual({ text: 'hello', outputTruncated: false })
  expect(await attempt(shell('true')).result).toEqual({ text: '', outputTruncated: false })
})

test('text above the limit is cut between characters, with outputTruncated', async () => {
  const exact = await attempt(shell('printf 0123456789', { maxOutputBytes: 10 })).result
  expect(exact).toEqual({ text: '0123456789', outputTruncated: false })
  const cut = await attempt(shell(`printf '01234567\\303\\244\\303\\244'`, { maxOutputBytes: 11 })).result
  expect(cut).toEqual({ text: '01234567ä', outputTruncated: true })
})

test('UTF-8 is decoded across chunks, and invalid bytes are replaced', async () => {
  const slow = `for (const byte of Buffer.from('a€🎼')) { process.stdout.write(Buffer.of(byte)); await new Promise(r => setTimeout(r, 5)) }`
  expect(await textOf(script(slow))).toBe('a€🎼')
  expect(await textOf(shell(`printf 'a\\000\\377b\\303'`))).toBe('a\0\ufffdb\ufffd')
})

test('200 MB of output neither fill the memory nor block the agent', async () => {
  let most = 0
  const before = process.memoryUsage().rss
  const timer = setInterval(() => {
    most = Math.max(most, process.memoryUsage().rss)
  }, 10)
  const noisy = shell('head -c 200000000 /dev/zero; head -c 20000000 /dev/zero >&2', { maxOutputBytes: 100_000 })
  const result = (await attempt(noisy).result) as { text: string; outputTruncated: boolean }
  clearInterval(timer)
  expect(result.text).toBe('\0'.repeat(100_000))
  expect(result.outputTruncated).toBe(true)
  expect(most - before).toBeLessThan(100e6)
})

test('json returns one JSON value', async () => {
  expect(await attempt(shell(`printf '\\357\\273\\277 {"a": [1, "ä"]}\\n'`, { output: 'json' })).result).toEqual({
    a: [1, 'ä'],
  })
  expect(await attempt(shell('echo null', { output: 'json' })).result).toBe(null)
})

test.each([
  ['nothing at all', ''],
  ['JSON that is cut at 65,536 bytes', line({ result: 'x'.repeat(100_000) }).slice(0, 65_536)],
])('json that is %s is incomplete, even with exit code 0', async (_name, text) => {
  const failure = await failureOf(script(write(text), { output: 'json' }))
  expect(failure).toMatchObject({ kind: 'incomplete-output', code: undefined })
  expect(failure.message).toContain(`got ${text.length} bytes`)
})

test('json above the limit is incomplete, with code OUTPUT_TRUNCATED', async () => {
  const failure = await failureOf(script(write(line('x'.repeat(1_000))), { output: 'json', maxOutputBytes: 1_001 }))
  expect(failure).toMatchObject({
    kind: 'incomplete-output',
    code: 'OUTPUT_TRUNCATED',
    message: expect.stringMatching(/maxOutputBytes/),
  })
})

test('jsonl reports progress and usage, then returns the answer', async () => {
  const { reports, result } = attempt(
    script(
      lines(
        'noise',
        { progress: 0.4, message: 'half\u001b[31m' },
        { level: 30 },
        { usage: { inputTokens: 10, costUsd: -1 } },
        { progress: 7 },
        { usage: { inputTokens: 12, outputTokens: 5, costUsd: 0.5, other: 1 } },
        { output: { poem: '…' } },
      ),
      { output: 'jsonl' },
    ),
  )
  const reply = (await result) as AgentReply
  expect(reply.output).toEqual({ poem: '…' })
  expect(reply.usage).toEqual({ inputTokens: 12, outputTokens: 5, costUsd: 0.5, other: 1 })
  // On a busy machine there is time for signs of life, which are empty.
  expect(reports.filter(report => Object.keys(report).length > 0)).toEqual([
    { progress: 0.4, message: 'half' },
    { usage: { inputTokens: 10, costUsd: -1 } },
    { progress: 1 },
    { usage: { inputTokens: 12, outputTokens: 5, costUsd: 0.5, other: 1 } },
  ])
})

test.each<[string, string, unknown]>([
  [
    'the last answer counts',
    lines({ output: 1 }, { output: 2, usage: { costUsd: 1 } }),
    { output: 2, usage: { costUsd: 1 } },
  ],
  ['an answer may be null', lines({ output: null }), { output: null }],
  ['the last line needs no newline', write('{"output": 3}'), { output: 3 }],
  ['lines may end with CR LF and be empty', write('\r\n{"output": 4}\r\n\r\n'), { output: 4 }],
  ['output after the answer is ignored', write('{"output": 5}\nbye'), { output: 5 }],
  ['an error of null is ignored', lines({ output: 6, error: null }), { output: 6 }],
  [
    'a long line before the answer does not matter',
    `${write(`{"log": "${'x'.repeat(5_000)}"}\n`)};${lines({ output: 7 })}`,
    { output: 7 },
  ],
])('of jsonl %s', async (_name, source, expected) => {
  const reply = await attempt(script(source, { output: 'jsonl', maxOutputBytes: 1_000 })).result
  expect(reply).toMatchObject(expected as object)
})

test.each<[string, string, object]>([
  ['there is no answer', lines({ progress: 1 }, { usage: { costUsd: 2 } }), { code: undefined, usage: { costUsd: 2 } }],
  [
    'its last line is cut',
    write('{"output": 1}\n{"output": "ab'),
    { code: undefined, message: expect.stringMatching(/last line/) },
  ],
  ['the answer is too long', lines({ output: 'x'.repeat(5_000) }), { code: 'OUTPUT_TRUNCATED' }],
  [
    'a line after the answer is too long',
    lines({ output: 1 }, { output: 'x'.repeat(5_000) }),
    { code: 'OUTPUT_TRUNCATED' },
  ],
  ['it never ends its first line', write('x'.repeat(5_000)), { code: 'OUTPUT_TRUNCATED' }],
])('jsonl with exit code 0 is incomplete when %s', async (_name, source, expected) => {
  const failure = await failureOf(script(source, { output: 'jsonl', maxOutputBytes: 1_000 }))
  expect(failure).toMatchObject({ kind: 'incomplete-output', ...expected })
})

test.each<[string, string, object]>([
  [
    'with a kind and a wait',
    lines({ usage: { costUsd: 1 } }, { error: { kind: 'throttled', message: 'slow down\u0007', retryAfterMs: 2_000 } }),
    { kind: 'throttled', message: 'slow down', retryAfterMs: 2_000, usage: { costUsd: 1 } },
  ],
  [
    'of an unknown kind',
    lines({ error: { kind: 'toString', message: 'no', retryAfterMs: -5 } }),
    { kind: 'agent', message: 'no', retryAfterMs: undefined },
  ],
  ['as a string', lines({ error: 'out of ink' }), { kind: 'agent', message: 'out of ink' }],
  [
    'without a message',
    lines({ error: { kind: 'quota' } }),
    { kind: 'quota', message: expect.stringMatching(/without a message/) },
  ],
  [
    'before an exit code',
    `${lines({ error: { kind: 'quota', message: 'used up' } })}; process.exitCode = 9`,
    { kind: 'quota' },
  ],
  ['in addition to an answer', lines({ error: 'no' }, { output: 1 }), { kind: 'agent', message: 'no' }],
])('jsonl can report a failure %s', async (_name, source, expected) => {
  expect(await failureOf(script(source, { output: 'jsonl' }))).toMatchObject(expected)
})

test('an answer with an exit code other than 0 is a failure with usage', async () => {
  const options = script(`${lines({ output: 1, usage: { costUsd: 3 } })}; process.exitCode = 2`, { output: 'jsonl' })
  expect(await failureOf(options)).toMatchObject({ kind: 'agent', status: 2, usage: { costUsd: 3 } })
})

test('200,000 short lines are read quickly', async () => {
  const source = `yes '{"level":30}' | head -n 200000; echo '{"output": 1}'`
  expect(await attempt(shell(source, { output: 'jsonl' })).result).toMatchObject({ output: 1 })
})

describe('json that is not JSON', () => {
  test.each([
    ['text', 'I am done'],
    ['fenced', '```json\n{"a": 1}\n```\n'],
    ['in prose', 'The answer is {"a": 1}.'],
    ['of Python', "{'a': 1}"],
  ])('is invalid, not cut: %s', async (_, text) => {
    const failure = await failureOf(script(write(text), { output: 'json', setEnv: { WORD: 'a secret' } }))
    expect(failure).toMatchObject({ kind: 'invalid-output', code: 'OUTPUT_NOT_JSON', output: text.trim() })
  })

  test('is asked for again with the answer as feedback, without secrets', async () => {
    const source = `
      let text = ''
      for await (const chunk of process.stdin) text += chunk
      const { feedback } = JSON.parse(text)
      console.log(feedback ? JSON.stringify(feedback) : 'The token is ' + process.env.TOKEN + ': {"a": 1}')`
    const options = script(source, { output: 'json', stdin: jsonRequest, setEnv: { TOKEN: 'hunter2hunter2' } })
    const orchestrator = new Orchestrator({ pools: { agents: { backend: processBackend(options) } } })
    const { outputs } = await orchestrator.run({ tasks: [{ id: 'a', retries: 0 }] }).result
    expect(outputs.a).toMatchObject({ attempt: 1, kind: 'invalid-output', output: 'The token is [TOKEN]: {"a": 1}' })
  })

  test('is accepted with extractJson, if there is one value', async () => {
    const options = { output: 'json', extractJson: true } as const
    expect(await attempt(script(write('Done: {"a": 1}.'), options)).result).toEqual({ a: 1 })
    expect(await attempt(script(write('```json\n[1]\n```'), options)).result).toEqual([1])
    expect(await failureOf(script(write('{"a": 1} or {"a": 2}'), options))).toMatchObject({ kind: 'invalid-output' })
    expect(await failureOf(script(write('Done: {"a": 1'), options))).toMatchObject({ kind: 'incomplete-output' })
  })

  test.each<[string, string, object]>([
    [
      'wrong in its last line',
      '{"output": 1,}',
      { kind: 'invalid-output', message: expect.stringMatching(/line of st/) },
    ],
    ['wrong in a line after an answer', '{"output": 1}\n{"output": 2,}\n', { kind: 'invalid-output' }],
    ['cut in a line after an answer', '{"output": 1}\n{"output": [2\n', { kind: 'incomplete-output' }],
    ['spread over several lines', '{\n  "output": 1\n}\n', { kind: 'invalid-output', output: '"output": 1' }],
    ['of Python', "{'output': 1}\n", { kind: 'invalid-output' }],
    ['in prose', 'Here it is: {"output": 1}\n', { kind: 'invalid-output' }],
    ['missing', 'I am done\n', { kind: 'incomplete-output' }],
  ])('of an answer in lines: %s', async (_, text, expected) => {
    expect(await failureOf(script(write(text), { output: 'jsonl' }))).toMatchObject(expected)
  })

  test('in lines of tools does not matter', async () => {
    const text = '{"output": 1}\nsent {"output": 2} to x\n{level: info}\n{ not json'
    expect(await attempt(script(write(text), { output: 'jsonl' })).result).toMatchObject({ output: 1 })
  })
})

test.each<[string, unknown]>([
  ...['', ' ', [], ['x'], {}, 0, 5, false, true, null].map(
    error => [JSON.stringify(error), { error }] as [string, unknown],
  ),
  ['an object without message or kind', { error: { code: 5 } }],
  ['an object with an empty message', { error: { message: '' } }],
  ['an object with a kind that is unknown, and no message', { error: { kind: 'ENOENT' } }],
  ['one of a tool, as text', { tool: 'grep', error: 'no match' }],
  ['one of a tool, as an object', { type: 'tool_result', error: { message: 'no such file', kind: 'timeout' } }],
  ['one of a tool, deeper inside', { item: { error: { message: 'no' } } }],
  ['one of a log', { level: 'error', message: 'retrying', error: { message: 'reset' } }],
])('an error in a line that is not a failure of the agent: %s', async (_, line) => {
  const source = lines(line, { output: 1, error: '' }, line)
  expect(await attempt(script(source, { output: 'jsonl' })).result).toMatchObject({ output: 1 })
})

test('a usage in a line of a tool is not that of the agent', async () => {
  const source = lines({ usage: { costUsd: 1 } }, { disk: '/', usage: '80%' }, { usage: [] }, { output: 1 })
  expect(await attempt(script(source, { output: 'jsonl' })).result).toMatchObject({ usage: { costUsd: 1 } })
})

describe('a line with members of its own', () => {
  const tool = { tool: 'ls', output: 'a.txt', usage: { disk: 80 } }
  const agent = { output: 1, usage: { costUsd: 1 } }

  test('is not the answer, nor the usage, where the agent has given one', async () => {
    for (const order of [
      [tool, agent],
      [agent, tool],
      [agent, tool, { progress: 1, message: 'done' }, tool],
    ])
      expect(await attempt(script(lines(...order), { output: 'jsonl' })).result).toMatchObject(agent)
    const big = lines(agent).replace(/$/, `;process.stdout.write('{"tool": 1, "output": 9007199254740993}')`)
    expect(await attempt(script(big, { output: 'jsonl' })).result).toMatchObject(agent)
  })

  test('counts where no other line has an answer', async () => {
    const typed = { type: 'result', output: 2, usage: { costUsd: 2 } }
    expect(await attempt(script(lines(tool, typed), { output: 'jsonl' })).result).toMatchObject({
      output: 2,
      usage: { costUsd: 2 },
    })
  })
})

describe('an integer beyond 2^53', () => {
  const big = '{"output": {"id": 9007199254740993}}\n'

  test.each([
    ['json', big, '$.output.id'],
    ['jsonl', `${big}{"progress": 1}\n`, '$.output.id'],
  ] as const)('fails the attempt with %s, and says where it is', async (output, text, path) => {
    const failure = await failureOf(script(write(text), { output }))
    expect(failure).toMatchObject({ kind: 'invalid-output', code: 'OUTPUT_NOT_JSON' })
    expect(failure.message).toContain(`standard output: ${path}: expected a number`)
    expect(failure.message).toContain('got 9007199254740993')
  })

  test.each(['json', 'jsonl'] as const)('is kept as text by bigIntegers with %s', async output => {
    const result = await attempt(script(write(big), { output, bigIntegers: 'text' })).result
    expect(result).toMatchObject({ output: { id: '9007199254740993' } })
  })

  test('in a line that is no answer changes nothing', async () => {
    const text = `{"tool": "sql", "id": 9007199254740993, "progress": 0.5}\n{"output": 1}\n`
    expect(await attempt(script(write(text), { output: 'jsonl' })).result).toMatchObject({ output: 1 })
  })
})
