import { readFileSync } from 'node:fs'
import type { AgentError, AgentRequest, AttemptContext, Report } from 'counterpoint'
import { type ProcessOptions, processBackend } from 'counterpoint/node'
import { expect } from 'vitest'

export const request: AgentRequest = {
  runId: 'run-1',
  runStartedAt: 0,
  task: { id: 'write', description: 'Write a poem', pool: 'writers' },
  input: { lines: 4 },
  outputs: { plan: 'about the sea' },
}

export interface Attempt {
  readonly reports: Report[]
  readonly abort: AbortController
  /** Settles with what the backend's `run` does. */
  readonly result: Promise<unknown>
}

/** A context that does nothing. */
export const context: AttemptContext = {
  attempt: 2,
  idempotencyKey: 'run-1/write/0',
  signal: new AbortController().signal,
  report: () => {},
  softOutput: () => undefined,
  locals: {},
  stream: async () => {},
}

/** Runs one attempt with a process backend. */
export function attempt(options: ProcessOptions, given: AgentRequest = request): Attempt {
  const reports: Report[] = []
  const abort = new AbortController()
  const own = { ...context, signal: abort.signal, report: (report: Report) => reports.push(report) }
  const result = Promise.resolve(processBackend(options).run(given, own))
  result.catch(() => undefined)
  return { reports, abort, result }
}

/** The options of an agent that is a script for Node. */
export function script(source: string, more: Partial<ProcessOptions> = {}): ProcessOptions {
  return {
    command: process.execPath,
    args: ['--input-type=module', '-e', source],
    killGraceMs: 300,
    drainMs: 200,
    ...more,
  }
}

/** The options of an agent that is a script for the shell, which starts faster. */
export function shell(source: string, more: Partial<ProcessOptions> = {}): ProcessOptions {
  return { command: '/bin/sh', args: ['-c', source], killGraceMs: 300, drainMs: 200, ...more }
}

export function failureOf(options: ProcessOptions, given?: AgentRequest): Promise<AgentError> {
  return attempt(options, given).result.then(
    output => expect.fail(`expected a failure, got ${JSON.stringify(output)}`),
    (error: AgentError) => error,
  )
}

export async function textOf(options: ProcessOptions, given?: AgentRequest): Promise<string> {
  return ((await attempt(options, given).result) as { text: string }).text
}

/** False for zombies, which are dead. */
export function isAlive(pid: number): boolean {
  try {
    if (process.platform !== 'linux') return process.kill(pid, 0)
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return !/^[ZX]/.test(stat.slice(stat.lastIndexOf(')') + 2))
  } catch {
    return false
  }
}

/** Polls, because other processes send no events. */
export async function until<T>(poll: () => T | undefined | false, withinMs = 5_000): Promise<T> {
  const end = performance.now() + withinMs
  for (;;) {
    const found = poll()
    if (found !== undefined && found !== false) return found
    if (performance.now() > end) return expect.fail(`still nothing after ${withinMs} ms: ${poll}`)
    await new Promise(resolve => setTimeout(resolve, 5))
  }
}
