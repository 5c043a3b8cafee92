import { relative } from 'node:path'
import ts from 'typescript'
import { ROOT } from './source-tree.js'

/** The types of a platform: names of TypeScript's `lib` files and of `@types` packages. */
export interface Platform {
  readonly libs: readonly string[]
  readonly types?: readonly string[]
}

const BASE_OPTIONS: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  strict: true,
  exactOptionalPropertyTypes: true,
  verbatimModuleSyntax: true,
  importHelpers: true,
  skipLibCheck: true,
  noEmit: true,
}

/**
 * The compiler errors of these files (absolute paths) with only the types of this platform.
 * `samples` are additional files in memory: path to text. `more` are further options of the compiler.
 */
export function compileProblems(
  files: readonly string[],
  platform: Platform,
  samples: Readonly<Record<string, string>> = {},
  more: ts.CompilerOptions = {},
): string[] {
  const lib = platform.libs.map(name => `lib.${name}.d.ts`)
  const options: ts.CompilerOptions = { ...BASE_OPTIONS, ...more, lib, types: [...(platform.types ?? [])] }
  const program = ts.createProgram([...files, ...Object.keys(samples)], options, withSamples(options, samples))
  return ts.getPreEmitDiagnostics(program).map(line)
}

/** Source files are cached, because they are the same in every program. */
const files = new Map<string, ts.SourceFile | undefined>()

function withSamples(options: ts.CompilerOptions, samples: Readonly<Record<string, string>>): ts.CompilerHost {
  const host = ts.createCompilerHost(options)
  const { fileExists, readFile, getSourceFile } = host
  host.fileExists = path => Object.hasOwn(samples, path) || fileExists(path)
  host.readFile = path => samples[path] ?? readFile(path)
  host.getSourceFile = (path, language, ...rest) => {
    const sample = samples[path]
    if (sample !== undefined) return ts.createSourceFile(path, sample, language)
    if (!files.has(path)) files.set(path, getSourceFile(path, language, ...rest))
    return files.get(path)
  }
  return host
}

function line(diagnostic: ts.Diagnostic): string {
  const message = ts.flattenDiagnosticMessageText(diagnostic.messageText, '\n')
  if (diagnostic.file === undefined) return message
  const at = diagnostic.file.getLineAndCharacterOfPosition(diagnostic.start ?? 0)
  return `${relative(ROOT, diagnostic.file.fileName)}:${at.line + 1}: ${message}`
}
