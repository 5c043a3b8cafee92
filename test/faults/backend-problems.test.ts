import { AgentError, type AttemptContext, type HostError, isCounterpointError, reply, TaskGraph } from 'counterpoint'
import { expect, test } from 'vitest'
import * as z from 'zod'
import { Fixture } from './fixture.js'

/** Runs three tasks, one after the other, and shows what was reported on `error`. */
async function reports(backend: (task: unknown, context: AttemptContext) => unknown): Promise<readonly string[]> {
  const fixture = new Fixture(backend, { pool: { concurrency: 1 } })
  const errors: HostError[] = []
  fixture.orchestrator.on('error', error => void errors.push(error))
  await fixture.run(['a', 'b', 'c'])
  return errors.map(shown)
}

function shown({ where, error, runId }: HostError): string {
  expect(runId).toBeDefined()
  if (!isCounterpointError(error, 'INVALID_INPUT')) throw error
  return `${where}: ${error.message}`
}

const WHERE = 'usage of backend pool in pool pool'
const NAMES =
  'inputTokens, outputTokens, tokens or costUsd, or the names that OpenAI, Anthropic, Gemini or the AI SDK give them'

test.each<readonly [string, unknown, string]>([
  ['an unknown name', { cost_usd: 1 }, 'usage.cost_usd: unknown amount (did you mean "costUsd"?)'],
  ['a name near none', { spent: 1 }, `usage.spent: unknown amount; expected ${NAMES}`],
  ['an amount that is a text', { costUsd: '1' }, 'usage.costUsd: expected a number of at least 0, got "1"'],
  [
    'an amount beside a good one',
    { tokens: 3, costUsd: '1' },
    'usage.costUsd: expected a number of at least 0, got "1"',
  ],
  ['an amount that is NaN', { costUsd: Number.NaN }, 'usage.costUsd: expected a number of at least 0, got NaN'],
  ...['cost_usd', 'cost', 'costUSD', 'price', 'total_cost'].map((name): [string, unknown, string] => [
    `a misspelt cost beside tokens: ${name}`,
    { inputTokens: 900, [name]: 5 },
    `usage.${name}: unknown amount (did you mean "costUsd"?)`,
  ]),
  ['a number', 7, 'usage: expected an object, got 7'],
])('a usage that cannot be read is reported once per backend: %s', async (_, usage, message) => {
  const given = usage as never
  expect(await reports(() => reply({ output: 1, usage: given }))).toEqual([`${WHERE}: ${message}`])
  expect(await reports((_, context) => context.report({ usage: given }))).toEqual([`${WHERE}: ${message}`])
  if (typeof usage === 'number') return
  const failing = (): never => {
    throw new AgentError('refused', 'no', { usage: given })
  }
  expect(await reports(failing)).toEqual([`${WHERE}: ${message}`])
})

test.each([
  [undefined],
  [null],
  [{}],
  [{ costUsd: undefined }],
  [{ prompt_tokens: 3 }],
  [{ inputTokens: 1, note: 'x' }],
  [{ costUsd: 1, cost: 1 }],
  [{ promptTokens: Number.NaN, completionTokens: Number.NaN, totalTokens: Number.NaN }],
  [{ input_tokens: 1, service_tier: 'standard', server_tool_use: { web_search_requests: 0 }, cost_details: {} }],
  [{ prompt_tokens: 1, prompt_tokens_details: { cached_tokens: 0 }, total_tokens: 1, cost: null }],
  [{ totalTokenCount: 1, trafficType: 'ON_DEMAND', promptTokensDetails: [{ modality: 'TEXT', tokenCount: 1 }] }],
  [{ inputTokens: { total: 1 }, outputTokens: { total: undefined }, raw: {} }],
])('a usage that is unknown, or can be read, is not reported: %j', async usage => {
  expect(await reports(() => reply({ output: 1, usage: usage as never }))).toEqual([])
})

const LIST =
  'throttled, overloaded, quota, timeout, invalid-output, incomplete-output, bad-input, crashed, interrupted, refused, agent'

