import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { compileProblems, type Platform } from './compile.js'
import { pureModules, ROOT } from './source-tree.js'

const LANGUAGE = ['es2023']
/** `using` is lowered by the compiler, and needs the types of its symbols. */
const LIBRARY_LANGUAGE = [...LANGUAGE, 'esnext.disposable']

/** The pure library may use what all of these have: it must compile with each of them alone. */
const PLATFORMS: Readonly<Record<string, Platform>> = {
  'a web page': { libs: [...LIBRARY_LANGUAGE, 'dom', 'dom.iterable'] },
  'a web worker': { libs: [...LIBRARY_LANGUAGE, 'webworker', 'webworker.iterable'] },
  Node: { libs: LIBRARY_LANGUAGE, types: ['node'] },
}

const pathOf = (module: { readonly path: string }): string => join(ROOT, 'src', module.path)
const core = pureModules()
  .filter(module => module.path.startsWith('core/'))
  .map(pathOf)
const library = pureModules().map(pathOf)

describe('core/', () => {
  test('compiles alone, in the bare language without any platform', () => {
    expect(core.length).toBeGreaterThan(3)
    expect(compileProblems(core, { libs: LANGUAGE })).toEqual([])
  })

  test.each([
    ['setTimeout(() => {}, 1)', 'setTimeout'],
    ["console.log('here')", 'console'],
    ['export const controller = new AbortController()', 'AbortController'],
    ['export const env = process.env', 'process'],
    ['export const at = performance.now()', 'performance'],
    ["export const copy = structuredClone('a')", 'structuredClone'],
  ])('would not compile with %s', (text, name) => {
    const sample = join(ROOT, 'src/core/sample.ts')
    expect(compileProblems([], { libs: LANGUAGE }, { [sample]: text })).toEqual([
      expect.stringContaining(`src/core/sample.ts:1: Cannot find name '${name}'`),
    ])
  })
})

describe('the pure library', () => {
  test.each(Object.entries(PLATFORMS))('compiles for %s', (_name, platform) => {
    expect(compileProblems(library, platform)).toEqual([])
  })

  test.each([
    ['Node', 'a web page', "export const home = process.env['HOME']"],
    ['a web page', 'a web worker', 'export const title = document.title'],
    ['a web worker', 'a web page', "importScripts('a.js')"],
    ['every browser', 'Node', "export const cache = caches.open('a')"],
  ])('would not compile with what only %s has, and %s has not', (_only, missing, text) => {
    const sample = join(ROOT, 'src/sample.ts')
    expect(compileProblems([], PLATFORMS[missing]!, { [sample]: text })).toHaveLength(1)
  })
})
