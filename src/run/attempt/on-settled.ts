const { then } = Promise.prototype

/**
 * Calls one of the two functions once, in a later microtask, when `answer` settles: a promise, a thenable, or any other value.
 * A promise with a `then` of its own may call back twice or throw: only its first settlement counts.
 * @throws whatever a getter of `answer` throws.
 */
export function onSettled(
  answer: unknown,
  onFulfilled: (value: unknown) => void,
  onRejected: (error: unknown) => void,
): void {
  const promise = Promise.resolve(answer)
  const settlesOnce = promise.then === then ? promise : new Promise(resolve => resolve(promise))
  settlesOnce.then(onFulfilled, onRejected)
}
