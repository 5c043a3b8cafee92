import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The folder of package.json. */
export const ROOT = fileURLToPath(new URL('..', import.meta.url))

/** All that the build reads: the sources, itself, and the versions of its tools. */
const INPUTS = ['src', 'examples', 'scripts', 'package.json', ...tool('typescript', 'rolldown', 'rolldown-plugin-dts')]

/** The folders that the build writes, and that nothing else writes. */
const OUTPUTS = ['dist', 'build/examples']

/** What the last build read and wrote. */
const STAMP = join(ROOT, 'build/stamp')

/** @param {string[]} names */
function tool(...names) {
  return names.map(name => `node_modules/${name}/package.json`)
}

/** True if the outputs are those of the current inputs. Compares contents, not times. */
export function isUpToDate() {
  return existsSync(STAMP) && readFileSync(STAMP, 'utf8') === stampOf(inputsDigest())
}

/** A digest of all that the build reads. */
export function inputsDigest() {
  return digestOf(INPUTS)
}

/**
 * Records a finished build.
 *
 * @param {string} inputs {@link inputsDigest} from before anything was read: what was edited meanwhile is built again.
 */
export function recordBuild(inputs) {
  mkdirSync(dirname(STAMP), { recursive: true })
  writeFileSync(STAMP, stampOf(inputs))
}

/** @param {string} inputs */
function stampOf(inputs) {
  return `inputs ${inputs}\noutputs ${digestOf(OUTPUTS)}\n`
}

/**
 * The files below a folder of the package, or the file itself. Sorted.
 *
 * @param {string} path
 * @returns {string[]} Paths from the package folder.
 */
export function filesAt(path) {
  const stats = statSync(join(ROOT, path), { throwIfNoEntry: false })
  if (stats === undefined) return []
  if (stats.isFile()) return [path]
  return readdirSync(join(ROOT, path))
    .sort()
    .flatMap(name => filesAt(`${path}/${name}`))
}

/** @param {readonly string[]} paths */
function digestOf(paths) {
  const hash = createHash('sha256')
  for (const path of paths.flatMap(filesAt)) {
    const content = readFileSync(join(ROOT, path))
    hash.update(`${path}\n${content.byteLength}\n`).update(content)
  }
  return hash.digest('hex')
}
