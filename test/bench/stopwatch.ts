/** Starts a watch; the returned function returns the milliseconds since then. */
export type Watch = () => () => number

/** Watches by name. `wall`: elapsed time. `cpu`: CPU time of all threads of this process, for a machine with other load. */
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
