import { CounterpointError, type JournalHost } from 'counterpoint'
import type { JournalId } from './journal-folder.js'

/** A JOURNAL error: where (a path, with the byte where it matters), what was expected, what was found and what to do. */
export function journalError(
  runId: string | undefined,
  where: string,
  message: string,
  cause?: unknown,
): CounterpointError<'JOURNAL'> {
  const options = cause === undefined ? undefined : { cause }
  return new CounterpointError(
    'JOURNAL',
    `${where}: ${message}`,
    { ...(runId !== undefined && { runId }), where },
    options,
  )
}

/** This opener can never write the journal again: retrying is useless. */
export class JournalLost extends Error {
  override readonly name: string = 'JournalLost'
  readonly reason: Error
  constructor(reason: Error) {
    super(reason.message)
    this.reason = reason
  }
}

/** The message of an error, or a thrown string: `no space left on device (ENOSPC)`. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** An error of the system, with the folder in the message. */
export function unusableFolder(
  runId: string | undefined,
  folder: string,
  error: unknown,
): CounterpointError<'JOURNAL'> {
  return journalError(runId, folder, `expected a folder that can be read and written: ${messageOf(error)}`, error)
}

/** `run "r"` or `shared stream "s"`. */
export function describe({ runId, stream }: JournalId): string {
  return runId === undefined ? `shared stream ${JSON.stringify(stream)}` : `run ${JSON.stringify(runId)}`
}

/**
 * Reports a problem to the host; without a host as a warning of the process, because a cut tail must not go unnoticed.
 * Invariant: never throws.
 */
export function report(host: JournalHost | undefined, id: JournalId, message: string, error: unknown): void {
  const text = `${id.runId === undefined ? '' : 'journal of '}${describe(id)}: ${message}`
  try {
    if (host) host.report({ error, message: text })
    else process.emitWarning(text, 'CounterpointWarning')
  } catch {
    // A listener that throws must not stop the journal.
  }
}