test.each<[unknown, unknown, string]>([
  ['rate-limited', {}, 'kind: "rate-limited" is not a failure kind and counts as "agent" (did you mean "throttled"?)'],
  ['rateLimit', {}, 'kind: "rateLimit" is not a failure kind and counts as "agent" (did you mean "throttled"?)'],
  ['ETIMEDOUT', {}, 'kind: "ETIMEDOUT" is not a failure kind and counts as "agent" (did you mean "timeout"?)'],
  ['refuse', {}, 'kind: "refuse" is not a failure kind and counts as "agent" (did you mean "refused"?)'],
  ['fatal', {}, `kind: "fatal" is not a failure kind and counts as "agent"; expected one of ${LIST}`],
  [undefined, {}, `kind: nothing is not a failure kind and counts as "agent"; expected one of ${LIST}`],
  ['refused', { retryAfter: 5 }, 'options.retryAfter: unknown key (did you mean "retryAfterMs"?)'],
  ['refused', { statusCode: 401 }, 'options.statusCode: unknown key (did you mean "status"?)'],
  [
    'refuse',
    { tries: 1 },
    'kind: "refuse" is not a failure kind and counts as "agent" (did you mean "refused"?); options.tries: unknown key; expected one of cause, timeout, retryAfterMs, status, code, usage, output',
  ],
])(
  'an AgentError with a kind or an option that does not exist is reported once per backend: %j %j',
  async (kind, options, message) => {
    const failing = (): never => {
      throw new AgentError(kind as 'agent', 'the real error', options as object)
    }
    const where = 'AgentError of backend pool in pool pool'
    expect(await reports(failing)).toEqual([`${where}: ${message}`])
    const wrapped = (): never => {
      throw new Error('of the host', { cause: new AgentError(kind as 'agent', 'the real error', options as object) })
    }
    expect(await reports(wrapped)).toEqual([`${where}: ${message}`])
  },
)

test('an AgentError that is made wrongly stays the error of its attempt', async () => {
  const fixture = new Fixture(
    () => {
      throw new AgentError('rate-limited' as 'agent', 'slow down', { retryAfter: 5 } as object)
    },
    { pool: { defaults: { retries: 0 } } },
  )
  fixture.orchestrator.on('error', () => {})
  const { tasks } = await fixture.run(['a'])
  expect(tasks.a).toMatchObject({
    status: 'dead',
    failure: { kind: 'agent', message: 'slow down', name: 'AgentError' },
  })
  expect(new AgentError('refused', 'no', null as never)).toMatchObject({ kind: 'refused', message: 'no' })
})

test('an AgentError as it should be is not reported', async () => {
  const all = { cause: 1, timeout: 'idle', retryAfterMs: 1, status: 2, code: 'C', usage: { tokens: 1 } } as const
  const failing = (): never => {
    throw new AgentError('refused', 'no', all)
  }
  expect(await reports(failing)).toEqual([])
})

test('a text `usage` of an error of another library is not reported', async () => {
  const failing = (): never => {
    throw Object.assign(new Error('no such option'), { usage: 'tool [options]' })
  }
  expect(await reports(failing)).toEqual([])
})

test('what a provider reports counts', async () => {
  const fixture = new Fixture(() => reply({ output: 1, usage: { prompt_tokens: 2, completion_tokens: 3 } }))
  const { result } = await fixture.run(['a', 'b'])
  expect(result.usage).toEqual({ inputTokens: 4, outputTokens: 6 })
})

test('an output that looks like a reply is reported once per backend, and stays the output', async () => {
  const fixture = new Fixture(() => ({ output: 'a poem', usage: { costUsd: 1 } }))
  const errors: HostError[] = []
  fixture.orchestrator.on('error', error => void errors.push(error))
  const { tasks } = await fixture.run(['a', 'b'])
  expect(errors.map(shown)).toEqual([
    expect.stringMatching(/^output of backend pool in pool pool: output: .* return reply\(/),
  ])
  expect(tasks.a).toMatchObject({ status: 'succeeded', output: { output: 'a poem', usage: { costUsd: 1 } } })
  expect(tasks.a).not.toHaveProperty('usage')
})

test('an output with more members than a reply has, or with a schema, is not reported', async () => {
  expect(await reports(() => ({ output: 1, usage: 2, more: 3 }))).toEqual([])
  expect(await reports(() => reply({ output: { output: 1, usage: 2 } }))).toEqual([])
  const fixture = new Fixture(() => ({ output: 1, usage: 2 }))
  const errors: HostError[] = []
  fixture.orchestrator.on('error', error => void errors.push(error))
  const graph = new TaskGraph('with a schema')
  graph.task('a', { output: z.object({ output: z.number(), usage: z.number() }) })
  await fixture.finish(fixture.orchestrator.run(graph))
  expect(errors).toEqual([])
})

test('each backend is reported by itself', async () => {
  const fixture = new Fixture(() => reply({ output: 1, usage: { cost_usd: 1 } as never }))
  const other = new Fixture(() => reply({ output: 1, usage: { cost_usd: 1 } as never }))
  const where: string[] = []
  for (const { orchestrator } of [fixture, other]) orchestrator.on('error', error => void where.push(error.where))
  await fixture.run(['a'])
  await other.run(['a'])
  await fixture.run(['b'])
  expect(where).toEqual([WHERE, WHERE])
})
