import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { join } from 'node:path'
import ts from 'typescript'
import { beforeAll, describe, expect, test } from 'vitest'
import { builtLibrary } from './built.js'
import { ROOT } from './source-tree.js'

/** Maximum size of the tarball in bytes. Raise it only together with the change that needs it, and give the reason in the commit message. */
const PINNED_BYTES = 365_000

interface Tarball {
  readonly size: number
  readonly files: readonly { readonly path: string }[]
}

const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  readonly exports: Readonly<Record<string, string | { readonly types: string; readonly default: string }>>
  readonly dependencies: Readonly<Record<string, string>>
}
const entries = Object.values(manifest.exports).flatMap(target => (typeof target === 'string' ? [] : [target]))

let tarball: Tarball
let paths: string[]
beforeAll(() => {
  builtLibrary()
  const argv = ['pack', '--dry-run', '--json', '--ignore-scripts']
  tarball = JSON.parse(execFileSync('npm', argv, { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }))[0]
  paths = tarball.files.map(file => `./${file.path}`)
}, 60_000)

/** The modules that a built file imports. */
function importsOf(path: string): string[] {
  return ts.preProcessFile(readFileSync(join(ROOT, path), 'utf8'), true, true).importedFiles.map(file => file.fileName)
}

describe('the tarball', () => {
  test('contains one file of JavaScript and one of types per entry, and the schema of plans', () => {
    const expected = [...entries.flatMap(entry => [entry.types, entry.default]), manifest.exports['./plan.schema.json']]
    expect(paths.filter(path => path.startsWith('./dist/')).sort()).toEqual(expected.sort())
  })

  test('contains the documentation', () => {
    expect(paths).toEqual(
      expect.arrayContaining([
        './README.md',
        './CHANGELOG.md',
        './LICENSE',
        './docs/quickstart.md',
        './docs/errors.md',
      ]),
    )
  })

  test('contains nothing else', () => {
    const others = paths.filter(path => !/^\.\/(dist|docs)\//.test(path))
    expect(others.sort()).toEqual(['./CHANGELOG.md', './LICENSE', './README.md', './package.json'])
  })

  test('does not exceed the size limit', () => {
    expect(tarball.size, `it weighs ${tarball.size} bytes`).toBeLessThanOrEqual(PINNED_BYTES)
    expect(tarball.size, `it weighs ${tarball.size} bytes: lower the pin`).toBeGreaterThan(PINNED_BYTES * 0.8)
  })
})

describe('a built entry', () => {
  test.each(entries.flatMap(entry => [entry.default, entry.types]))(
    '%s imports only dependencies, Node, and the main entry',
    path => {
      const packages = Object.keys(manifest.dependencies)
      const isMain = path.startsWith('./dist/index.')
      const unexpected = importsOf(path).filter(
        name =>
          !packages.includes(name) &&
          !(name === 'counterpoint' && !isMain) &&
          !(isBuiltin(name) && path.includes('/node/')),
      )
      expect(unexpected).toEqual([])
    },
  )

  test('takes the helpers of `using` from tslib', () => {
    const text = readFileSync(join(ROOT, 'dist/node/index.js'), 'utf8')
    expect(importsOf('dist/node/index.js')).toContain('tslib')
    expect(text).toMatch(/__addDisposableResource\(/)
    expect(text).not.toMatch(/\busing _/)
  })

  test('shares one copy of the library with the others', () => {
    const script = `
      import { CounterpointError } from 'counterpoint'
      import { fileJournal } from 'counterpoint/node'
      import { MockBackend } from 'counterpoint/testing'
      for (const make of [() => fileJournal('here', { no: 1 }), () => new MockBackend({ no: 1 })]) {
        try { make() } catch (error) { console.log(error instanceof CounterpointError, error.code) }
      }`
    const argv = ['--input-type=module', '--eval', script]
    const printed = execFileSync(process.execPath, argv, { cwd: ROOT, encoding: 'utf8' })
    expect(printed).toBe('true INVALID_INPUT\n'.repeat(2))
  })
})
