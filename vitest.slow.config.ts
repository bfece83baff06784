// The tests that take minutes on a software adapter: whole networks, whole clips. `npm run test:slow`.
// One at a time, so that each has the machine's memory and cores to itself.
import { defineConfig } from 'vitest/config'
import { sourceAliases, sourceEnvironment } from './scripts/source-aliases.ts'

export default defineConfig({
  resolve: { alias: sourceAliases },
  test: {
    env: sourceEnvironment,
    globalSetup: ['scripts/vitest-setup.ts'],
    include: ['tests/**/*.slow.test.ts'],
    pool: 'forks',
    fileParallelism: false,
    testTimeout: 2_700_000,
    hookTimeout: 2_700_000,
    passWithNoTests: true,
  },
})
