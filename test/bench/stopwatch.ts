/** Starts a watch; what it gives tells the milliseconds since. */
export type Watch = () => () => number

/** Watches by name. `wall`: as a clock on the wall. `cpu`: the time of all threads of this process, for a machine that has other work to do. */
export const watches: { readonly wall: Watch; readonly cpu: Watch } = {
  wall: () => {
    const began = performance.now()
    return () => performance.now() - began
  },
  cpu: () => {
    const began = process.cpuUsage()
    return () => {
      const { user, system } = process.cpuUsage(began)
      return (user + system) / 1_000
    }
  },
}
