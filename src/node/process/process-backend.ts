import {
  type AgentBackend,
  AgentError,
  type AgentReply,
  type AgentRequest,
  type AttemptContext,
  type Json,
  type ReportedUsage,
} from 'counterpoint'
import { AttemptEnd, type End } from './attempt-end.js'
import { exitFailure } from './exit-failure.js'
import { killOrphans } from './kill-orphans.js'
import { type Launch, prepareLaunch } from './launch.js'
import type { TextOutput } from './output-reader.js'
import { checkProcessOptions, type ProcessOptions } from './process-options.js'
import { type Exit, ProcessTree } from './process-tree.js'
import { ProgramFinder } from './program-finder.js'
import { ProgramOutput } from './program-output.js'
import { type Child, spawnProgram } from './spawn.js'

/**
 * A backend that runs a program for each attempt. It has `awaitsTermination`: an attempt ends when none of its processes is left.
 *
 * The program reads its task from standard input and answers on standard output. The attempt fails if the exit code is not 0 (`agent`, the
 * code as `status`), if a signal ended it or the code is 128 + its number (`crashed`, the signal as `code`), or if the answer is not
 * complete (`incomplete-output`). The message of the failure contains the end of its standard error, but never its arguments. The values
 * of the variables in `env` and `setEnv` are replaced by their names (values of 8 characters or more, except those of `defaultEnv`). The
 * ends of both outputs are in the record of the attempt in any case, and in the same form.
 *
 * Everything that it writes, to standard output or standard error, restarts `idleTimeoutMs`: set that to 100 ms or more.
 *
 * When `context.signal` aborts, all its processes get TERM, and KILL after `killGraceMs`. So do the processes that it leaves behind when
 * it ends by itself, or that does not end after its answer (`answerGraceMs`). When the host exits, all running processes get KILL. A host that is ended by a signal does not *exit*: it
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
  const output = new ProgramOutput(launch, report => context.report(report))
  const { exit, end, isCut } = await runToEnd(child, launch, signal, output)
  if (end !== 'answered') output.reader.end()
  const tails = output.tails()
  context.recordTails?.(tails)
  const { usage, failure } = output.reader
  throwIfAborted(signal, usage)
  if (failure) throw failure
  const problem = end === 'answered' ? undefined : exitFailure(exit, tails, usage)
  if (problem) throw problem
  return output.reader.answer(isCut)
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

interface Ended {
  readonly exit: Exit
  readonly end: End
  /** True when more might have been written to standard output. */
  readonly isCut: boolean
}

/** Writes the input, reads the output, and resolves when the program and all its descendants have ended. */
async function runToEnd(child: Child, launch: Launch, signal: AbortSignal, output: ProgramOutput): Promise<Ended> {
  const tree = new ProcessTree(child, launch.tag)
  const attemptEnd = new AttemptEnd(child, signal, {
    ...launch,
    isAnswered: () => output.reader.isAnswered(),
    onWait: () => output.giveSign(),
  })
  const streams = [child.stdin, child.stdout, child.stderr]
  // A program may end without reading its input: EPIPE is not a failure, only the exit code counts.
  for (const stream of [child, ...streams]) stream.on('error', () => {})
  child.stdout.on('data', (chunk: Uint8Array) => output.append('stdout', chunk) && attemptEnd.onOutput())
  child.stdout.once('end', () => attemptEnd.onOutput())
  child.stderr.on('data', (chunk: Uint8Array) => void output.append('stderr', chunk))
  try {
    await tree.contain()
    child.stdin.end(launch.stdin)
    const end = await attemptEnd.reached
    const isCut = !child.stdout.readableEnded
    if (end === 'answered') output.freeze()
    // A program that is ended may clean up, and must not be blocked by a full pipe: its output is still read.
    if (end === 'cut') for (const stream of streams) stream.destroy()
    await tree.end(launch.killGraceMs)
    return { exit: await tree.exited, end, isCut }
  } finally {
    for (const stream of streams) stream.destroy()
    await tree.release()
  }
}

function throwIfAborted(signal: AbortSignal, usage?: ReportedUsage): void {
  if (!signal.aborted) return
  const { reason } = signal
  if (reason instanceof AgentError) throw reason
  const options = { code: 'ABORTED', cause: reason, ...(usage && { usage }) }
  throw new AgentError('interrupted', 'The attempt was aborted; none of its processes is left.', options)
}
