import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from './source-tree.js'

/**
 * The path of the built library, for tests of the published package.
 * Throws if it is missing or older than the source: `npm test` builds first, a single test file does not.
 */
export function builtLibrary(): string {
  const entry = join(ROOT, 'dist/index.js')
  const builtAt = statSync(entry, { throwIfNoEntry: false })?.mtimeMs ?? 0
  const src = join(ROOT, 'src')
  for (const path of readdirSync(src, { recursive: true, encoding: 'utf8' })) {
    const file = statSync(join(src, path))
    if (file.isFile() && file.mtimeMs > builtAt) {
      throw new Error(`expected dist/ to be newer than src/${path}: run \`npm run build\` first`)
    }
  }
  return entry
}
