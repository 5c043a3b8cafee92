import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { ROOT } from './source-tree.js'

/** The exports of one entry of the package. Types have the prefix `type `. */
export interface Entry {
  /** Its key in the exports map: `.` or `./node`. */
  readonly subpath: string
  /** In alphabetical order. */
  readonly names: readonly string[]
  /** Names without a docstring. */
  readonly undocumented: readonly string[]
}

/** All entries of package.json that are modules, read from their sources. */
export function packageEntries(): Entry[] {
  const { exports } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    exports: Record<string, string | { readonly types: string }>
  }
  const sources = Object.entries(exports).flatMap(([subpath, target]) =>
    typeof target === 'string' ? [] : [{ subpath, source: sourceOf(target.types) }],
  )
  const program = ts.createProgram(
    sources.map(({ source }) => source),
    projectOptions(),
  )
  return sources.map(({ subpath, source }) => readEntry(program, subpath, source))
}

/** `./dist/node/index.d.ts` is built from `src/node/index.ts`. */
function sourceOf(declaration: string): string {
  return join(ROOT, declaration.replace('./dist/', 'src/').replace(/\.d\.ts$/, '.ts'))
}

function projectOptions(): ts.CompilerOptions {
  const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.json'), ts.sys.readFile)
  return ts.parseJsonConfigFileContent({ ...config, include: [], files: [] }, ts.sys, ROOT).options
}

function readEntry(program: ts.Program, subpath: string, source: string): Entry {
  const checker = program.getTypeChecker()
  const file = program.getSourceFile(source)
  const module = file && checker.getSymbolAtLocation(file)
  if (module === undefined) throw new Error(`package.json exports ${subpath}, but ${source} is no module`)
  const found = checker.getExportsOfModule(module).map(symbol => {
    const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol
    // A class may be exported as a type: its objects are made by the library.
    const isTypeOnly = symbol.declarations?.every(ts.isTypeOnlyImportOrExportDeclaration) === true
    const isValue = !isTypeOnly && (target.flags & ts.SymbolFlags.Value) !== 0
    const isDocumented = target.getDocumentationComment(checker).length > 0
    return { name: isValue ? symbol.name : `type ${symbol.name}`, isDocumented }
  })
  const bare = (name: string): string => name.replace('type ', '').toLowerCase()
  found.sort((one, other) => (bare(one.name) < bare(other.name) ? -1 : 1))
  const undocumented = found.filter(each => !each.isDocumented).map(each => each.name)
  return { subpath, names: found.map(each => each.name), undocumented }
}
