import { resolve } from 'node:path'
import { defineConfig } from 'vitest/config'
import type { TestProjectInlineConfiguration } from 'vitest/config'

/** The three newest minor versions. `K3S_IMAGE` has others, separated by spaces or commas. */
const newestImages = ['rancher/k3s:v1.36.3-k3s1', 'rancher/k3s:v1.35.7-k3s1', 'rancher/k3s:v1.34.10-k3s1']

const binary = process.env['K3S_BINARY']
const images = process.env['K3S_IMAGE']?.trim().split(/[\s,]+/) ?? newestImages

export default defineConfig({
  test: {
    globalSetup: 'test/k3s/global-setup.ts',
    // Each file has a cluster of its own, whose servers keep a machine busy.
    fileParallelism: false,
    projects: binary
      ? [project({ K3S_BINARY: resolve(binary) })]
      : images.map((image) => project({ K3S_IMAGE: image })),
  },
})

function project(env: Readonly<Record<string, string>>): TestProjectInlineConfiguration {
  const [program = ''] = Object.values(env)
  return {
    test: {
      name: program.slice(program.lastIndexOf('/') + 1),
      include: ['test/k3s/*.test.ts'],
      fileParallelism: false,
      // A cluster boots within two minutes. On a busy machine, only a test that hangs takes this long.
      testTimeout: 600_000,
      hookTimeout: 900_000,
      env: { ...env, TEST_RUN_PID: String(process.pid) },
    },
  }
}
