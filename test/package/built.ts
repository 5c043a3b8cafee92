import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { ROOT } from './source-tree.js'

/** The path of the built library. First builds it, and the examples, unless they are up to date. */
export function builtLibrary(): string {
  execFileSync(process.execPath, [join(ROOT, 'scripts/build.js')], { stdio: 'pipe' })
  return join(ROOT, 'dist/index.js')
}
