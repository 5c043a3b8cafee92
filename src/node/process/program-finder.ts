import { accessSync, constants, statSync } from 'node:fs'
import path from 'node:path'
import { AgentError } from 'counterpoint'

/**
 * Turns the name of a command into the absolute path of a program, once for each name.
 * Invariant: the working folder of an agent is never searched, nor any relative entry of PATH. An agent may write there
 * what it likes.
 */
export class ProgramFinder {
  readonly #base = process.cwd()
  readonly #found = new Map<string, string>()

  /**
   * @throws AgentError `refused`, code `BACKEND_NOT_FOUND` when there is no such program, `EACCES` when it may not be
   * executed, `BATCH_FILE` when it is a .cmd or .bat file of Windows, which nothing but a shell can run.
   */
  find(command: string): string {
    const known = this.#found.get(command)
    if (known !== undefined) return known
    const places = this.#places(command)
    const program = places.find(place => look(place) === 'program')
    if (program === undefined) throw notFound(command, places)
    if (isBatchFile(program)) throw batchFile(program)
    this.#found.set(command, program)
    return program
  }

  /** To be called when a program that was found is there no longer: it is looked for again the next time. */
  forget(command: string): void {
    this.#found.delete(command)
  }

  #places(command: string): string[] {
    const isPath = command.includes('/') || (process.platform === 'win32' && /[\\:]/.test(command))
    const folders = isPath ? [this.#base] : (process.env.PATH ?? '').split(path.delimiter).filter(path.isAbsolute)
    return folders.flatMap(folder => endings(command).map(ending => path.resolve(folder, command + ending)))
  }
}

function endings(command: string): readonly string[] {
  return process.platform === 'win32' && path.extname(command) === '' ? ['.exe', '.com', '.cmd', '.bat'] : ['']
}

function look(place: string): 'program' | 'denied' | 'nothing' {
  try {
    if (!statSync(place, { throwIfNoEntry: false })?.isFile()) return 'nothing'
    accessSync(place, constants.X_OK)
    return 'program'
  } catch {
    return 'denied'
  }
}

/** A batch file is run by a shell, whatever one does, and the shell takes the arguments apart (CVE-2024-27980). */
function isBatchFile(program: string): boolean {
  return process.platform === 'win32' && /\.(?:cmd|bat)$/i.test(program)
}

function notFound(command: string, places: readonly string[]): AgentError {
  const denied = places.find(place => look(place) === 'denied')
  if (denied !== undefined) {
    const message = `command: expected a program, got ${denied}, but permission is denied. Make it executable for us.`
    return new AgentError('refused', message, { code: 'EACCES' })
  }
  const where = command.includes('/') ? `nothing is at ${places[0]}` : 'no absolute folder of PATH holds it'
  const got = JSON.stringify(command)
  const message = `command: expected a program, got ${got}, but ${where}. Install it, or give its absolute path.`
  return new AgentError('refused', message, { code: 'BACKEND_NOT_FOUND' })
}

function batchFile(program: string): AgentError {
  const advice = 'Name the .exe, or node with the script that the file starts.'
  const message = `command: expected a program that runs without a shell, got the batch file ${program}. ${advice}`
  return new AgentError('refused', message, { code: 'BATCH_FILE' })
}
