import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { packageRoot } from '../../examples/restaurant/paths.js'
import { builtLibrary } from '../package/built.js'

/** Exit code and output of a program. */
export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** The environment of an interactive shell: without CI. */
export const env: Readonly<Record<string, string>> = { PATH: process.env.PATH ?? '', TERM: 'xterm-256color' }

/** True if `/proc` lists processes. */
export const hasProc: boolean = process.platform === 'linux'

/** The built main program of the example. */
export const main: string = join(packageRoot, 'build/examples/restaurant/main.js')

/** Runs the main program as processes. Each test has its own folder for runs. */
export class Program {
  readonly folder: string = mkdtempSync(join(tmpdir(), 'restaurant-main-'))

  constructor() {
    builtLibrary()
  }

  /** Deletes the folder. */
  remove(): void {
    rmSync(this.folder, { recursive: true, force: true })
  }

  /** The folder for the runs of a test. */
  out(name: string): string {
    return join(this.folder, name)
  }

  /** Runs the program to its end. */
  run(name: string, ...args: string[]): Promise<Ended> {
    const argv = [main, '--out', this.out(name), ...args]
    return new Promise(resolve => {
      const child = execFile(process.execPath, argv, { env, cwd: this.folder }, (_error, stdout, stderr) =>
        resolve({ code: child.exitCode, stdout, stderr }),
      )
    })
  }

  /** Starts the program. */
  start(name: string, ...args: string[]): ChildProcess {
    const argv = [main, '--out', this.out(name), ...args]
    return spawn(process.execPath, argv, { env, cwd: this.folder, stdio: ['ignore', 'pipe', 'pipe'] })
  }

  /** Writes a plan and returns its file name. */
  plan(name: string, content: unknown): string {
    writeFileSync(join(this.folder, name), JSON.stringify(content))
    return name
  }

  /** The process ids of the agents of a test. */
  agentsOf(name: string): number[] {
    const mark = `RESTAURANT_OUT=${this.out(name)}/`
    return readdirSync('/proc').flatMap(pid => {
      try {
        return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/environ`, 'latin1').includes(mark) ? [Number(pid)] : []
      } catch {
        return []
      }
    })
  }
}

/** Resolves with the output up to the text, as soon as it appears. */
export async function outputUntil(child: ChildProcess, text: string): Promise<string> {
  let all = ''
  for await (const chunk of child.stdout!.iterator({ destroyOnReturn: false })) {
    all += chunk
    if (all.includes(text)) return all
  }
  throw new Error(`expected to read "${text}", got ${all}`)
}

/** Resolves with the remaining output when the program has ended. */
export async function ended(child: ChildProcess): Promise<Ended> {
  let stdout = ''
  let stderr = ''
  child.stdout!.on('data', chunk => (stdout += chunk))
  child.stderr!.on('data', chunk => (stderr += chunk))
  const [code] = await once(child, 'close')
  return { code, stdout, stderr }
}
