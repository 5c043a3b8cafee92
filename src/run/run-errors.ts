import { CounterpointError } from '../errors.js'

/** The error of a run that is suspended. */
export function suspended(runId: string): CounterpointError<'RUN_SUSPENDED'> {
  const message = `run ${runId} is suspended: orchestrator.resume("${runId}") continues it`
  return new CounterpointError('RUN_SUSPENDED', message, { runId })
}

/** The error of a run whose journal failed with `cause`. */
export function journalFailed(runId: string, cause: unknown): CounterpointError<'JOURNAL'> {
  const message = `run ${runId} cannot continue: its journal failed. What the journal holds can be resumed`
  return new CounterpointError('JOURNAL', message, { runId }, { cause })
}
