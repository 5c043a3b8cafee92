import { posix } from 'node:path'
import ts from 'typescript'

/** A module of `src/`: its path below `src/` (`core/json.ts`) and its text. */
export interface Module {
  readonly path: string
  readonly text: string
}

/** What a part of the source may import. */
interface Rule {
  /** Parts that it may import by relative paths. */
  readonly reaches: readonly string[]
  /** Allowed package specifiers. */
  readonly packages: readonly string[]
  /** True if it may import `node:` modules. */
  readonly node: boolean
}

const LIBRARY = 'the pure library'
const outsidePart = (node: boolean, ...packages: string[]): Omit<Rule, 'reaches'> => ({
  node,
  packages: ['counterpoint', ...packages],
})

/** The import rules. A folder without an entry is part of the pure library. */
const RULES: Readonly<Record<string, Omit<Rule, 'reaches'> & { readonly reaches?: readonly string[] }>> = {
  core: { reaches: ['core'], packages: [], node: false },
  [LIBRARY]: {
    reaches: ['core', LIBRARY],
    packages: ['eventemitter3', 'p-queue', 'tslib', 'zod', 'zod/mini'],
    node: false,
  },
  intents: outsidePart(false),
  testing: outsidePart(false, 'zod'),
  node: outsidePart(true, 'zod'),
  http: outsidePart(true),
  otel: outsidePart(false, '@opentelemetry/api'),
  bullmq: outsidePart(true, 'bullmq'),
  cli: outsidePart(true, 'counterpoint/node'),
}

/** Packages that one module wraps for all others. */
const SOLE_USERS: Readonly<Record<string, string>> = {
  eventemitter3: 'events/emitter.ts',
  'p-queue': 'pools/worker-pool.ts',
}

/**
 * The layers of the pure library, top first. A module may only import from its own layer or a lower one, types included.
 * A name with `.ts` is a module at the top of `src/`, the others are folders.
 */
const LAYERS: readonly (readonly string[])[] = [
  ['index.ts'],
  ['orchestrator.ts'],
  ['observe'],
  ['run'],
  ['events'],
  ['options.ts', 'options-schema.ts'],
  ['forecast'],
  ['distributor'],
  ['failure'],
  ['pools'],
  ['limits'],
  ['budget'],
  ['results'],
  ['journal'],
  ['plan'],
  ['backends'],
  ['errors.ts', 'error-text.ts', 'options-check.ts', 'option-issues.ts', 'clock.ts', 'machine.ts'],
  ['core'],
]

/** Maximum number of modules directly in `src/`, and in any folder below it. */
const MOST_MODULES = { top: 10, folder: 20 } as const

interface Import {
  readonly specifier: string
  readonly line: number
  /** True for a type-only import, which does not exist at run time and cannot close a cycle. */
  readonly erased: boolean
}

/** All violations of the import rules in `modules`, one sentence each. */
export function importProblems(modules: readonly Module[]): string[] {
  const known = new Set(modules.map(module => module.path))
  return modules.flatMap(module =>
    importsOf(module).flatMap(found => {
      const why = violationOf(module.path, found.specifier, known)
      return why === undefined ? [] : [`src/${module.path}:${found.line}: imports '${found.specifier}', but ${why}`]
    }),
  )
}

function violationOf(path: string, specifier: string, known: ReadonlySet<string>): string | undefined {
  const part = partOf(path)
  const rule = RULES[part]!
  if (specifier.startsWith('.')) {
    const target = resolveRelative(path, specifier)
    if (!known.has(target)) return `there is no module src/${target}`
    const reaches = rule.reaches ?? [part]
    return reaches.includes(partOf(target)) ? undefined : `${part} may only reach into ${reaches.join(' and ')}`
  }
  if (specifier.startsWith('node:')) return rule.node ? undefined : `${part} runs where there is no Node`
  const owner = SOLE_USERS[specifier]
  if (owner !== undefined && owner !== path) return `src/${owner} is its only user`
  const packages = rule.packages.length === 0 ? 'no package' : rule.packages.join(', ')
  return rule.packages.includes(specifier) ? undefined : `${part} imports ${packages}`
}

