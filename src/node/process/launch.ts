import { randomUUID } from 'node:crypto'
import { stat } from 'node:fs/promises'
import path from 'node:path'
import { AgentError, type AgentRequest, type AttemptContext, isCounterpointError, redactor } from 'counterpoint'
import { tagPrefix } from './kill-orphans.js'
import { checkProcessOptions, defaultEnv, type ProcessOptions, processDefaults } from './process-options.js'
import { TAG_VARIABLE } from './process-table.js'
import type { ProgramFinder } from './program-finder.js'

/** Linux refuses a single argument or variable that is longer, including its closing NUL. Other systems have similar limits. */
const LONGEST_ARGUMENT_BYTES = 128 * 1024 - 1

/** Removes secrets from a text. */
export type Redact = ReturnType<typeof redactor>

/** One attempt, ready to be started. */
export interface Launch {
  readonly command: string
  /** Absolute. */
  readonly program: string
  readonly args: readonly string[]
  readonly workdir: string
  readonly env: Readonly<Record<string, string>>
  /** In the environment of every process of the attempt, and of no other. */
  readonly tag: string
  readonly stdin: string | Uint8Array
  readonly output: 'text' | 'json' | 'jsonl'
  readonly maxOutputBytes: number
  readonly killGraceMs: number
  readonly drainMs: number
  readonly maxDrainMs: number
  readonly answerGraceMs: number | undefined
  readonly extractJson: boolean
  readonly bigIntegers: ProcessOptions['bigIntegers']
  /** For the end of a text. */
  readonly redact: Redact
  /** For the beginning of a text. */
  readonly redactAnswer: Redact
}

/**
 * Prepares an attempt, and finds everything that is known to be wrong before a process is started.
 *
 * @throws AgentError `bad-input` for options or a request that no program can be started with, `refused` for a missing
 * program (`BACKEND_NOT_FOUND`) or folder (`WORKDIR_NOT_FOUND`), or one without permission (`EACCES`).
 */
export async function prepareLaunch(
  options: ProcessOptions,
  finder: ProgramFinder,
  request: AgentRequest,
  context: AttemptContext,
): Promise<Launch> {
  checkOrFail(options)
  const args = options.args ?? []
  const workdir = path.resolve(options.workdir ?? '.')
  expectNoNul('command', options.command)
  expectNoNul('workdir', workdir)
  for (const [i, arg] of args.entries()) expectFits(`args[${i}]`, arg, 'Pass it on standard input.')
  const tag = `${tagPrefix(context.idempotencyKey, request.runStartedAt)}${randomUUID()}`
  const env = environment(options, context, tag)
  const stdin = stdinOf(options, request)
  const output = options.output ?? processDefaults.output
  const secrets = secretsIn(options, env)
  await checkWorkdir(workdir)
  return {
    command: options.command,
    program: finder.find(options.command),
    args,
    workdir,
    env,
    tag,
    stdin,
    output,
    maxOutputBytes: options.maxOutputBytes ?? processDefaults.maxOutputBytes,
    killGraceMs: options.killGraceMs ?? processDefaults.killGraceMs,
    drainMs: options.drainMs ?? processDefaults.drainMs,
    maxDrainMs: options.maxDrainMs ?? processDefaults.maxDrainMs,
    answerGraceMs: options.answerGraceMs ?? (output === 'text' ? undefined : processDefaults.answerGraceMs),
    extractJson: options.extractJson === true,
    bigIntegers: options.bigIntegers,
    redact: redactor(secrets, { keep: 'end' }),
    redactAnswer: redactor(secrets, { maxLength: 4_000 }),
  }
}

/** Options from a function are the input of one attempt. */
function checkOrFail(options: ProcessOptions): void {
  try {
    checkProcessOptions(options)
  } catch (error) {
    throw isCounterpointError(error) ? badInput(error.message) : error
  }
}

/** @throws AgentError `refused`, code `WORKDIR_NOT_FOUND` or `EACCES`. */
export async function checkWorkdir(workdir: string): Promise<void> {
  const found = await stat(workdir).catch((error: NodeJS.ErrnoException) => error)
  if (!(found instanceof Error) && found.isDirectory()) return
  const denied = found instanceof Error && found.code === 'EACCES'
  const problem = denied ? 'permission is denied' : found instanceof Error ? 'it does not exist' : 'it is not a folder'
  const message = `workdir: expected a folder, got ${workdir}, but ${problem}. Create it before the task starts.`
  throw new AgentError('refused', message, { code: denied ? 'EACCES' : 'WORKDIR_NOT_FOUND' })
}

function stdinOf(options: ProcessOptions, request: AgentRequest): string | Uint8Array {
  const input: unknown = options.stdin ? options.stdin(request) : request.task.description
  if (typeof input === 'string' || input instanceof Uint8Array) return input
  throw badInput(`stdin: expected it to return a string or a Uint8Array, got a value of type ${typeof input}.`)
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
  for (const [name, value] of Object.entries(env)) checkVariable(name, value)
  return env
}

function checkVariable(name: string, value: string): void {
  const where = `the variable ${JSON.stringify(name)}`
  if (name === '' || name.includes('=')) throw badInput(`${where}: expected a name without "=" in it.`)
  expectNoNul(where, name)
  expectFits(where, `${name}=${value}`, 'Pass it in a file or on standard input.')
}

/** The variables that messages must not contain. Those of `defaultEnv` are not secret, and their values are common words. */
function secretsIn(options: ProcessOptions, env: Readonly<Record<string, string>>): [name: string, value: string][] {
  const names = [...(options.env ?? []), ...Object.keys(options.setEnv ?? {})]
  return names.filter(name => !defaultEnv.includes(name)).flatMap(name => (env[name] ? [[name, env[name]]] : []))
}

function expectFits(where: string, text: string, advice: string): void {
  expectNoNul(where, text)
  const bytes = Buffer.byteLength(text)
  if (bytes > LONGEST_ARGUMENT_BYTES)
    throw badInput(`${where}: expected at most ${LONGEST_ARGUMENT_BYTES} bytes, got ${bytes}. ${advice}`)
}

function expectNoNul(where: string, text: string): void {
  if (text.includes('\0')) throw badInput(`${where}: expected text without NUL. Only standard input can carry one.`)
}

function badInput(message: string): AgentError {
  return new AgentError('bad-input', message)
}
