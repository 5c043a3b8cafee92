import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The folder of package.json. */
export const ROOT = fileURLToPath(new URL('..', import.meta.url))

/** All that the build reads: the sources, itself, and the versions of its tools. */
const INPUTS = ['src', 'examples', 'scripts', 'package.json', ...tool('typescript', 'rolldown', 'rolldown-plugin-dts')]

/** The folders that the build writes, and that nothing else writes. */
export const OUTPUTS = ['dist', 'build/examples']

/** What the last build read and wrote. */
const STAMP = join(ROOT, 'build/stamp')

/** @param {string[]} names */
function tool(...names) {
  return names.map(name => `node_modules/${name}/package.json`)
}

/** True if the outputs are those of the current inputs. Compares contents, not times. */
export function isUpToDate() {
  return existsSync(STAMP) && readFileSync(STAMP, 'utf8') === stampOf(inputsDigest(), contentOf(OUTPUTS))
}

/** A digest of all that the build reads. */
export function inputsDigest() {
  return digestOf(contentOf(INPUTS))
}

/**
 * Records a finished build. What was edited, or written by another build, meanwhile does not count as built.
 *
 * @param {string} inputs {@link inputsDigest} from before anything was read.
 * @param {ReadonlyMap<string, string>} outputs Path in the package, and text.
 */
export function recordBuild(inputs, outputs) {
  mkdirSync(dirname(STAMP), { recursive: true })
  writeFileSync(STAMP, stampOf(inputs, outputs))
}

/** @param {string} inputs @param {ReadonlyMap<string, string | Buffer>} outputs */
function stampOf(inputs, outputs) {
  return `inputs ${inputs}\noutputs ${digestOf(outputs)}\n`
}

/**
 * The files below a folder of the package, or the file itself.
 *
 * @param {string} path
 * @returns {string[]} Paths in the package.
 */
export function filesAt(path) {
  const stats = statSync(join(ROOT, path), { throwIfNoEntry: false })
  if (stats === undefined) return []
  if (stats.isFile()) return [path]
  return readdirSync(join(ROOT, path)).flatMap(name => filesAt(`${path}/${name}`))
}

/** @param {readonly string[]} paths */
function contentOf(paths) {
  return new Map(paths.flatMap(filesAt).map(path => [path, readFileSync(join(ROOT, path))]))
}

/** @param {ReadonlyMap<string, string | Buffer>} files */
function digestOf(files) {
  const hash = createHash('sha256')
  for (const path of [...files.keys()].sort()) {
    const content = Buffer.from(files.get(path) ?? '')
    hash.update(`${path}\n${content.byteLength}\n`).update(content)
  }
  return hash.digest('hex')
}
