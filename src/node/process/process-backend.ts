import { constants } from 'node:os'
import {
  type AgentBackend,
  AgentError,
  type AgentReply,
  type AgentRequest,
  type AttemptContext,
  type Json,
  type Report,
  systemClock,
} from 'counterpoint'
import { TailBuffer } from './byte-buffers.js'
import { killOrphans } from './kill-orphans.js'
import { type Launch, prepareLaunch } from './launch.js'
import { JsonLinesReader, jsonReader, type OutputReader, type TextOutput, textReader } from './output-reader.js'
import { checkProcessOptions, type ProcessOptions } from './process-options.js'
import { type Exit, ProcessTree } from './process-tree.js'
import { ProgramFinder } from './program-finder.js'
import { type Child, spawnProgram } from './spawn.js'

/** The most bytes of the end of standard error that are kept for the message of a failure. */
const STDERR_TAIL_BYTES = 8 * 1024
/** Output is reported as a sign of life at most this often, in milliseconds: an idle timeout may fire that much too early. */
const HEARTBEAT_MS = 50

/**
 * A backend that runs a program for each attempt. It has `awaitsTermination`: an attempt ends when none of its processes is left.
 *
 * The program reads its task from standard input and answers on standard output. The attempt fails if the exit code is not 0 (`agent`, the
 * code as `status`), if a signal ended it or the code is 128 + its number (`crashed`, the signal as `code`), or if the answer is not
 * complete (`incomplete-output`). The message of the failure contains the end of its standard error, but never its arguments. The values
 * of the variables in `env` and `setEnv` are replaced by their names (values of 8 characters or more, except those of `defaultEnv`).
 *
 * Everything that it writes, to standard output or standard error, restarts `idleTimeoutMs`: set that to 100 ms or more.
 *
 * When `context.signal` aborts, all its processes get TERM, and KILL after `killGraceMs`. So do the processes that it leaves behind when
 * it ends by itself. When the host exits, all running processes get KILL. A host that is ended by a signal does not *exit*: it
 * should handle SIGINT and SIGTERM, because agents are in process groups of their own, which Ctrl-C does not reach.
 *
 * For an agent with an output format of its own, write a backend that wraps this one and parses its `json` or `text`.
 *
 * ```ts
 * const writer = processBackend({ command: 'my-agent', args: ['--json'], stdin: jsonRequest, output: 'jsonl' })
 * ```
 *
 * @param options What to run, or a function that returns it for a request. If the function throws, the attempt fails with `bad-input`, or
 * with the `AgentError` that it threw.
 * @throws CounterpointError `INVALID_INPUT` for unknown or invalid options. If they come from a function, the attempt fails with
 * `bad-input` instead. So does an argument with a NUL character, or of 128 KiB or more.
 */
export function processBackend(options: ProcessOptions | ((request: AgentRequest) => ProcessOptions)): AgentBackend {
  if (typeof options !== 'function') checkProcessOptions(options)
  const finder = new ProgramFinder()
  const optionsFor = typeof options === 'function' ? options : () => options
  const run = (request: AgentRequest, context: AttemptContext): Promise<TextOutput | Json | AgentReply> =>
    runAttempt(optionsFor, finder, request, context)
  return { awaitsTermination: true, work: 'process', run, killOrphans }
}

async function runAttempt(
  optionsFor: (request: AgentRequest) => ProcessOptions,
  finder: ProgramFinder,
  request: AgentRequest,
  context: AttemptContext,
): Promise<TextOutput | Json | AgentReply> {
  const { signal } = context
  throwIfAborted(signal)
  const launch = await launchFor(optionsFor, finder, request, context)
  throwIfAborted(signal)
  const child = await spawnProgram(launch).catch((error: AgentError) => {
    finder.forget(launch.command)
    throw error
  })
  let lastReportAt = Number.NEGATIVE_INFINITY
  const report = (each: Report): void => {
    lastReportAt = performance.now()
    context.report(each)
  }
  const reader = readerFor(launch, report)
  const stderr = new TailBuffer(STDERR_TAIL_BYTES)
  const exit = await runToEnd(child, launch, signal, (stream, chunk) => {
    const buffer = stream === 'stdout' ? reader : stderr
    buffer.append(chunk)
    if (performance.now() - lastReportAt >= HEARTBEAT_MS) report({})
  })
  reader.end()
  throwIfAborted(signal, reader)
  const failure =
    reader.failure ?? exitFailure(exit, launch.redact(stderr.text(), stderr.overflowed ? 'start' : undefined), reader)
  if (failure) throw failure
  return reader.answer()
}

