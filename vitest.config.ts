import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const source = (path: string): string => fileURLToPath(new URL(`./src/${path}`, import.meta.url))

/** The file for the JSON report from which .ci/run counts the tests. */
const report = process.env.COUNTERPOINT_REPORT

/** Tests of processes, which need separate modules, timers and environments. Loading them again takes as long as the tests themselves. */
const apart = ['test/node/**/*.test.ts']

export default defineConfig({
  resolve: {
    alias: [
      { find: /^counterpoint$/, replacement: source('index.ts') },
      { find: /^counterpoint\/intents$/, replacement: source('intents/index.ts') },
      { find: /^counterpoint\/testing$/, replacement: source('testing/index.ts') },
      { find: /^counterpoint\/node$/, replacement: source('node/index.ts') },
    ],
  },
  test: {
    testTimeout: 30_000,
    // The default leaves one core unused, which is half of two.
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
