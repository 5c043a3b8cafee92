import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const source = (path: string): string => fileURLToPath(new URL(`./src/${path}`, import.meta.url))

/** Where .ci/run wants the outcome as JSON, to count it. */
const report = process.env.COUNTERPOINT_REPORT

export default defineConfig({
  resolve: {
    alias: [
      { find: /^counterpoint$/, replacement: source('index.ts') },
      { find: /^counterpoint\/testing$/, replacement: source('testing/index.ts') },
      { find: /^counterpoint\/node$/, replacement: source('node/index.ts') },
    ],
  },
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 30_000,
    // By itself it leaves one core alone: of two that is half of them.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    reporters: report === undefined ? ['default'] : ['default', ['json', { outputFile: report }]],
    typecheck: { enabled: true, include: ['test/types/**/*.test-d.ts'], tsconfig: './tsconfig.json' },
  },
})
