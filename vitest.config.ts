// Tests that run on every change: everything except *.slow.test.ts (see vitest.slow.config.ts).
// Forks, not threads: the WebGPU binding is native code, and a crash must cost one test file, not the run.
// Two workers: the software Vulkan driver takes every core by itself, more workers only queue for it.
import { configDefaults, defineConfig } from 'vitest/config'
import { sourceAliases, sourceEnvironment } from './scripts/source-aliases.ts'

export default defineConfig({
  resolve: { alias: sourceAliases },
  test: {
    env: sourceEnvironment,
    globalSetup: ['scripts/vitest-setup.ts'],
    include: ['tests/**/*.test.ts'],
    exclude: [...configDefaults.exclude, '**/*.slow.test.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
})
