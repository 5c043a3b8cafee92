// Builds the library into dist/ and the examples into build/examples/, unless they are up to date. Types are checked by `npm run types`.
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { filesAt, inputsDigest, isUpToDate, OUTPUTS, ROOT, recordBuild } from './up-to-date.js'

if (!isUpToDate()) await build()

async function build() {
  const startedAt = performance.now()
  console.error('Building the library and its examples; the next time only after a change ...')
  const inputs = inputsDigest()
  // The tools take a moment to load.
  const { bundleLibrary } = await import('./bundle.js')
  const { compile } = await import('./compile.js')
  const files = await bundleLibrary()
  for (const path of filesAt('examples').filter(path => path.endsWith('.ts')))
    files.set(`build/${path.replace(/\.ts$/, '.js')}`, compile(readFileSync(join(ROOT, path), 'utf8'), path))
  for (const [path, text] of files) replaceFile(path, text)
  for (const path of OUTPUTS.flatMap(filesAt)) if (!files.has(path)) rmSync(join(ROOT, path))
  recordBuild(inputs, files)
  console.error(`Built in ${((performance.now() - startedAt) / 1000).toFixed(1)} s.`)
}

/**
 * Writes a file in one step: a program that runs meanwhile finds either the old one or the new one.
 *
 * @param {string} path @param {string} text
 */
function replaceFile(path, text) {
  const target = join(ROOT, path)
  const draft = `${target}.${process.pid}`
  mkdirSync(dirname(target), { recursive: true })
  writeFileSync(draft, text)
  renameSync(draft, target)
}
