import type { FileSystem, OpenFile } from 'counterpoint/node'

/**
 * A file system whose calls all wait for `delay` first, like a process that is suspended at any moment.
 * It has no kernel lock, like two machines on a shared disk.
 */
export function delayed(fileSystem: FileSystem, delay: () => Promise<void>): FileSystem {
  const wrap = <T extends object>(target: T): T =>
    new Proxy(target, {
      get: (_, name) => {
        const member: unknown = name === 'lockFolder' ? undefined : Reflect.get(target, name)
        if (typeof member !== 'function') return member
        return async (...args: unknown[]) => {
          await delay()
          const result: unknown = await Reflect.apply(member, target, args)
          return name === 'open' ? wrap(result as OpenFile) : result
        }
      },
    })
  return wrap(fileSystem)
}
