import { resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'

/** The task as an agent receives it. */
export interface AgentTask {
  readonly id: string
  readonly description: string
  readonly pool: string
  readonly context?: unknown
}

/** The JSON line that an agent program reads from stdin: one attempt of one task. */
export interface Assignment {
  readonly task: AgentTask
  readonly input: unknown
  /** The outputs of the dependencies, by id. */
  readonly outputs: Readonly<Record<string, unknown>>
  readonly attempt: number
}

/** The usage of a piece of work. */
export interface Usage {
  readonly inputTokens: number
  readonly outputTokens: number
  /** US dollars. */
  readonly costUsd: number
}

/** One kind of work that an agent can do. */
export interface Skill {
  /** Duration in seconds at a scale of 1. */
  readonly seconds: number
  /** Total usage. Fixed, so that every run of the sample plan costs the same. */
  readonly usage: Usage
  work(assignment: Assignment, workshop: Workshop): Promise<object>
}

/** What a skill can use. */
export interface Workshop {
  /** Absolute path of the folder that all agents of the run write into. */
  readonly folder: string
  /** Waits until this share (0 to 1) of the task's time is over, then reports progress and usage. */
  reached(share: number, message: string): Promise<void>
}

/** Settings from the environment of an agent. */
export interface Settings {
  readonly folder: string
  readonly scale: number
}

/**
 * An agent program: reads its assignment, runs the skill that `choose` returns, reports progress, and prints the result as
 * the last line. A failure is a last line too, `{"error":{"kind":"agent","message":...}}`, with exit code 1.
 * Always ends the process.
 */
export async function serve(choose: (assignment: Assignment) => Skill): Promise<void> {
  // The parent process has closed the pipe.
  process.stdout.on('error', () => process.exit(1))
  try {
    const { folder, scale } = readSettings(process.env)
    const assignment = parseAssignment(await firstLine())
    const skill = choose(assignment)
    const workshop = { folder, reached: pace(skill, scale) }
    const output = await skill.work(assignment, workshop)
    await waitUntil(skill.seconds * 1_000 * scale)
    await say({ output, usage: skill.usage })
    process.exit(0)
  } catch (error) {
    await say({ error: { kind: 'agent', message: error instanceof Error ? error.message : String(error) } })
    process.exit(1)
  }
}

/**
 * Reads `RESTAURANT_OUT` (required: the folder to write into) and `RESTAURANT_SCALE` (default 0.01: a minute takes
 * 0.6 s; 0 does not wait at all).
 *
 * @throws Error for a missing folder, or a scale that is not a number from 0 to 4 (an audited backend runs for at most 10 minutes).
 */
export function readSettings(env: NodeJS.ProcessEnv): Settings {
  const folder = env.RESTAURANT_OUT
  if (!folder) throw new Error('expected RESTAURANT_OUT to name the folder to write into, got nothing: set it')
  const scale = Number(env.RESTAURANT_SCALE || 0.01)
  if (!(scale >= 0 && scale <= 4))
    throw new Error(
      `expected RESTAURANT_SCALE to be a number from 0 to 4, got "${env.RESTAURANT_SCALE}": 0.01 makes a minute 0.6 s`,
    )
  return { folder: resolve(folder), scale }
}

/**
 * The assignment in a line of JSON.
 *
 * @throws Error if the line is not JSON or names no task.
 */
export function parseAssignment(line: string): Assignment {
  const wanted = 'expected one line of JSON on stdin, {"task":{"id","description","pool"},"outputs":{},"attempt":1}'
  let value: Partial<Assignment> | null
  try {
    value = JSON.parse(line)
  } catch {
    throw new Error(`${wanted}, got ${line === '' ? 'nothing' : `"${line.slice(0, 80)}"`}`)
  }
  const { id, description, pool } = value?.task ?? {}
  if (typeof id !== 'string' || typeof description !== 'string' || typeof pool !== 'string')
    throw new Error(`${wanted}, got no task with three strings in "${line.slice(0, 80)}"`)
  const { task, input = null, outputs, attempt = 1 } = value as Assignment
  return { task, input, outputs: isRecord(outputs) ? outputs : {}, attempt }
}

/** The first output of another task with this `kind` (`backend`, `schema`), or undefined. */
export function outputOfKind(
  assignment: Assignment,
  kind: string,
): { taskId: string; output: Record<string, unknown> } | undefined {
  for (const [taskId, output] of Object.entries(assignment.outputs))
    if (isRecord(output) && output.kind === kind) return { taskId, output }
  return undefined
}

/** True for a plain object. Outputs come from other agents and may be anything. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function pace(skill: Skill, scale: number): Workshop['reached'] {
  return async (share, message) => {
    await waitUntil(share * skill.seconds * 1_000 * scale)
    await say({ progress: Math.round(share * 100) / 100, message })
    await say({ usage: usedBy(share, skill.usage) })
  }
}

/** Invariant: usage is the total so far, so a killed attempt has already reported its cost. */
function usedBy(share: number, usage: Usage): Usage {
  return {
    inputTokens: Math.round(share * usage.inputTokens),
    outputTokens: Math.round(share * usage.outputTokens),
    costUsd: Math.round(share * usage.costUsd * 10_000) / 10_000,
  }
}

/** `performance.now()` counts from the start of the process, so the startup of Node is part of the task's time. */
async function waitUntil(sinceStartMs: number): Promise<void> {
  const leftMs = sinceStartMs - performance.now()
  if (leftMs > 0) await sleep(leftMs)
}

async function firstLine(): Promise<string> {
  for await (const line of createInterface({ input: process.stdin })) return line
  return ''
}

function say(line: object): Promise<void> {
  return new Promise(written => process.stdout.write(`${JSON.stringify(line)}\n`, () => written()))
}