async function launchFor(
  optionsFor: (request: AgentRequest) => ProcessOptions,
  finder: ProgramFinder,
  request: AgentRequest,
  context: AttemptContext,
): Promise<Launch> {
  try {
    return await prepareLaunch(optionsFor(request), finder, request, context)
  } catch (error) {
    if (error instanceof AgentError) throw error
    throw new AgentError('bad-input', 'A function in the options of this process backend threw an error.', {
      cause: error,
    })
  }
}

function readerFor(launch: Launch, report: (report: Report) => void): OutputReader {
  if (launch.output === 'text') return textReader(launch.maxOutputBytes)
  return launch.output === 'json' ? jsonReader(launch) : new JsonLinesReader(launch, report)
}

/** Writes the input, reads the output, and resolves when the program and all its descendants have ended. */
async function runToEnd(
  child: Child,
  launch: Launch,
  signal: AbortSignal,
  onOutput: (stream: 'stdout' | 'stderr', chunk: Uint8Array) => void,
): Promise<Exit> {
  const tree = new ProcessTree(child, launch.tag)
  const finished = finishedOrAborted(child, signal, launch.drainMs)
  const streams = [child.stdin, child.stdout, child.stderr]
  // A program may end without reading its input: EPIPE is not a failure, only the exit code counts.
  for (const stream of [child, ...streams]) stream.on('error', () => {})
  child.stdout.on('data', (chunk: Uint8Array) => onOutput('stdout', chunk))
  child.stderr.on('data', (chunk: Uint8Array) => onOutput('stderr', chunk))
  try {
    await tree.contain()
    child.stdin.end(launch.stdin)
    await finished
    // After an abort the output is still read: a full pipe must not block a program that cleans up.
    if (!signal.aborted) for (const stream of streams) stream.destroy()
    await tree.end(launch.killGraceMs)
    return await tree.exited
  } finally {
    for (const stream of streams) stream.destroy()
    await tree.release()
  }
}

/**
 * Resolves when the program has ended and its output is closed, or `drainMs` after its end, because what it left behind may never close
 * the output; or when the attempt is aborted.
 */
function finishedOrAborted(child: Child, signal: AbortSignal, drainMs: number): Promise<void> {
  return new Promise(resolve => {
    let cancelDrain = (): void => {}
    const finish = (): void => {
      cancelDrain()
      child.off('exit', drain)
      signal.removeEventListener('abort', finish)
      resolve()
    }
    const drain = (): void => {
      // One turn after the timer: if our own event loop was blocked, output that was written in time is still unread.
      cancelDrain = systemClock.schedule(() => setImmediate(finish), drainMs)
    }
    child.once('exit', drain)
    child.once('close', finish)
    signal.addEventListener('abort', finish)
    if (signal.aborted) finish()
  })
}

function exitFailure(exit: Exit, stderr: string, { usage }: OutputReader): AgentError | undefined {
  if (exit.code === 0) return undefined
  const end = stderr === '' ? 'It wrote nothing to standard error.' : `The end of its standard error:\n${stderr}`
  const signal = exit.signal ?? signalOf(exit.code ?? 0)
  const how = exit.signal ? `was ended by ${exit.signal}` : `exited with code ${exit.code}`
  const options = {
    ...(exit.code !== null && { status: exit.code }),
    ...(signal && { code: signal }),
    ...(usage && { usage }),
  }
  return new AgentError(signal ? 'crashed' : 'agent', `Expected exit code 0, but the agent ${how}. ${end}`, options)
}

/** Shells and wrappers exit with 128 + number when a signal ended their child. */
function signalOf(code: number): string | undefined {
  return Object.entries(constants.signals).find(([, number]) => code === 128 + number)?.[0]
}

function throwIfAborted(signal: AbortSignal, reader?: OutputReader): void {
  if (!signal.aborted) return
  const { reason } = signal
  if (reason instanceof AgentError) throw reason
  const usage = reader?.usage
  const options = { code: 'ABORTED', cause: reason, ...(usage && { usage }) }
  throw new AgentError('interrupted', 'The attempt was aborted; none of its processes is left.', options)
}
