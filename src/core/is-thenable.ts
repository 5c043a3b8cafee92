/** True for a promise, and for anything else with a method `then`. Throws what a getter of `then` throws. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof Object(value).then === 'function'
}
