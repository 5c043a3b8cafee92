import { constants } from 'node:os'
import { AgentError, type OutputTails, type ReportedUsage } from 'counterpoint'
import type { Exit } from './process-tree.js'

/** The failure of a program that did not exit with code 0. */
export function exitFailure(exit: Exit, tails: OutputTails, usage: ReportedUsage | undefined): AgentError | undefined {
  if (exit.code === 0) return undefined
  const signal = exit.signal ?? signalOf(exit.code ?? 0)
  const how = exit.signal ? `was ended by ${exit.signal}` : `exited with code ${exit.code}`
  const options = {
    ...(exit.code !== null && { status: exit.code }),
    ...(signal && { code: signal }),
    ...(usage && { usage }),
  }
  const message = `Expected exit code 0, but the agent ${how}. ${endOf(tails)}`
  return new AgentError(signal ? 'crashed' : 'agent', message, options)
}

/** Many programs write their errors to standard output. */
function endOf({ stdout, stderr }: OutputTails): string {
  if (stderr !== undefined) return `The end of its standard error:\n${stderr}`
  const nothing = 'It wrote nothing to standard error.'
  return stdout === undefined ? nothing : `${nothing} The end of its standard output:\n${stdout}`
}

/** Shells and wrappers exit with 128 + number when a signal ended their child. */
function signalOf(code: number): string | undefined {
  return Object.entries(constants.signals).find(([, number]) => code === 128 + number)?.[0]
}
