import { type AgentReply, Orchestrator, type TaskData } from 'counterpoint'
import { type ProcessOptions, processBackend } from 'counterpoint/node'
import { describe, expect, test } from 'vitest'
import { attempt, failureOf, isAlive, shell, until } from './run-attempt.js'

const text = async (source: string, more?: Partial<ProcessOptions>) =>
  (await attempt(shell(source, more)).result) as { text: string; outputTruncated: boolean }

const printPid = `echo "{\\"message\\": \\"$$\\"}"`

describe('an agent that ends while another process holds its output', () => {
  test('has all of it, when that writes on and ends', async () => {
    const writer = '(for i in 1 2 3 4 5 6 7 8; do sleep 0.05; echo $i; done) &'
    const { text: all, outputTruncated } = await text(`echo begin; ${writer}`, { drainMs: 200 })
    expect(all.split('\n').slice(0, -1)).toEqual(['begin', ...'12345678'])
    expect(outputTruncated).toBe(false)
  })

  test('has what came until it was silent for drainMs, marked as a beginning', async () => {
    const writer = '(sleep 0.05; echo more; sleep 60; echo never) &'
    expect(await text(`echo begin; ${writer}`, { drainMs: 300 })).toEqual({
      text: 'begin\nmore\n',
      outputTruncated: true,
    })
    expect(await text('sleep 60 & echo begin', { drainMs: 100 })).toEqual({ text: 'begin\n', outputTruncated: true })
  })

  test('has what came within maxDrainMs, when that never stops', async () => {
    const started = performance.now()
    const { text: all, outputTruncated } = await text('(while :; do echo x; sleep 0.01; done) & echo begin', {
      drainMs: 5_000,
      maxDrainMs: 300,
    })
    expect(performance.now() - started).toBeLessThan(4_000)
    expect([all.includes('begin'), all.includes('x\nx\nx'), outputTruncated]).toEqual([true, true, true])
  })

  test('is not cut when only its standard error is held', async () => {
    expect(await text('sleep 60 >/dev/null & echo all', { drainMs: 100 })).toEqual({
      text: 'all\n',
      outputTruncated: false,
    })
  })

  test('keeps a complete JSON answer, and no other', async () => {
    const json = (output: string) => shell(`sleep 60 & printf '${output}'`, { output: 'json', drainMs: 100 })
    expect(await attempt(json('{"a": 1}')).result).toEqual({ a: 1 })
    expect(await attempt(json('12\\n')).result).toBe(12)
    expect(await failureOf(json('12'))).toMatchObject({ kind: 'incomplete-output' })
    expect(await failureOf(json('{"a": 1'))).toMatchObject({ kind: 'incomplete-output' })
    expect(await failureOf(json(''))).toMatchObject({ kind: 'incomplete-output' })
  })

  test('keeps the last answer in lines, also one that the other process writes', async () => {
    const source = `echo '{"output": 1}'; (sleep 0.1; echo '{"output": 2}'; sleep 60) &`
    expect(await attempt(shell(source, { output: 'jsonl', drainMs: 300 })).result).toMatchObject({ output: 2 })
  })

  test('does not become idle meanwhile', async () => {
    const options = shell('sleep 60 & echo all', { drainMs: 500 })
    const { tasks } = await resultOf(options, { id: 'a', idleTimeoutMs: 200, retries: 0 })
    expect(tasks[0]).toMatchObject({ status: 'succeeded', output: { text: 'all\n', outputTruncated: true } })
  })
})

describe('an agent that has answered and does not end', () => {
  const hang = 'sleep 60 & sleep 60'

  test.each<[string, Partial<ProcessOptions>, string, unknown]>([
    ['one JSON value', { output: 'json' }, `echo '{"a": 1}'`, { a: 1 }],
    ['one fenced JSON value', { output: 'json', extractJson: true }, "printf '```json\\n[1]\\n```\\n'", [1]],
    ['a line', { output: 'jsonl' }, `echo '{"output": 1}'`, { output: 1 }],
    ['a line without a newline', { output: 'jsonl' }, `printf '{"output": 1}'`, { output: 1 }],
    ['text', { output: 'text' }, 'echo done', { text: 'done\n', outputTruncated: true }],
    ['text, and closed it', { output: 'text' }, 'echo done; exec >&-', { text: 'done\n', outputTruncated: false }],
  ])('in %s is ended, and its answer is used', async (_, options, print, expected) => {
    const source = `echo "pid $$" >&2; ${print}; ${hang}`
    const { tasks, usage } = await resultOf(shell(source, { ...options, answerGraceMs: 150 }), { id: 'a' })
    const output = tasks[0]?.output
    expect([tasks[0]?.status, tasks[0]?.attempts]).toEqual(['succeeded', 1])
    expect(options.output === 'jsonl' ? { output } : output).toEqual(expected)
    expect(usage).toEqual({})
  })

  test('leaves no process', async () => {
    const agent = attempt(shell(`${printPid}; echo '{"output": 1}'; ${hang}`, { output: 'jsonl', answerGraceMs: 100 }))
    const pid = Number((await until(() => agent.reports[0])).message)
    expect(((await agent.result) as AgentReply).output).toBe(1)
    expect(isAlive(pid)).toBe(false)
  })

  test('may answer again within the grace, and give signs of work', async () => {
    const source = `echo '{"output": 1}'; for i in 1 2 3; do sleep 0.1; echo '{"progress": 0.5}'; done; echo '{"output": 2}'; ${hang}`
    const options = shell(source, { output: 'jsonl', answerGraceMs: 250 })
    expect(await attempt(options).result).toMatchObject({ output: 2 })
  })

  test('is ended although it prints noise, and what it prints when it is ended changes nothing', async () => {
    const source = `trap 'echo "{\\"output\\": 2}"; echo "{\\"error\\": \\"stopped\\"}"; exit 3' TERM
      echo '{"output": 1}'; while :; do echo noise; echo '{"level": 30}'; sleep 0.02; done`
    const options = shell(source, { output: 'jsonl', answerGraceMs: 200 })
    expect(await attempt(options).result).toMatchObject({ output: 1 })
  })

  test('fails if its answer is a failure', async () => {
    const source = `echo '{"error": {"kind": "quota", "message": "used up"}}'; ${hang}`
    expect(await failureOf(shell(source, { output: 'jsonl', answerGraceMs: 100 }))).toMatchObject({ kind: 'quota' })
  })

  test('does not become idle meanwhile', async () => {
    const options = shell(`echo '{"a": 1}'; ${hang}`, { output: 'json', answerGraceMs: 600 })
    const { tasks } = await resultOf(options, { id: 'a', idleTimeoutMs: 250, retries: 0 })
    expect(tasks[0]).toMatchObject({ status: 'succeeded', output: { a: 1 } })
  })

  test('is awaited without end when it has not answered', async () => {
    const options = shell(`echo '{"a": '; ${hang}`, { output: 'json', answerGraceMs: 50 })
    const { tasks } = await resultOf(options, { id: 'a', timeoutMs: 600, retries: 0 })
    expect(tasks[0]?.failure).toMatchObject({ kind: 'timeout', tails: { stdout: '{"a":' } })
  })
})

function resultOf(options: ProcessOptions, task: TaskData) {
  const orchestrator = new Orchestrator({ pools: { agents: { backend: processBackend(options) } } })
  return orchestrator.run({ tasks: [task] }).result
}
