import { randomUUID } from 'node:crypto'
import { stat } from 'node:fs/promises'
import path from 'node:path'
import { AgentError, type AgentRequest, type AttemptContext } from 'counterpoint'
import { tagPrefix } from './kill-orphans.js'
import { defaultEnv, optionIssues, type ProcessOptions, processDefaults } from './process-options.js'
import { TAG_VARIABLE } from './process-table.js'
import type { ProgramFinder } from './program-finder.js'
import { type Redact, redactor } from './redact.js'

/**
 * Linux takes no single argument or variable that is longer with its closing NUL; the others have limits of their own
 * near it.
 */
const LONGEST_ARGUMENT_BYTES = 128 * 1024 - 1

/** One attempt, ready to be started. */
export interface Launch {
  readonly command: string
  /** Absolute. */
  readonly program: string
  readonly args: readonly string[]
  readonly workdir: string
  readonly env: Readonly<Record<string, string>>
  /** Carried by every process of the attempt, and by no other. */
  readonly tag: string
  readonly stdin: string | Uint8Array
  readonly output: 'text' | 'json' | 'jsonl'
  readonly maxOutputBytes: number
  readonly killGraceMs: number
  readonly drainMs: number
  readonly tell: Redact
}

/**
 * Everything that can be known to be wrong before a process is started.
 *
 * @throws AgentError `bad-input` for options or a request that no program can be started with, `refused` for a missing
 * program (`BACKEND_NOT_FOUND`) or folder (`WORKDIR_NOT_FOUND`), or one that we may not use (`EACCES`).
 */
export async function prepare(
  options: ProcessOptions,
  finder: ProgramFinder,
  request: AgentRequest,
  context: AttemptContext,
): Promise<Launch> {
  const [issue] = optionIssues(options)
  if (issue) throw badInput(`${issue.path}: ${issue.message}.`)
  const args = options.args ?? []
  const workdir = path.resolve(options.workdir ?? '.')
  refuseNul('command', options.command)
  refuseNul('workdir', workdir)
  for (const [i, arg] of args.entries()) refuseUnfit(`args[${i}]`, arg, 'Pass it by stdin.')
  const tag = `${tagPrefix(context.idempotencyKey, request.runStartedAt)}${randomUUID()}`
  const env = environment(options, context, tag)
  const stdin = question(options, request)
  await checkWorkdir(workdir)
  const tell = redactor(confidential(options, env))
  const program = finder.find(options.command)
  return {
    command: options.command,
    program,
    args,
    workdir,
    env,
    tag,
    stdin,
    output: options.output ?? processDefaults.output,
    maxOutputBytes: options.maxOutputBytes ?? processDefaults.maxOutputBytes,
    killGraceMs: options.killGraceMs ?? processDefaults.killGraceMs,
    drainMs: options.drainMs ?? processDefaults.drainMs,
    tell,
  }
}

/** @throws AgentError `refused`, code `WORKDIR_NOT_FOUND` or `EACCES`. */
export async function checkWorkdir(workdir: string): Promise<void> {
  const found = await stat(workdir).catch((error: NodeJS.ErrnoException) => error)
  if (!(found instanceof Error) && found.isDirectory()) return
  const denied = found instanceof Error && found.code === 'EACCES'
  const got = denied ? 'permission is denied' : found instanceof Error ? 'nothing is there' : 'it is none'
  const message = `workdir: expected a folder, got ${workdir}, but ${got}. Make it before the task starts.`
  throw new AgentError('refused', message, { code: denied ? 'EACCES' : 'WORKDIR_NOT_FOUND' })
}

function question(options: ProcessOptions, request: AgentRequest): string | Uint8Array {
  const text = options.stdin ? options.stdin(request) : request.task.description
  if (typeof text === 'string' || text instanceof Uint8Array) return text
  throw badInput(`stdin: expected it to return a string or a Uint8Array, got a value of type ${typeof text}.`)
}

function environment(options: ProcessOptions, context: AttemptContext, tag: string): Record<string, string> {
  const env: Record<string, string> = Object.create(null)
  for (const name of options.env ?? defaultEnv) {
    const value = process.env[name]
    if (value !== undefined) env[name] = value
  }
  Object.assign(env, options.setEnv)
  const outerTag = process.env[TAG_VARIABLE]
  env[TAG_VARIABLE] = outerTag ? `${outerTag}.${tag}` : tag
  env.COUNTERPOINT_IDEMPOTENCY_KEY = context.idempotencyKey
  env.COUNTERPOINT_ATTEMPT = String(context.attempt)
  for (const [name, value] of Object.entries(env)) refuseVariable(name, value)
  return env
}

function refuseVariable(name: string, value: string): void {
  const where = `the variable ${JSON.stringify(name)}`
  if (name === '' || name.includes('=')) throw badInput(`${where}: expected a name without "=" in it.`)
  refuseNul(where, name)
  refuseUnfit(where, `${name}=${value}`, 'Pass it by a file or by stdin.')
}

/**
 * Messages never hold these. The variables that everyone has are no secret, and their values are words of many
 * messages.
 */
function confidential(options: ProcessOptions, env: Readonly<Record<string, string>>): Record<string, string> {
  const passed = [...(options.env ?? []), ...Object.keys(options.setEnv ?? {})].filter(
    name => !defaultEnv.includes(name),
  )
  return Object.fromEntries(passed.flatMap(name => (env[name] === undefined ? [] : [[name, env[name]]])))
}

function refuseUnfit(where: string, text: string, advice: string): void {
  refuseNul(where, text)
  const bytes = Buffer.byteLength(text)
  if (bytes > LONGEST_ARGUMENT_BYTES)
    throw badInput(`${where}: expected at most ${LONGEST_ARGUMENT_BYTES} bytes, got ${bytes}. ${advice}`)
}

function refuseNul(where: string, text: string): void {
  if (text.includes('\0')) throw badInput(`${where}: expected text without NUL, got one. Only stdin can carry it.`)
}

function badInput(message: string): AgentError {
  return new AgentError('bad-input', message)
}
