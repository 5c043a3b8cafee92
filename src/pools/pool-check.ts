import { CounterpointError } from '../errors.js'

/** @throws INVALID_INPUT at `path` unless `value` is a positive integer. */
export function checkSlots(value: number, path: string): number {
  if (Number.isInteger(value) && value > 0) return value
  throw invalid(path, 'a positive integer', value)
}

/** @throws INVALID_INPUT at `path` unless `value` is a finite number of milliseconds above 0. */
export function checkDelay(value: number, path: string): number {
  if (typeof value === 'number' && value > 0 && value <= Number.MAX_SAFE_INTEGER) return value
  throw invalid(path, 'a finite number of milliseconds above 0', value)
}

export function invalid(path: string, expected: string, got: unknown): CounterpointError<'INVALID_INPUT'> {
  const message = `expected ${expected}, got ${String(got)}`
  return new CounterpointError('INVALID_INPUT', `${path}: ${message}`, { issues: [{ path, message }] })
}
