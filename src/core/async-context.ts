/** Calls a function in an async context that was captured before. */
export type InContext = (call: () => void) => void

interface AsyncResource {
  runInAsyncScope<T>(call: () => T): T
}

/** What Node, Deno and Bun have, and browsers have not. */
interface Platform {
  readonly process?: {
    getBuiltinModule?(id: string): { readonly AsyncResource?: new (type: string, options: object) => AsyncResource }
  }
}

/** Calls a function in the async context of the caller. */
export const inCallersContext: InContext = call => call()
const OPTIONS = { requireManualDestroy: true }

/**
 * Captures the async context of its caller: what each `AsyncLocalStorage` of the host, or of its tracing, holds there. Where the platform
 * has none, nothing is captured, and a call costs nothing.
 *
 * Trap 10: the slots of a pool start the attempts of many runs, so without this all of them had the context of the run that came first.
 * Promises keep their context by themselves. Signals, timers and slots are shared, so whoever calls the host from there restores it: a
 * run that of `run()` or `resume()`, a pool that in which it was made.
 *
 * Not `AsyncLocalStorage.snapshot()`, which takes 30 us on Node 20: here a capture takes 0.08 us, and a call, of which there is one per
 * signal, 0.05 us (Node 24: 0.03 us). Each call is made in a resource of its own: before Node 24, `run()` and `enterWith()` of an
 * `AsyncLocalStorage` change the resource in which they are called, and the next call must not see that.
 */
export function captureContext(): InContext {
  const { process } = globalThis as Platform
  const AsyncResource = process?.getBuiltinModule?.('async_hooks')?.AsyncResource
  if (AsyncResource === undefined) return inCallersContext
  const create = (): AsyncResource => new AsyncResource('counterpoint.run', OPTIONS)
  const captured = create()
  return call => captured.runInAsyncScope(create).runInAsyncScope(call)
}
