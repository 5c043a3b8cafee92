import type { Failure } from '../core/failure/failure.js'
import type { Json } from '../core/json.js'
import { askHost, badInput } from './attempt/request.js'

/** Says whether a person must approve a task. */
export type Gate = (outputs: Readonly<Record<string, Json>>) => unknown

/** Asks a gate; `answered` is called once: true, false, or the failure (`bad-input`) that it is. */
export function askGate(
  gate: Gate,
  outputs: Readonly<Record<string, Json>>,
  answered: (needsApproval: boolean, failure?: Failure) => void,
): void {
  const said = (answer: unknown): void => {
    if (typeof answer === 'boolean') return answered(answer)
    const message = `the approval function must say true or false, and said ${typeof answer}`
    answered(false, { kind: 'bad-input', message })
  }
  askHost(
    () => gate(outputs),
    said,
    error => answered(false, badInput('the approval function', error)),
  )
}
