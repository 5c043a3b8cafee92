import { type ChildProcess, type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { dirname } from 'node:path'
import { createInterface } from 'node:readline'
import { jsonOf } from './target.js'

/** How long a server may take to report its port, in milliseconds. */
const START_MS = 15_000

/**
 * Starts a server program, passes its address to `use`, and has killed the server when this settles.
 * Invariant: the server does not outlive this process. It is killed when this process exits or receives a signal; if this
 * process is killed, the server's stdin closes and it exits.
 *
 * @throws Error if its first line, within 15 s, is not JSON with the port that it listens on.
 */
export async function withBackend<T>(program: string, use: (url: string) => Promise<T>): Promise<T> {
  // Its environment is empty: the code under test must not see ours.
  const child = spawn(process.execPath, [program], { cwd: dirname(program), env: {}, stdio: 'pipe' })
  child.stdin.on('error', () => {})
  const ended = once(child, 'close').catch(() => {})
  const release = killWithUs(child)
  try {
    return await use(await addressOf(child, program))
  } finally {
    child.kill('SIGKILL')
    await ended
    release()
  }
}

function killWithUs(child: ChildProcess): () => void {
  const kill = (): void => void child.kill('SIGKILL')
  const leave = (_signal: NodeJS.Signals, number: number): void => process.exit(128 + number)
  const signals = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const
  process.on('exit', kill)
  for (const signal of signals) process.on(signal, leave)
  return () => {
    process.off('exit', kill)
    for (const signal of signals) process.off(signal, leave)
  }
}

async function addressOf(child: ChildProcessWithoutNullStreams, program: string): Promise<string> {
  let complaint = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint = (complaint + text).slice(-500)
  })
  const timer = setTimeout(() => child.kill('SIGKILL'), START_MS)
  const failed = once(child, 'close').then(([code, signal]) => {
    const said = complaint.trim() || 'it printed nothing'
    throw new Error(
      `expected ${program} to listen within ${START_MS / 1_000} s, it exited with ${signal ?? code}: ${said}`,
    )
  })
  try {
    const line = await Promise.race([once(createInterface({ input: child.stdout }), 'line'), failed])
    return loopback(String(line[0]), program)
  } finally {
    clearTimeout(timer)
    // Later output is read and discarded; otherwise a full pipe would block the server.
    child.stdout.resume()
  }
}

function loopback(line: string, program: string): string {
  const port = (jsonOf(line) as { port?: unknown } | null | undefined)?.port
  if (!Number.isInteger(port))
    throw new Error(`expected the first line of ${program} to be {"port":...}, got "${line.slice(0, 80)}"`)
  return `http://127.0.0.1:${port}`
}
