import { describe, expect, test } from 'vitest'
import { ambientProblems } from './ambient-rules.js'
import { eagerSchemas } from './eager-rules.js'
import { folderProblems, importCycles, importProblems, layerProblems, type Module } from './import-rules.js'
import { OUTSIDE, pureModules, sourceModules } from './source-tree.js'

describe('the source', () => {
  test('has modules, including core/', () => {
    const paths = sourceModules().map(module => module.path)
    expect(paths).toContain('index.ts')
    expect(paths.filter(path => path.startsWith('core/')).length).toBeGreaterThan(3)
  })

  test('follows the import rules', () => {
    expect(importProblems(sourceModules())).toEqual([])
  })

  test('imports downwards only, from layer to layer', () => {
    expect(layerProblems(sourceModules())).toEqual([])
  })

  test('has no folder with too many modules', () => {
    expect(folderProblems(sourceModules())).toEqual([])
  })

  test('has no cycle of run-time imports', () => {
    expect(importCycles(sourceModules())).toEqual([])
  })

  test('builds no zod schema when the pure library is imported', () => {
    expect(eagerSchemas(pureModules())).toEqual([])
  })

  test('takes time, randomness and the console only from ports in the pure library', () => {
    const anywhere = sourceModules().filter(({ path }) => path.startsWith('testing/'))
    expect(ambientProblems([...pureModules(), ...anywhere])).toEqual([])
  })
})

/** A source tree in which all imports of `bad` below resolve. */
const sourceTree = (...extra: Module[]): Module[] => [
  { path: 'errors.ts', text: '' },
  { path: 'core/json.ts', text: '' },
  { path: 'node/files.ts', text: '' },
  ...extra,
]

describe('the checker of schemas', () => {
  test.each([
    'const rule = z.int().min(1)',
    'const rules = { a: optionsOf({ a: z.string() }).partial() }',
    'class Pool { static rule = z.string() }',
  ])('finds %s', text => {
    expect(eagerSchemas([{ path: 'pools/pool.ts', text }])).toEqual([
      expect.stringMatching(/^src\/pools\/pool\.ts:1: /),
    ])
  })

  test.each([
    'const rule = once(() => z.int().min(1))',
    'const millis = (): z.ZodNumber => z.number()',
    'function rule(): z.ZodType { return z.string() }',
    'class Pool { check(): void { z.string() } }',
  ])('lets %s be', text => {
    expect(eagerSchemas([{ path: 'pools/pool.ts', text }])).toEqual([])
  })
})

describe('the import checker', () => {
  test.each([
    ['core/ that imports from outside core/', 'core/a.ts', "import { E } from '../errors.js'"],
    ['core/ that reaches out for a type alone', 'core/a.ts', "import type { E } from '../errors.js'"],
    ['core/ with a package', 'core/a.ts', "import { z } from 'zod'"],
    ['the library with a module of Node', 'run.ts', "import { join } from 'node:path'"],
    ['the library with an undeclared package', 'run.ts', "import ky from 'ky'"],
    ['the library that reaches into node/', 'run.ts', "import { f } from './node/files.js'"],
    ['a re-export', 'run.ts', "export * from './node/files.js'"],
    ['a dynamic import', 'run.ts', "const load = () => import('node:fs')"],
    ['a dynamic import of a variable', 'run.ts', 'const load = (name: string) => import(name)'],
    ['an import type in a signature', 'core/a.ts', "export type A = import('../errors.js').E"],
    ['a second user of eventemitter3', 'run.ts', "import { EventEmitter } from 'eventemitter3'"],
    ['a second user of p-queue', 'pools/health.ts', "import PQueue from 'p-queue'"],
    ['node/ that goes round the public entry', 'node/process.ts', "import { E } from '../errors.js'"],
    ['testing/ with a module of Node', 'testing/mock.ts', "import { join } from 'node:path'"],
    ['testing/ that reaches into node/', 'testing/mock.ts', "import { f } from '../node/files.js'"],
    ['a specifier of Node without its prefix', 'node/process.ts', "import { join } from 'path'"],
    ['an import of nothing', 'core/a.ts', "import { E } from './gone.js'"],
  ])('finds %s', (_what, path, text) => {
    expect(importProblems(sourceTree({ path, text: `\n${text}` }))).toEqual([
      expect.stringMatching(`^src/${path}:2: imports '`),
    ])
  })

  test.each([
    ['events/emitter.ts', "import { EventEmitter } from 'eventemitter3'"],
    ['pools/worker-pool.ts', "import PQueue from 'p-queue'"],
    ['plan/plan.ts', "import * as z from 'zod'\nimport { canonicalJson } from '../core/json.js'"],
    ['core/a.ts', "import type { Json } from './json.js'"],
    ['node/process.ts', "import { spawn } from 'node:child_process'\nimport { AgentError } from 'counterpoint'"],
    ['testing/mock.ts', "import { AgentError } from 'counterpoint'"],
  ])('accepts an allowed import in %s', (path, text) => {
    expect(importProblems(sourceTree({ path, text }))).toEqual([])
  })

  test('knows every folder outside the pure library', () => {
    const bad = OUTSIDE.map(folder => ({ path: `${folder}/a.ts`, text: "import { E } from '../errors.js'" }))
    expect(importProblems(sourceTree(...bad))).toHaveLength(OUTSIDE.length)
  })
})

