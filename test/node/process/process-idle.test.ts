import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Orchestrator, type TaskResult } from 'counterpoint'
import { processBackend } from 'counterpoint/node'
import { afterAll, expect, test } from 'vitest'
import { attempt, isAlive, shell, until } from './run-attempt.js'

const folder = mkdtempSync(join(tmpdir(), 'counterpoint-idle-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** A task whose agent is a shell script. */
async function runScript(
  source: string,
  limits: { readonly idleTimeoutMs: number; readonly timeoutMs?: number },
): Promise<TaskResult> {
  const backend = processBackend(shell(source))
  const orchestrator = new Orchestrator({ pools: { agents: { backend } } })
  const task = { id: 'a', description: '', retries: 0, timeoutMs: 60_000, ...limits }
  const { tasks } = await orchestrator.run({ tasks: [task] }).result
  return tasks[0]!
}

test.each([
  ['standard output', 'printf .'],
  ['standard error', 'printf . >&2'],
])('a program that keeps printing to %s is not idle: it is stopped at timeoutMs', async (_, print) => {
  const limits = { idleTimeoutMs: 600, timeoutMs: 1_600 }
  const { failure } = await runScript(`while :; do ${print}; sleep 0.02; done`, limits)
  expect(failure).toMatchObject({ kind: 'timeout', timeout: 'attempt' })
})

test('a program that stops writing is stopped, with all its descendants', async () => {
  const list = join(folder, 'pids')
  const source = `
    sleep 60 & echo $! >> ${list}
    (trap '' TERM; echo a; sleep 60 & echo $! >> ${list}; while :; do sleep 1; done) & echo $! >> ${list}
    echo $$ >> ${list}; printf 'a few'; sleep 0.2; printf ' words' >&2; sleep 60`
  const start = performance.now()
  const { failure } = await runScript(source, { idleTimeoutMs: 1_000 })
  expect(failure).toMatchObject({ kind: 'timeout', timeout: 'idle', message: 'the agent reported nothing for 1000 ms' })
  expect(performance.now() - start).toBeGreaterThan(500)
  const pids = readFileSync(list, 'utf8').trim().split('\n').map(Number)
  expect(pids).toHaveLength(4)
  expect(pids.filter(isAlive)).toEqual([])
})

test('a program that never writes is stopped', async () => {
  const { failure } = await runScript('sleep 60', { idleTimeoutMs: 150 })
  expect(failure).toMatchObject({ kind: 'timeout', timeout: 'idle' })
})

test('output is a heartbeat at most every 50 ms, and so are reports', async () => {
  const noisy = attempt(shell('for i in 1 2 3 4 5 6; do head -c 2000000 /dev/zero; sleep 0.05; done'))
  const before = performance.now()
  await noisy.result
  const most = (performance.now() - before) / 50 + 1
  expect(noisy.reports.length).toBeGreaterThan(2)
  expect(noisy.reports.length).toBeLessThanOrEqual(most)
  expect(noisy.reports.every(report => Object.keys(report).length === 0)).toBe(true)

  const reporting = attempt(shell(`echo '{"message":"at it"}'; sleep 0.2; echo noise; sleep 60`, { output: 'jsonl' }))
  await until(() => reporting.reports.length >= 2)
  expect(reporting.reports).toEqual([{ message: 'at it' }, {}])
  reporting.abort.abort()
  await reporting.result.catch(() => {})
})

test('a process backend has work: process', () => {
  expect(processBackend({ command: 'true' })).toMatchObject({ work: 'process', awaitsTermination: true })
})
