import { createServer } from 'node:net'
import { codeOf } from './file-system.js'

/**
 * Node has no `flock`. But two kinds of names can be listened on by one process only, and are free in the instant in which it
 * dies: Linux's abstract sockets (measured: the second `listen` fails with EADDRINUSE) and the named pipes of Windows.
 */
export const hasKernelLock: boolean = process.platform === 'linux' || process.platform === 'win32'

/** Gives what lets go of the lock, or undefined while another holds it. It keeps no process alive. */
export function lockByName(name: string): Promise<(() => Promise<void>) | undefined> {
  const path =
    process.platform === 'win32' ? `\\\\.\\pipe\\counterpoint-${name.replace(':', '-')}` : `\0counterpoint:${name}`
  const server = createServer(socket => socket.destroy())
  return new Promise((resolve, reject) => {
    server.on('error', error => (codeOf(error) === 'EADDRINUSE' ? resolve(undefined) : reject(error)))
    // Without `exclusive` the workers of a cluster would share one name.
    server.listen({ path, exclusive: true }, () => {
      server.unref()
      resolve(() => new Promise(closed => server.close(() => closed())))
    })
  })
}
