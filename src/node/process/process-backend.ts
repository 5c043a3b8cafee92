import { constants } from 'node:os'
import {
  type AgentBackend,
  AgentError,
  type AgentReply,
  type AgentRequest,
  type AttemptContext,
  CounterpointError,
  type Json,
  systemClock,
} from 'counterpoint'
import { ByteTail } from './byte-store.js'
import { Heartbeat } from './heartbeat.js'
import { killOrphans } from './kill-orphans.js'
import { type Launch, prepare } from './launch.js'
import { JsonLinesReader, jsonReader, type OutputReader, type TextOutput, textReader } from './output-reader.js'
import { optionIssues, type ProcessOptions } from './process-options.js'
import { type Exit, ProcessTree } from './process-tree.js'
import { ProgramFinder } from './program-finder.js'
import { type Child, start } from './spawn.js'

/** How much of the end of standard error is kept for the message of a failure. */
const STDERR_TAIL_BYTES = 8 * 1024

/**
 * A backend that runs a program for each attempt. It says `awaitsTermination`: an attempt is over when none of its processes
 * is left.
 *
 * The program is asked on standard input and answers on standard output. It has failed when it ends with another exit
 * code than 0 (`agent`, the code as `status`), by a signal or with 128 + its number (`crashed`, the signal as `code`),
 * or without a whole answer (`incomplete-output`); the end of its standard error is in the message. Arguments are never
 * put there, and the values of the variables in `env` and `setEnv`, should the agent print them, give way to their names
 * (values of 8 characters and more, and not of `defaultEnv`).
 *
 * Whatever it writes, to standard output or standard error, is a sign of life for `idleTimeoutMs`: give that 100 ms or
 * more.
 *
 * When `context.signal` aborts, all its processes get TERM, and after `killGraceMs` KILL. So does what it leaves behind
 * when it ends by itself. When the host exits, what still runs gets KILL. A host that is ended by a signal does not
 * *exit*: have it handle SIGINT and SIGTERM, since its agents are in groups of their own and Ctrl-C does not reach
 * them.
 *
 * An agent that says things in its own way is understood by a backend around this one, which reads its `json` or
 * `text`.
 *
 * ```ts
 * const writer = processBackend({ command: 'my-agent', args: ['--json'], stdin: jsonRequest, output: 'jsonl' })
 * ```
 *
 * @param options What to run, or a function that says it for a request; what that throws is a `bad-input` failure, but
 * for an `AgentError`.
 * @throws CounterpointError `INVALID_INPUT` for options of a wrong type or a number out of its range. From a function,
 * that is a failure of the attempt, `bad-input`, like everything that shows only there: NUL in an argument, a single
 * argument of 128 KiB or more.
 */
export function processBackend(options: ProcessOptions | ((request: AgentRequest) => ProcessOptions)): AgentBackend {
  if (typeof options !== 'function') checkOptions(options)
  const finder = new ProgramFinder()
  const choose = typeof options === 'function' ? options : () => options
  const run = (request: AgentRequest, context: AttemptContext): Promise<TextOutput | Json | AgentReply> =>
    runAttempt(choose, finder, request, context)
  return { awaitsTermination: true, work: 'process', run, killOrphans: killOrphans }
}

function checkOptions(options: ProcessOptions): void {
  const issues = optionIssues(options)
  if (issues.length === 0) return
  const list = issues.map(({ path, message }) => `${path}: ${message}`).join('; ')
  throw new CounterpointError('INVALID_INPUT', `processBackend: ${list}. Correct the options.`, { issues })
}