/** All imports of the pure library from a higher layer, and all modules without a layer. */
export function layerProblems(modules: readonly Module[]): string[] {
  const layers = new Map(LAYERS.flatMap((names, layer) => names.map(name => [name, layer] as const)))
  return modules.flatMap(module => {
    if (partOf(module.path) !== LIBRARY && partOf(module.path) !== 'core') return []
    const layer = layers.get(folderOf(module.path))
    if (layer === undefined) return [`src/${module.path}: its folder has no layer; give it one in ${THIS_FILE}`]
    return importsOf(module)
      .filter(found => found.specifier.startsWith('.'))
      .map(found => ({ ...found, folder: folderOf(resolveRelative(module.path, found.specifier)) }))
      .filter(({ folder }) => (layers.get(folder) ?? layer) < layer)
      .map(({ specifier, line, folder }) => {
        const order = `${folder} is above ${folderOf(module.path)}`
        return `src/${module.path}:${line}: imports '${specifier}', but ${order}; imports lead downwards only`
      })
  })
}

const THIS_FILE = 'test/package/import-rules.ts'

/** The folder directly below `src/`, or the module if it is directly in `src/`. */
function folderOf(path: string): string {
  return path.split('/')[0]!
}

/** All folders with too many modules. */
export function folderProblems(modules: readonly Module[]): string[] {
  const counts = new Map<string, number>()
  for (const { path } of modules) {
    const folder = posix.dirname(path)
    counts.set(folder, (counts.get(folder) ?? 0) + 1)
  }
  return [...counts].flatMap(([folder, count]) => {
    const most = folder === '.' ? MOST_MODULES.top : MOST_MODULES.folder
    return count > most ? [`src/${folder}: has ${count} modules, expected at most ${most}; split it`] : []
  })
}

function partOf(path: string): string {
  const folder = path.includes('/') ? path.slice(0, path.indexOf('/')) : ''
  return Object.hasOwn(RULES, folder) ? folder : LIBRARY
}

function resolveRelative(from: string, specifier: string): string {
  return posix.join(posix.dirname(from), specifier).replace(/\.js$/, '.ts')
}

/** All cycles of run-time imports, as `a.ts -> b.ts -> a.ts`. */
export function importCycles(modules: readonly Module[]): string[] {
  const edges = new Map(modules.map(module => [module.path, runtimeTargets(module)]))
  const cycles: string[] = []
  const done = new Set<string>()
  const visit = (path: string, trail: readonly string[]): void => {
    const seenAt = trail.indexOf(path)
    if (seenAt >= 0) cycles.push([...trail.slice(seenAt), path].join(' -> '))
    if (seenAt >= 0 || done.has(path)) return
    for (const target of edges.get(path) ?? []) visit(target, [...trail, path])
    done.add(path)
  }
  for (const path of edges.keys()) visit(path, [])
  return cycles
}

function runtimeTargets(module: Module): string[] {
  const lasting = importsOf(module).filter(found => found.specifier.startsWith('.') && !found.erased)
  return lasting.map(found => resolveRelative(module.path, found.specifier))
}

function importsOf(module: Module): Import[] {
  const source = ts.createSourceFile(module.path, module.text, ts.ScriptTarget.Latest)
  const found: Import[] = []
  const visit = (node: ts.Node): void => {
    const specifier = specifierOf(node)
    if (specifier !== undefined) {
      const line = source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1
      found.push({ specifier, line, erased: isErased(node) })
    }
    ts.forEachChild(node, visit)
  }
  visit(source)
  return found
}

function specifierOf(node: ts.Node): string | undefined {
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return text(node.moduleSpecifier)
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) return text(node.argument.literal)
  if (ts.isExternalModuleReference(node)) return text(node.expression)
  const isDynamic = ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword
  return isDynamic ? (text(node.arguments[0]) ?? 'a computed specifier') : undefined
}

function text(node: ts.Node | undefined): string | undefined {
  return node !== undefined && ts.isStringLiteralLike(node) ? node.text : undefined
}

/** With `verbatimModuleSyntax` only `import type` and `export type` are removed; `import { type A }` still loads the module. */
function isErased(node: ts.Node): boolean {
  if (ts.isImportTypeNode(node)) return true
  if (ts.isImportDeclaration(node)) return node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword
  return ts.isExportDeclaration(node) && node.isTypeOnly
}
