import { readFileSync, writeFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { bundle } from './bundle.js'
import { packageEntries } from './entries.js'

const SNAPSHOT = new URL('./exports.json', import.meta.url)

/**
 * The most that the whole pure library may weigh in a browser, minified, with everything that it imports, after gzip -9.
 * zod is 25 kB of it. A host that imports the `Orchestrator` alone loads 55 kB.
 * Raise this knowingly: with the change that needs it, and the reason in its message.
 */
const PINNED_BYTES = 105_000

describe('the public API', () => {
  const entries = packageEntries()

  test('has exactly the names of exports.json (after a wanted change: UPDATE=1 npx vitest run test/package/exports)', () => {
    const names = Object.fromEntries(entries.map(entry => [entry.subpath, entry.names]))
    if (process.env.UPDATE === '1') writeFileSync(SNAPSHOT, `${JSON.stringify(names, null, 2)}\n`)
    expect(names).toEqual(JSON.parse(readFileSync(SNAPSHOT, 'utf8')))
  })

  test.each(entries)('has a docstring on every name of $subpath', ({ undocumented }) => {
    expect(undocumented).toEqual([])
  })
})

test('the pure library, bundled for a browser, weighs no more than is pinned', async () => {
  const code = await bundle("export * from 'counterpoint'")
  const bytes = gzipSync(code, { level: 9 }).byteLength
  expect(bytes, `it weighs ${bytes} bytes`).toBeLessThanOrEqual(PINNED_BYTES)
  // A pin far above the weight pins nothing.
  expect(bytes, `it weighs ${bytes} bytes: lower the pin`).toBeGreaterThan(PINNED_BYTES * 0.8)
})
