/**
 * Amounts from a host, an agent or a provider: dollars, tokens, milliseconds. What is no amount is never computed with: one NaN, negative
 * or infinite number would turn off every bound that it is added to, and JSON cannot hold it.
 */

/** The largest amount, 2^53 - 1: larger ones would swallow what is added to them. */
export const MAX_AMOUNT: number = Number.MAX_SAFE_INTEGER

/** True for a number from 0 to {@link MAX_AMOUNT}. */
export function isAmount(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= MAX_AMOUNT
}

/** A number as an amount, at most {@link MAX_AMOUNT}; undefined for anything but a finite number of at least 0. */
export function amountOf(value: unknown): number | undefined {
  if (typeof value !== 'number' || !(value >= 0) || value === Number.POSITIVE_INFINITY) return undefined
  return Math.min(value, MAX_AMOUNT)
}

/** A share, 0 to 1, from a function of the host: what is beyond counts as the nearest, NaN as 0. */
export function shareOf(value: number): number {
  return value > 0 ? Math.min(value, 1) : 0
}

/** The sum of two amounts: an amount again, however many are added up. */
export function plus(a: number, b: number): number {
  return Math.min(a + b, MAX_AMOUNT)
}
