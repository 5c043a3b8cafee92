import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import ts from 'typescript'
import { ROOT } from '../package/source-tree.js'
import type { Block } from './markdown.js'

/** A program in a page, with the files that it needs. */
export interface Program {
  /** Its location: `docs/quickstart.md:41`. */
  readonly title: string
  readonly extension: 'ts' | 'js'
  /** Line n is line n of the page, so that error messages name the line to fix. */
  readonly text: string
  /** False for a block marked `no-run`, which is only compiled, and for one marked `file=name`, which others import or start. */
  readonly runs: boolean
  /** The name of a block marked `file=name`. */
  readonly file: string | undefined
  /** Files in its working folder: the blocks of its page marked `file=name`. */
  readonly files: Readonly<Record<string, string>>
}

/** The programs of one page. A block marked `continued` includes the previous program; a program can import a `ts` block marked `file=name`. */
export function programsOf(blocks: readonly Block[]): Program[] {
  const files = Object.fromEntries(
    blocks.flatMap(block => {
      const name = nameOf(block)
      return name === undefined ? [] : [[name, block.lines.join('\n')]]
    }),
  )
  const programs: Program[] = []
  for (const block of blocks) {
    if (block.language !== 'ts' && block.language !== 'js') continue
    const before = block.marks.includes('continued') ? programs.at(-1) : undefined
    const file = block.language === 'ts' ? nameOf(block) : undefined
    const lines = before?.text.split('\n') ?? []
    while (lines.length < block.line - 1) lines.push('')
    programs.push({
      title: `${block.page}:${block.line}`,
      extension: block.language,
      text: [...lines, ...block.lines].join('\n'),
      runs: !block.marks.includes('no-run') && before?.runs !== false && file === undefined,
      file,
      files,
    })
  }
  return programs
}

function nameOf({ marks }: Block): string | undefined {
  const mark = marks.find(each => each.startsWith('file='))
  return mark && basename(mark.slice('file='.length))
}

/** The compiled programs, in a folder inside the package, where 'counterpoint' resolves to the built library. */
export interface Compiled {
  /** The compiler errors of a program, as `docs/quickstart.md:43: message`. */
  problems(program: Program): string[]
  /** Resolves with its standard output; rejects when it fails, or writes to standard error. */
  run(program: Program): Promise<string>
  dispose(): void
}

const STRICT: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2022,
  lib: ['lib.es2023.d.ts', 'lib.esnext.disposable.d.ts'],
  types: ['node'],
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  moduleDetection: ts.ModuleDetectionKind.Force,
  strict: true,
  exactOptionalPropertyTypes: true,
  verbatimModuleSyntax: true,
  skipLibCheck: true,
  inlineSourceMap: true,
  // As Node does, which runs TypeScript by removing its types.
  rewriteRelativeImportExtensions: true,
  erasableSyntaxOnly: true,
}

/** Type-checks and compiles all programs together. */
export function compilePrograms(programs: readonly Program[]): Compiled {
  mkdirSync(join(ROOT, 'build'), { recursive: true })
  const folder = mkdtempSync(join(ROOT, 'build/docs-'))
  const pathOf = ({ title, extension, file }: Program): string => {
    const [page, line] = title.split(':') as [string, string]
    return join(folder, page.replaceAll(/\W+/g, '-'), file ?? `${line}.${extension}`)
  }
  for (const program of programs) {
    mkdirSync(dirname(pathOf(program)), { recursive: true })
    writeFileSync(pathOf(program), program.text)
  }
  const typed = programs.filter(program => program.extension === 'ts')
  const compiler = ts.createProgram(typed.map(pathOf), STRICT)
  compiler.emit()
  return {
    problems(program) {
      const source = compiler.getSourceFile(pathOf(program))
      if (source === undefined) return []
      return ts.getPreEmitDiagnostics(compiler, source).map(each => describeProblem(program, source, each))
    },
    run: program => runProgram(pathOf(program).replace(/\.ts$/, '.js'), program.files),
    dispose: () => rmSync(folder, { recursive: true, force: true }),
  }
}

function describeProblem(program: Program, source: ts.SourceFile, problem: ts.Diagnostic): string {
  const { line } = source.getLineAndCharacterOfPosition(problem.start ?? 0)
  const page = program.title.slice(0, program.title.lastIndexOf(':'))
  return `${page}:${line + 1}: ${ts.flattenDiagnosticMessageText(problem.messageText, '\n')}`
}

/** Loaded before every program: programs of the docs must work offline, so they may only connect to this machine. */
const OFFLINE = `
import { Socket } from 'node:net'
const { connect } = Socket.prototype
Socket.prototype.connect = function (...args) {
  const options = args.flat().find(each => typeof each === 'object' && each !== null) ?? { host: args[1] }
  const host = options.path === undefined ? (options.host ?? 'localhost') : 'localhost'
  if (['localhost', '127.0.0.1', '::1'].includes(host)) return connect.apply(this, args)
  throw new Error('expected a program of the docs to stay on this machine, but it connects to ' + host)
}`

async function runProgram(path: string, files: Readonly<Record<string, string>>): Promise<string> {
  const workdir = mkdtempSync(join(tmpdir(), 'counterpoint-docs-'))
  for (const [name, text] of Object.entries(files)) writeFileSync(join(workdir, name), text)
  const guard = `data:text/javascript,${encodeURIComponent(OFFLINE)}`
  const { PATH, HOME } = process.env
  try {
    return await new Promise((resolve, reject) => {
      const options = {
        cwd: workdir,
        env: { PATH, HOME, NO_COLOR: '1' },
        timeout: 30_000,
        killSignal: 'SIGKILL',
      } as const
      const argv = ['--enable-source-maps', '--disable-warning=ExperimentalWarning', '--import', guard, path]
      execFile(process.execPath, argv, options, (error, stdout, stderr) => {
        if (error === null && stderr !== '') reject(new Error(`expected nothing on standard error, got: ${stderr}`))
        else if (error === null) resolve(stdout)
        else reject(new Error(`expected it to exit with 0 within 30 s: ${error.message}\n${stdout}\n${stderr}`))
      })
    })
  } finally {
    rmSync(workdir, { recursive: true, force: true, maxRetries: 5 })
  }
}
