import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const source = (path: string): string => fileURLToPath(new URL(`./src/${path}`, import.meta.url))

/** Where .ci/run wants the outcome as JSON, to count it. */
const report = process.env.COUNTERPOINT_REPORT

/** Tests of processes: each file has modules, timers and environment for itself. To load them anew takes as long as the tests themselves. */
const apart = ['test/node/**/*.test.ts']

export default defineConfig({
  resolve: {
    alias: [
      { find: /^counterpoint$/, replacement: source('index.ts') },
      { find: /^counterpoint\/intents$/, replacement: source('distributor/intents/index.ts') },
      { find: /^counterpoint\/testing$/, replacement: source('testing/index.ts') },
      { find: /^counterpoint\/node$/, replacement: source('node/index.ts') },
    ],
  },
  test: {
    testTimeout: 30_000,
    // By itself it leaves one core alone: of two that is half of them.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    reporters: report === undefined ? ['default'] : ['default', ['json', { outputFile: report }]],
    restoreMocks: true,
    unstubEnvs: true,
    projects: [
      { extends: true, test: { name: 'apart', include: apart } },
      {
        extends: true,
        test: {
          name: 'together',
          include: ['test/**/*.test.ts'],
          exclude: apart,
          isolate: false,
          typecheck: { enabled: true, include: ['test/types/**/*.test-d.ts'], tsconfig: './tsconfig.json' },
        },
      },
    ],
  },
})
