import { spawnSync } from 'node:child_process'
import {
  appendFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ROOT } from './source-tree.js'

/** A small package with the same build. */
const SOURCES: Readonly<Record<string, string>> = {
  'package.json': '{ "name": "counterpoint", "type": "module" }',
  'src/plan/plan.schema.json': '{}',
  'src/index.ts': `
    export interface Options {
      /** The size. */
      readonly size: number
      /** @internal */
      readonly hidden: number
    }
    export const unit: number = 1`,
  'src/node/part.ts': `
    import { unit } from 'counterpoint'
    export async function part(opened: AsyncDisposable): Promise<number> {
      await using _ = opened
      return unit
    }`,
  'src/node/index.ts': "export { part } from './part.js'",
  'examples/hello.ts': "import { unit } from 'counterpoint'\nconst twice: number = unit * 2\nconsole.log(twice)",
}

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'counterpoint-build-'))
  cpSync(join(ROOT, 'scripts'), join(folder, 'scripts'), { recursive: true })
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'), 'junction')
  for (const [path, text] of Object.entries(SOURCES)) write(path, text)
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function write(path: string, text: string): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true })
  writeFileSync(join(folder, path), text)
}

const read = (path: string): string => readFileSync(join(folder, path), 'utf8')

/** What the build says; empty when everything was up to date. */
function build(): string {
  const { status, stderr } = spawnSync(process.execPath, [join(folder, 'scripts/build.js')], { encoding: 'utf8' })
  if (status !== 0) throw new Error(stderr)
  return stderr
}

describe('the build', { timeout: 60_000 }, () => {
  test('says at once what it does, and makes one file of JavaScript and one of types per entry', () => {
    expect(build()).toMatch(/^Building the library and its examples.*\nBuilt in [\d.]+ s\.\n$/)
    expect(read('dist/index.js')).toContain('const unit = 1')
    expect(read('dist/index.d.ts')).toContain('/** The size. */')
    expect(read('dist/index.d.ts')).not.toContain('hidden')
    expect(read('dist/node/index.js')).toMatch(/import \{ .*__addDisposableResource.* \} from "tslib"/)
    expect(read('dist/node/index.js')).toMatch(/import \{ unit \} from "counterpoint"/)
    expect(read('dist/node/index.d.ts')).toContain('declare function part(opened: AsyncDisposable): Promise<number>')
    expect(read('build/examples/hello.js')).toContain('const twice = unit * 2')
  })

  test('does nothing when nothing changed, whatever the times of the files', () => {
    expect(build()).toBe('')
    utimesSync(join(folder, 'src/index.ts'), new Date(), new Date())
    utimesSync(join(folder, 'dist/index.js'), new Date(0), new Date(0))
    expect(build()).toBe('')
  })

  test.each([
    ['a source', () => write('src/index.ts', `${SOURCES['src/index.ts']} + 1`), 'dist/index.js', /const unit = 2;/],
    [
      'an example',
      () => appendFileSync(join(folder, 'examples/hello.ts'), '\nexport {}'),
      'build/examples/hello.js',
      /export \{\}/,
    ],
    ['a built file', () => write('dist/index.js', 'changed'), 'dist/index.js', /const unit = 2;/],
    ['a lost file', () => rmSync(join(folder, 'dist/node'), { recursive: true }), 'dist/node/index.js', /tslib/],
  ] as const)('runs again after a change of %s', (_what, change, path, content) => {
    change()
    expect(build()).toContain('Built in')
    expect(read(path)).toMatch(content)
    expect(build()).toBe('')
  })

  test('removes what it did not make', () => {
    write('dist/old.js', '')
    build()
    expect(() => read('dist/old.js')).toThrow('ENOENT')
  })

  test('fails for an exported type that the source does not state, and leaves the last build', () => {
    const before = read('dist/index.js')
    write('src/index.ts', 'export const unit = Math.random()')
    expect(build).toThrow(/isolatedDeclarations/)
    expect(read('dist/index.js')).toBe(before)
  })
})
