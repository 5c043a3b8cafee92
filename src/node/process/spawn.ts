import { type ChildProcess, type ChildProcessByStdio, type SpawnOptions, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import type { Readable, Writable } from 'node:stream'
import { AgentError } from 'counterpoint'
import { checkWorkdir, type Launch } from './launch.js'
import { expectSpareFiles } from './spare-files.js'

/** A process that has been started. */
export type Child = ChildProcessByStdio<Writable, Readable, Readable> & { readonly pid: number }

/**
 * Starts the program, as leader of a process group of its own.
 *
 * @throws AgentError `refused`, `bad-input` or `overloaded`, with a code of the system or of this library, when it cannot be started.
 */
export async function spawnProgram(launch: Launch): Promise<Child> {
  const options = {
    cwd: launch.workdir,
    env: launch.env,
    shell: false,
    // A process group, so that a signal reaches all of it. On Windows this would open a window instead.
    detached: process.platform !== 'win32',
    windowsHide: true,
    stdio: 'pipe',
  } as const satisfies SpawnOptions
  const result = await new Promise<NodeJS.ErrnoException | Child>(resolve => {
    try {
      expectSpareFiles()
      const child = spawn(launch.program, launch.args, options)
      // Without free file handles there are no streams either: only `pid` shows the failure.
      if (child.pid === undefined) child.once('error', error => resolve(discard(child, error)))
      else resolve(child as Child)
    } catch (error) {
      resolve(error as NodeJS.ErrnoException)
    }
  })
  if (!(result instanceof Error)) return result
  throw await spawnFailure(result, launch)
}

/** A process that was not made may have pipes. */
function discard({ stdin, stdout, stderr }: ChildProcess, error: Error): Error {
  for (const stream of [stdin, stdout, stderr]) stream?.destroy()
  return error
}

const NO_RESOURCES: readonly (string | undefined)[] = ['EMFILE', 'ENFILE', 'EAGAIN', 'ENOMEM', 'ETXTBSY']
const PERMANENT: readonly (string | undefined)[] = ['EACCES', 'EPERM', 'ENOEXEC', 'ELOOP', 'ENAMETOOLONG', 'ENOTDIR']

async function spawnFailure(error: NodeJS.ErrnoException, launch: Launch): Promise<AgentError> {
  const { code = 'UNKNOWN' } = error
  const options = { code }
  if (code === 'ENOENT') return notFound(launch)
  if (code === 'E2BIG')
    return new AgentError(
      'bad-input',
      'args, setEnv: expected less than the system allows in total. Pass it on standard input.',
      options,
    )
  if (NO_RESOURCES.includes(code))
    return new AgentError(
      'overloaded',
      `The system could not start another process (${code}). Lower the concurrency of the pool.`,
      options,
    )
  const message = `command: expected a program that starts, got ${launch.program}, but the system refused (${code}).`
  return new AgentError(PERMANENT.includes(code) ? 'refused' : 'crashed', message, options)
}

/** The system reports ENOENT, with the name of the program, in three cases: a missing program, working folder, or interpreter of a script. */
async function notFound(launch: Launch): Promise<AgentError> {
  const noFolder = await checkWorkdir(launch.workdir).catch((error: AgentError) => error)
  if (noFolder) return noFolder
  const problem = existsSync(launch.program)
    ? 'the interpreter in its first line, or its loader, is missing. Install that'
    : 'it no longer exists. Install it'
  const message = `command: expected a program that starts, got ${launch.program}, but ${problem}.`
  return new AgentError('refused', message, { code: 'BACKEND_NOT_FOUND' })
}
