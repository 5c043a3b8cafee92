import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { compileProblems, type Platform } from './compile.js'
import { pureModules, ROOT } from './source-tree.js'

const LANGUAGE = ['es2023', 'es2024.string']
/** The compiler transforms `using`, and needs the types of its symbols. */
const LIBRARY_LANGUAGE = [...LANGUAGE, 'esnext.disposable']

/** The pure library must compile with each of these platforms alone, so it can only use what all of them have. */
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

describe('core/', { timeout: 60_000 }, () => {
  test('compiles with the language alone, without any platform types', () => {
    expect(core.length).toBeGreaterThan(3)
    expect(compileProblems(core, { libs: LANGUAGE })).toEqual([])
  })

  test('would not compile if it used anything of a platform', () => {
    const uses = {
      AbortController: 'export const controller = new AbortController()',
      console: "console.log('here')",
      performance: 'export const at = performance.now()',
      process: 'export const env = process.env',
      setTimeout: 'setTimeout(() => {}, 1)',
      structuredClone: "export const copy = structuredClone('a')",
    }
    const samples = Object.entries(uses).map(([name, text]) => [join(ROOT, `src/core/${name}.ts`), text] as const)
    const problems = compileProblems([], { libs: LANGUAGE }, Object.fromEntries(samples))
    expect(problems.sort()).toEqual(
      Object.keys(uses).map(name => expect.stringContaining(`src/core/${name}.ts:1: Cannot find name '${name}'`)),
    )
  })
})

describe('the pure library', { timeout: 60_000 }, () => {
  // For Node it is compiled by tsconfig.library.json, before the tests.
  test.each(['a web page', 'a web worker'])('compiles for %s', name => {
    expect(library.length).toBeGreaterThan(10)
    expect(compileProblems(library, PLATFORMS[name]!)).toEqual([])
  })

  test.each([
    ['a web page', ["export const home = process.env['HOME']", "importScripts('a.js')"]],
    ['a web worker', ['export const title = document.title']],
    ['Node', ["export const cache = caches.open('a')"]],
  ] as const)('would not compile with what is missing in %s', (name, texts) => {
    const samples = texts.map((text, index) => [join(ROOT, `src/sample-${index}.ts`), text] as const)
    expect(compileProblems([], PLATFORMS[name]!, Object.fromEntries(samples))).toHaveLength(texts.length)
  })
})
