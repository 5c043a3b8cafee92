import { readFileSync, writeFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { bundle } from './bundle.js'
import { packageEntries } from './entries.js'

const SNAPSHOT = new URL('./exports.json', import.meta.url)

/**
 * Maximum size of the whole pure library in a browser, minified, including all imports, after gzip -9.
 * zod is 25 kB of it. A host that imports only the `Orchestrator` loads nearly all of it.
 * Raise it only together with the change that needs it, and give the reason in the commit message.
 */
const PINNED_BYTES = 125_000

describe('the public API', () => {
  const entries = packageEntries()

  test('has exactly the names of exports.json (after an intended change: UPDATE=1 npx vitest run test/package/exports)', () => {
    const names = Object.fromEntries(entries.map(entry => [entry.subpath, entry.names]))
    if (process.env.UPDATE === '1') writeFileSync(SNAPSHOT, `${JSON.stringify(names, null, 2)}\n`)
    expect(names).toEqual(JSON.parse(readFileSync(SNAPSHOT, 'utf8')))
  })

  test.each(entries)('has a docstring on every name of $subpath', ({ undocumented }) => {
    expect(undocumented).toEqual([])
  })
})

test('a bundle of the errors alone contains no zod', async () => {
  const code = await bundle("export { isCounterpointError } from 'counterpoint'")
  const bytes = gzipSync(code, { level: 9 }).byteLength
  expect(bytes, `it weighs ${bytes} bytes`).toBeLessThanOrEqual(6_000)
})

test('the pure library, bundled for a browser, does not exceed the size limit', async () => {
  const code = await bundle("export * from 'counterpoint'")
  const bytes = gzipSync(code, { level: 9 }).byteLength
  expect(bytes, `it weighs ${bytes} bytes`).toBeLessThanOrEqual(PINNED_BYTES)
  // A limit far above the size would be useless.
  expect(bytes, `it weighs ${bytes} bytes: lower the pin`).toBeGreaterThan(PINNED_BYTES * 0.8)
})
