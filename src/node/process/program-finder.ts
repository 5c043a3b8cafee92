import { accessSync, constants, statSync } from 'node:fs'
import path from 'node:path'
import { AgentError } from 'counterpoint'

/**
 * Resolves the name of a command to the absolute path of a program, once for each name.
 * Invariant: neither the working folder of an agent nor a relative entry of PATH is searched, because agents may write there.
 */
export class ProgramFinder {
  readonly #base = process.cwd()
  readonly #found = new Map<string, string>()

  /**
   * @throws AgentError `refused`, code `BACKEND_NOT_FOUND` when there is no such program, `EACCES` when it may not be
   * executed, `BATCH_FILE` when it is a .cmd or .bat file of Windows, which only a shell can run.
   */
  find(command: string): string {
    const known = this.#found.get(command)
    if (known !== undefined) return known
    const candidates = this.#candidates(command)
    const program = candidates.find(candidate => statusOf(candidate) === 'program')
    if (program === undefined) throw notFound(command, candidates)
    if (isBatchFile(program)) throw batchFile(program)
    this.#found.set(command, program)
    return program
  }

  /** Drops the path of a program that no longer starts: the next `find` looks it up again. */
  forget(command: string): void {
    this.#found.delete(command)
  }

  #candidates(command: string): string[] {
    const isPath = command.includes('/') || (process.platform === 'win32' && /[\\:]/.test(command))
    const folders = isPath ? [this.#base] : (process.env.PATH ?? '').split(path.delimiter).filter(path.isAbsolute)
    return folders.flatMap(folder => extensionsFor(command).map(extension => path.resolve(folder, command + extension)))
  }
}

function extensionsFor(command: string): readonly string[] {
  return process.platform === 'win32' && path.extname(command) === '' ? ['.exe', '.com', '.cmd', '.bat'] : ['']
}

function statusOf(file: string): 'program' | 'denied' | 'nothing' {
  try {
    if (!statSync(file, { throwIfNoEntry: false })?.isFile()) return 'nothing'
    accessSync(file, constants.X_OK)
    return 'program'
  } catch {
    return 'denied'
  }
}

/** Windows always runs a batch file in a shell, which parses the arguments (CVE-2024-27980). */
function isBatchFile(program: string): boolean {
  return process.platform === 'win32' && /\.(?:cmd|bat)$/i.test(program)
}

function notFound(command: string, candidates: readonly string[]): AgentError {
  const denied = candidates.find(candidate => statusOf(candidate) === 'denied')
  if (denied !== undefined) {
    const message = `command: expected a program, got ${denied}, but permission is denied. Make it executable.`
    return new AgentError('refused', message, { code: 'EACCES' })
  }
  const where = command.includes('/') ? `${candidates[0]} does not exist` : 'it is in no absolute folder of PATH'
  const got = JSON.stringify(command)
  const message = `command: expected a program, got ${got}, but ${where}. Install it, or pass its absolute path.`
  return new AgentError('refused', message, { code: 'BACKEND_NOT_FOUND' })
}

function batchFile(program: string): AgentError {
  const advice = 'Use the .exe, or node with the script that the file starts.'
  const message = `command: expected a program that runs without a shell, got the batch file ${program}. ${advice}`
  return new AgentError('refused', message, { code: 'BATCH_FILE' })
}
