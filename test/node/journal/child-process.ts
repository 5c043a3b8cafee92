import { type ChildProcess, spawn } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { build } from 'vite'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const ENTRY = join(ROOT, 'child-program.ts')

/** Bundles `source` and the library into a program for Node, and writes it into `folder`. */
export async function buildProgram(folder: string, source: string): Promise<string> {
  const result = await build({
    root: ROOT,
    configFile: false,
    logLevel: 'error',
    resolve: {
      alias: [
        { find: /^counterpoint$/, replacement: join(ROOT, 'src/index.ts') },
        { find: /^counterpoint\/node$/, replacement: join(ROOT, 'src/node/index.ts') },
      ],
    },
    plugins: [
      {
        name: 'virtual program',
        enforce: 'pre',
        resolveId: id => (id.endsWith('child-program.ts') ? ENTRY : undefined),
        load: id => (id === ENTRY ? source : undefined),
      },
    ],
    ssr: { noExternal: true },
    build: { ssr: ENTRY, write: false, target: 'node20', minify: false },
  })
  const [chunk] = (result as { output: { code: string }[] }).output
  const path = join(folder, 'program.mjs')
  await writeFile(path, chunk!.code)
  return path
}

/** A process that runs a program, and the lines of its output. */
export class Child {
  readonly process: ChildProcess
  readonly exit: Promise<unknown>
  readonly #lines: AsyncIterator<string>

  /** `program`: its path; or a command that starts it, such as `unshare`, with its arguments. */
  constructor(program: string | readonly string[], ...args: string[]) {
    const start = typeof program === 'string' ? [process.execPath, program] : program
    this.process = spawn(start[0] as string, [...start.slice(1), ...args], { stdio: ['pipe', 'pipe', 'inherit'] })
    this.exit = new Promise(resolve => this.process.once('exit', (code, signal) => resolve(signal ?? code)))
    this.#lines = createInterface({ input: this.process.stdout! })[Symbol.asyncIterator]()
  }

  /** The next line; undefined at the end. */
  async line(): Promise<string | undefined> {
    const next = await this.#lines.next()
    return next.done ? undefined : next.value
  }

  async kill(): Promise<void> {
    this.process.kill('SIGKILL')
    await this.exit
  }
}
