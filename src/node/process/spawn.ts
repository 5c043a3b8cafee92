import { type ChildProcessByStdio, type SpawnOptions, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import type { Readable, Writable } from 'node:stream'
import { AgentError } from 'counterpoint'
import { checkWorkdir, type Launch } from './launch.js'

/** A process that has been started. */
export type Child = ChildProcessByStdio<Writable, Readable, Readable> & { readonly pid: number }

/**
 * Starts the program, as leader of a process group of its own.
 *
 * @throws AgentError `refused`, `bad-input` or `overloaded`, with the code of the platform or ours, when it cannot be
 * started.
 */
export async function start(launch: Launch): Promise<Child> {
  const options = {
    cwd: launch.workdir,
    env: launch.env,
    shell: false,
    // A group, so that a signal reaches all of it; on Windows it would be a window instead.
    detached: process.platform !== 'win32',
    windowsHide: true,
    stdio: 'pipe',
  } as const satisfies SpawnOptions
  const failed = await new Promise<NodeJS.ErrnoException | Child>(resolve => {
    try {
      const child = spawn(launch.program, launch.args, options)
      // When it fails for want of file handles there are no streams either: `pid` is the only thing to go by.
      if (child.pid === undefined) child.once('error', resolve)
      else resolve(child as Child)
    } catch (error) {
      resolve(error as NodeJS.ErrnoException)
    }
  })
  if (!(failed instanceof Error)) return failed
  throw await startFailure(failed, launch)
}

const NO_RESOURCES: readonly (string | undefined)[] = ['EMFILE', 'ENFILE', 'EAGAIN', 'ENOMEM', 'ETXTBSY']
const NEVER: readonly (string | undefined)[] = ['EACCES', 'EPERM', 'ENOEXEC', 'ELOOP', 'ENAMETOOLONG', 'ENOTDIR']

async function startFailure(error: NodeJS.ErrnoException, launch: Launch): Promise<AgentError> {
  const { code = 'UNKNOWN' } = error
  const options = { code }
  if (code === 'ENOENT') return missing(launch)
  if (code === 'E2BIG')
    return new AgentError(
      'bad-input',
      'args, setEnv: expected less than the system takes in all. Pass it by stdin.',
      options,
    )
  if (NO_RESOURCES.includes(code))
    return new AgentError(
      'overloaded',
      `The machine could not start one more process (${code}). Lower the concurrency of the pool.`,
      options,
    )
  const message = `command: expected a program that starts, got ${launch.program}, but the system says ${code}.`
  return new AgentError(NEVER.includes(code) ? 'refused' : 'crashed', message, options)
}

/**
 * The system says ENOENT, and names the program, for three things: no program, no folder to run in, no interpreter for
 * a script.
 */
async function missing(launch: Launch): Promise<AgentError> {
  const noFolder = await checkWorkdir(launch.workdir).catch((error: AgentError) => error)
  if (noFolder) return noFolder
  const why = existsSync(launch.program)
    ? 'what it needs to run is not there: the interpreter in its first line, or its loader. Install that'
    : 'it is there no longer. Install it'
  const message = `command: expected a program that starts, got ${launch.program}, but ${why}.`
  return new AgentError('refused', message, { code: 'BACKEND_NOT_FOUND' })
}
