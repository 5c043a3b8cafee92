import { join } from 'node:path'
import { build } from 'vite'
import { builtLibrary } from './built.js'
import { ROOT } from './source-tree.js'

const PAGE = join(ROOT, 'page.js')

/**
 * Bundles `source`, the text of an ES module, and everything that it imports into one minified ES module for browsers.
 * Imports from 'counterpoint' resolve to the built library.
 */
export async function bundle(source: string): Promise<string> {
  const result = await build({
    root: ROOT,
    configFile: false,
    logLevel: 'error',
    resolve: { alias: [{ find: /^counterpoint$/, replacement: builtLibrary() }] },
    plugins: [
      {
        name: 'a page that no file holds',
        resolveId: id => (id === PAGE ? id : undefined),
        load: id => (id === PAGE ? source : undefined),
      },
    ],
    build: {
      write: false,
      modulePreload: false,
      rolldownOptions: { input: PAGE, preserveEntrySignatures: 'strict' },
    },
  })
  if (!('output' in result)) throw new Error('expected one build for one input')
  const [chunk, ...others] = result.output
  if (others.length > 0)
    throw new Error(`expected one file, also got ${others.map(other => other.fileName).join(', ')}`)
  return chunk.code
}
