import { CounterpointError, type JournalHost } from 'counterpoint'
import { nameOf, type Owner } from './run-folder.js'

/** What a JOURNAL error says: where (a path, with the byte where it matters), and what was expected, came and can be done. */
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

/** A journal that cannot be written any more, ever, by this opener: no other try will help. */
export class JournalLost extends Error {
  override readonly name: string = 'JournalLost'
  readonly reason: Error
  constructor(reason: Error) {
    super(reason.message)
    this.reason = reason
  }
}

/** An error in the words of a sentence: `no space left on device (ENOSPC)` stays as it came, a thrown string too. */
export function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** What the system says, as an error that says where. */
export function unusable(runId: string | undefined, folder: string, error: unknown): CounterpointError<'JOURNAL'> {
  return journalError(runId, folder, `expected a folder that can be read and written: ${wordsOf(error)}`, error)
}

/**
 * Tells a problem of a journal or a shared stream. Invariant: never throws, whatever the host does with it. With no host it is a warning of
 * the process: that a tail was cut may not go unsaid.
 */
export function tell(host: JournalHost | undefined, owner: Owner, message: string, error: unknown): void {
  const told = `${owner.runId === undefined ? '' : 'journal of '}${nameOf(owner)}: ${message}`
  try {
    if (host) host.report({ error, message: told })
    else process.emitWarning(told, 'CounterpointWarning')
  } catch {
    // Who listens badly hears nothing; the journal goes on.
  }
}