describe('the layer checker', () => {
  test.each([
    ['limits/window.ts', "import { P } from '../pools/pool.js'", 'pools is above limits'],
    ['limits/window.ts', "import type { P } from '../pools/pool.js'", 'pools is above limits'],
    ['limits/ledger/log.ts', "export { P } from '../../pools/pool.js'", 'pools is above limits'],
    ['errors.ts', "import type { E } from './plan/plan.js'", 'plan is above errors.ts'],
    ['run/run.ts', "import { O } from '../orchestrator.js'", 'orchestrator.ts is above run'],
    ['core/state/a.ts', "type A = import('../../errors.js').E", 'errors.ts is above core'],
  ])('finds an import of %s that leads upwards: %s', (path, text, why) => {
    expect(layerProblems([{ path, text }])).toEqual([expect.stringContaining(why)])
  })

  test.each([
    ['pools/pool.ts', "import { W } from '../limits/window.js'"],
    ['pools/pool.ts', "import { S } from './slots.js'"],
    ['plan/plan.ts', "import type { T } from '../core/state/task.js'"],
    ['node/process.ts', "import { E } from 'counterpoint'"],
  ])('accepts an import of the same or a lower layer in %s', (path, text) => {
    expect(layerProblems([{ path, text }])).toEqual([])
  })

  test('finds a folder without a layer', () => {
    expect(layerProblems([{ path: 'unlisted/module.ts', text: '' }])).toEqual([expect.stringContaining('no layer')])
    expect(layerProblems([{ path: 'helpers.ts', text: '' }])).toEqual([expect.stringContaining('no layer')])
  })
})

describe('the folder checker', () => {
  const fill = (folder: string, count: number): Module[] =>
    Array.from({ length: count }, (_, i) => ({ path: `${folder}m${i}.ts`, text: '' }))

  test('finds only the folder with too many modules', () => {
    expect(folderProblems([...fill('', 10), ...fill('pools/', 20), ...fill('pools/inner/', 20)])).toEqual([])
    expect(folderProblems(fill('', 11))).toEqual(['src/.: has 11 modules, expected at most 10; split it'])
    expect(folderProblems(fill('node/journal/', 21))).toEqual([
      'src/node/journal: has 21 modules, expected at most 20; split it',
    ])
  })
})

describe('the cycle checker', () => {
  const circle = (first: string): Module[] => [
    { path: 'core/a.ts', text: first },
    { path: 'core/b.ts', text: "import { c } from './c.js'" },
    { path: 'core/c.ts', text: "import { a } from './a.js'" },
  ]

  test('reports the path of a cycle', () => {
    const cycle = ['core/a.ts -> core/b.ts -> core/c.ts -> core/a.ts']
    expect(importCycles(circle("import { b } from './b.js'"))).toEqual(cycle)
    expect(importCycles(circle("import { type B } from './b.js'"))).toEqual(cycle)
  })

  test('ignores type-only imports', () => {
    expect(importCycles(circle("import type { B } from './b.js'"))).toEqual([])
    expect(importCycles(circle("export type { B } from './b.js'"))).toEqual([])
  })
})

describe('the checker of globals', () => {
  test.each([
    'const at = Date.now()',
    'const at = new Date()',
    'const at = Date()',
    'const chance = Math.random()',
    'const now = performance.now()',
    'const timer = setTimeout(() => {}, 1)',
    'const timer = globalThis.setTimeout(() => {}, 1)',
    'const later = { setInterval }',
    "console.warn('no')",
    'const env = process.env',
  ])('finds %s', text => {
    expect(ambientProblems([{ path: 'run.ts', text }])).toEqual([expect.stringMatching(/^src\/run\.ts:1: uses /)])
  })

  test.each([
    'let timer: ReturnType<typeof setTimeout>',
    'const at = new Date(event.at)',
    'const half = Math.min(a.process, b.console)',
    'class Pool { process(): void {} }',
    'interface Backend { readonly process: string }',
    'const { process: child } = backend',
    '// setTimeout would be wrong here',
  ])('lets %s be', text => {
    expect(ambientProblems([{ path: 'run.ts', text }])).toEqual([])
  })

  test('allows time in clock.ts and the console in events/emitter.ts', () => {
    expect(ambientProblems([{ path: 'clock.ts', text: 'setTimeout(f, Date.now() - performance.now())' }])).toEqual([])
    expect(ambientProblems([{ path: 'events/emitter.ts', text: 'console.error(error)' }])).toEqual([])
    expect(ambientProblems([{ path: 'clock.ts', text: 'console.error(Math.random())' }])).toHaveLength(2)
  })
})