async function runAttempt(
  choose: (request: AgentRequest) => ProcessOptions,
  finder: ProgramFinder,
  request: AgentRequest,
  context: AttemptContext,
): Promise<TextOutput | Json | AgentReply> {
  const { signal } = context
  refuseWhenAborted(signal)
  const launch = await prepareOrRefuse(choose, finder, request, context)
  refuseWhenAborted(signal)
  const child = await start(launch).catch((error: AgentError) => {
    finder.forget(launch.command)
    throw error
  })
  const heartbeat = new Heartbeat(report => context.report(report))
  const reader = readerFor(launch, heartbeat)
  const stderr = new ByteTail(STDERR_TAIL_BYTES)
  const exit = await attend(child, launch, signal, { reader, stderr, heartbeat })
  reader.end()
  refuseWhenAborted(signal, reader)
  const failure = reader.failure ?? exitFailure(exit, launch.tell(stderr.text()), reader)
  if (failure) throw failure
  return reader.answer()
}

async function prepareOrRefuse(
  choose: (request: AgentRequest) => ProcessOptions,
  finder: ProgramFinder,
  request: AgentRequest,
  context: AttemptContext,
): Promise<Launch> {
  try {
    return await prepare(choose(request), finder, request, context)
  } catch (error) {
    if (error instanceof AgentError) throw error
    throw new AgentError('bad-input', 'A function in the options of this process backend threw an error.', {
      cause: error,
    })
  }
}

function readerFor(launch: Launch, heartbeat: Heartbeat): OutputReader {
  if (launch.output === 'text') return textReader(launch.maxOutputBytes)
  if (launch.output === 'json') return jsonReader(launch.maxOutputBytes)
  return new JsonLinesReader(launch.maxOutputBytes, launch.tell, report => heartbeat.report(report))
}

/** Asks the program, listens to it, and stays until it and all that came of it are gone. */
async function attend(
  child: Child,
  launch: Launch,
  signal: AbortSignal,
  to: { readonly reader: OutputReader; readonly stderr: ByteTail; readonly heartbeat: Heartbeat },
): Promise<Exit> {
  const tree = new ProcessTree(child, launch.tag)
  const finished = finishedOrAborted(child, signal, launch.drainMs)
  const streams = [child.stdin, child.stdout, child.stderr]
  // A program may end without having read its question: EPIPE is no failure, its exit code says how it went.
  for (const stream of [child, ...streams]) stream.on('error', () => {})
  child.stdout.on('data', (chunk: Uint8Array) => {
    to.reader.take(chunk)
    to.heartbeat.beat()
  })
  child.stderr.on('data', (chunk: Uint8Array) => {
    to.stderr.append(chunk)
    to.heartbeat.beat()
  })
  child.stdin.end(launch.stdin)
  try {
    await finished
    // After an abort they are still read: a program that tidies up must not be held up by a full pipe.
    if (!signal.aborted) for (const stream of streams) stream.destroy()
    await tree.end(launch.killGraceMs)
    return await tree.exited
  } finally {
    for (const stream of streams) stream.destroy()
    tree.release()
  }
}

/**
 * Resolves when the program has ended and its output is closed, or `drainMs` after its end: what it left behind may
 * hold the output open for ever. Or when the attempt is aborted.
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
      // The turn after the timer: when our own event loop was held up, what the program wrote is still waiting to be
      // read.
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
  const killer = exit.signal ?? signalOf(exit.code ?? 0)
  const how = exit.signal ? `was ended by ${exit.signal}` : `ended with exit code ${exit.code}`
  const options = {
    ...(exit.code !== null && { status: exit.code }),
    ...(killer && { code: killer }),
    ...(usage && { usage }),
  }
  return new AgentError(
    killer ? 'crashed' : 'agent',
    `Expected the agent to end with exit code 0, but it ${how}. ${end}`,
    options,
  )
}

/** Shells and wrappers say 128 + number when what they ran was ended by a signal. */
function signalOf(code: number): string | undefined {
  return Object.entries(constants.signals).find(([, number]) => code === 128 + number)?.[0]
}

function refuseWhenAborted(signal: AbortSignal, reader?: OutputReader): void {
  if (!signal.aborted) return
  const { reason } = signal
  if (reason instanceof AgentError) throw reason
  const usage = reader?.usage
  const options = { code: 'ABORTED', cause: reason, ...(usage && { usage }) }
  throw new AgentError('interrupted', 'The attempt was aborted; none of its processes is left.', options)
}
