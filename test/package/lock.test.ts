import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ROOT } from './source-tree.js'

interface Locked {
  readonly optional?: boolean
  readonly hasInstallScript?: boolean
  readonly resolved?: string
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

const read = (name: string): unknown => JSON.parse(readFileSync(join(ROOT, name), 'utf8'))
const manifest = read('package.json') as Locked
const { packages } = read('package-lock.json') as { readonly packages: Readonly<Record<string, Locked>> }

test('the lock file matches package.json', () => {
  expect(packages['']?.dependencies).toEqual(manifest.dependencies)
  expect(packages['']?.devDependencies).toEqual(manifest.devDependencies)
})

test('no required package has an install script', () => {
  const scripted = Object.entries(packages).filter(([, locked]) => locked.hasInstallScript && !locked.optional)
  expect(scripted.map(([path]) => path)).toEqual([])
})

// If the registry failed when the lock file was written, npm omits packages for other platforms, and `npm ci` fails there.
test('packages for other platforms are locked, too', () => {
  const missing = Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).filter(
      name =>
        !Object.hasOwn(packages, `${path}/node_modules/${name}`) && !Object.hasOwn(packages, `node_modules/${name}`),
    ),
  )
  expect(missing).toEqual([])
})

test('no package is bound to a specific registry', () => {
  expect(Object.entries(packages).filter(([, locked]) => locked.resolved !== undefined)).toEqual([])
})
