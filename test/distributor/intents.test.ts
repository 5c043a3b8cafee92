import { expect, test } from 'vitest'
import { loadedModules } from '../package/import-rules.js'
import { sourceModules } from '../package/source-tree.js'

test('importing the main entry does not load the intents', () => {
  const loaded = [...loadedModules(sourceModules(), 'index.ts')]
  expect(loaded).toContain('distributor/intent-matcher.ts')
  expect(loaded.filter(path => path.startsWith('distributor/intents/'))).toEqual([])
})
