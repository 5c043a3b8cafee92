import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import ts from 'typescript'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { builtLibrary } from './built.js'
import { ROOT } from './source-tree.js'

interface Manifest {
  readonly exports: Readonly<Record<string, unknown>>
  readonly files: readonly string[]
  readonly dependencies: Readonly<Record<string, string>>
}

const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as Manifest
const specifiers = Object.keys(manifest.exports).map(subpath => join('counterpoint', subpath))
const modules = specifiers.filter(specifier => !specifier.endsWith('.json'))

/** The folder of a program that has installed only the library and its dependencies. */
let installFolder: string

beforeAll(() => {
  builtLibrary()
  installFolder = mkdtempSync(join(tmpdir(), 'counterpoint-install-'))
  for (const path of ['package.json', ...manifest.files]) {
    cpSync(join(ROOT, path), join(installFolder, 'node_modules/counterpoint', path), { recursive: true })
  }
  for (const name of [...Object.keys(manifest.dependencies), '@types/node', 'undici-types']) {
    const link = join(installFolder, 'node_modules', name)
    mkdirSync(dirname(link), { recursive: true })
    symlinkSync(join(ROOT, 'node_modules', name), link, 'junction')
  }
})
afterAll(() => rmSync(installFolder, { recursive: true, force: true }))

function run(script: string): string {
  const argv = ['--no-warnings', '--input-type=module', '--eval', script]
  return execFileSync(process.execPath, argv, { cwd: installFolder, encoding: 'utf8' })
}

describe('a program that installs only the library and its dependencies', () => {
  test.each(modules)('can import %s', specifier => {
    const script = `console.log(Object.keys(await import('${specifier}')).length > 0)`
    expect(run(script)).toBe('true\n')
  })

  test('can require every entry from CommonJS', () => {
    const script = `
      import { createRequire } from 'node:module'
      const require = createRequire(process.cwd() + '/')
      for (const specifier of ${JSON.stringify(specifiers)}) console.log(typeof require(specifier))`
    expect(run(script)).toBe('object\n'.repeat(specifiers.length))
  })

  test('can store a run in files and continue it, which uses the helpers of tslib', () => {
    const script = `
      import { mkdtempSync } from 'node:fs'
      import { Orchestrator } from 'counterpoint'
      import { fileJournal } from 'counterpoint/node'
      const folder = mkdtempSync('runs-')
      const open = () => new Orchestrator({ journal: fileJournal({ folder }), pools: { p: { backend: async () => 'done' } } })
      const first = open()
      await first.run({ tasks: [{ id: 'a' }] }, { runId: 'r' }).result
      await first.drain()
      const { outcome, outputs } = await (await open().resume('r')).result
      console.log(outcome, outputs.a)`
    expect(run(script)).toBe('completed done\n')
  })

  test('gets complete types, which it can augment', { timeout: 60_000 }, () => {
    const source = join(installFolder, 'program.mts')
    const imports = modules.map((specifier, index) => `export * as entry${index} from '${specifier}'`)
    writeFileSync(source, [...imports, LOCALS].join('\n'))
    const program = ts.createProgram([source], {
      target: ts.ScriptTarget.ES2022,
      lib: ['lib.es2023.d.ts', 'lib.esnext.disposable.d.ts'],
      types: ['node'],
      typeRoots: [join(installFolder, 'node_modules/@types')],
      module: ts.ModuleKind.NodeNext,
      moduleResolution: ts.ModuleResolutionKind.NodeNext,
      strict: true,
      exactOptionalPropertyTypes: true,
      skipLibCheck: false,
      noEmit: true,
    })
    const ours = program
      .getSourceFiles()
      .filter(({ fileName }) => /program\.mts$|node_modules\/counterpoint\//.test(fileName))
    expect(ours.length).toBeGreaterThan(modules.length)
    const problems = ours.flatMap(file => ts.getPreEmitDiagnostics(program, file))
    expect(ts.formatDiagnostics(problems, formatHost)).toBe('')
  })
})

/** A host that declares the types of the locals of its runs. */
const LOCALS = `
import type { AttemptContext } from 'counterpoint'
declare module 'counterpoint' {
  interface Locals { readonly tenant: string }
}
export const tenantOf = ({ locals }: AttemptContext): string => locals.tenant
// @ts-expect-error: another member is unknown
export const guess = ({ locals }: AttemptContext): string => locals.tenent`

const formatHost: ts.FormatDiagnosticsHost = {
  getCurrentDirectory: () => ROOT,
  getCanonicalFileName: name => name,
  getNewLine: () => '\n',
}
