// Builds the library into dist/ and the examples into build/examples/, unless they are up to date. Types are checked by `npm run types`.
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { filesAt, inputsDigest, isUpToDate, ROOT, recordBuild } from './up-to-date.js'

if (!isUpToDate()) await build()

async function build() {
  const startedAt = performance.now()
  console.error('Building the library and its examples; the next time only after a change ...')
  const inputs = inputsDigest()
  // The tools take a moment to load.
  const { bundleLibrary } = await import('./bundle.js')
  const { compile } = await import('./compile.js')
  const examples = filesAt('examples').filter(path => path.endsWith('.ts'))
  writeFolder('dist', await bundleLibrary())
  writeFolder(
    'build/examples',
    new Map(
      examples.map(path => [
        path.slice('examples/'.length).replace(/\.ts$/, '.js'),
        compile(readFileSync(join(ROOT, path), 'utf8'), path),
      ]),
    ),
  )
  recordBuild(inputs)
  console.error(`Built in ${((performance.now() - startedAt) / 1000).toFixed(1)} s.`)
}

/**
 * Makes a folder of the package hold these files and no others. Each file is replaced at once, so that a program which runs meanwhile
 * finds either the old one or the new one.
 *
 * @param {string} folder
 * @param {ReadonlyMap<string, string>} files Path below the folder, and text.
 */
function writeFolder(folder, files) {
  for (const [path, text] of files) {
    const target = join(ROOT, folder, path)
    const draft = `${target}.${process.pid}`
    mkdirSync(dirname(target), { recursive: true })
    writeFileSync(draft, text)
    renameSync(draft, target)
  }
  for (const path of filesAt(folder)) {
    if (!files.has(path.slice(folder.length + 1))) rmSync(join(ROOT, path))
  }
}
