import type { FileSystem, OpenFile } from 'counterpoint/node'

/**
 * The same file system, each call of which waits for `gate` first: as a process does that the system puts to sleep at any moment.
 * It has no lock of the kernel's, as two machines on a shared disk have none.
 */
export function delayed(fileSystem: FileSystem, gate: () => Promise<void>): FileSystem {
  const wrap = <T extends object>(target: T): T =>
    new Proxy(target, {
      get: (_, name) => {
        const member: unknown = name === 'lockFolder' ? undefined : Reflect.get(target, name)
        if (typeof member !== 'function') return member
        return async (...args: unknown[]) => {
          await gate()
          const result: unknown = await Reflect.apply(member, target, args)
          return name === 'open' ? wrap(result as OpenFile) : result
        }
      },
    })
  return wrap(fileSystem)
}
