import { defineConfig } from 'vitest/config'

// There is one project for each etcd version. test/engine/vitest.sh chooses the versions.
const images = (process.env['ETCD_IMAGE'] ?? '').trim().split(/[\s,]+/)

// Even on a busy machine, only a test that hangs takes this long.
const timeouts = { testTimeout: 60_000, hookTimeout: 120_000, expect: { poll: { timeout: 10_000 } } }

export default defineConfig({
  test: {
    maxWorkers: 2,
    // A run on any machine is well above these values, which do not include the process of the command.
    coverage: { include: ['src/**'], reporter: 'text', thresholds: { lines: 95, branches: 90 } },
    projects: [
      {
        test: {
          ...timeouts,
          name: 'unit',
          include: ['test/{unit,package,docs,bench,robustness}/**/*.test.ts'],
          setupFiles: ['test/support/fixed-seed.ts'],
          sequence: { groupOrder: 0 },
        },
      },
      ...images.map((image) => ({
        test: {
          ...timeouts,
          name: image === '' ? 'etcd' : `etcd ${image.slice(image.lastIndexOf(':') + 1)}`,
          include: ['test/{integration,bundles}/*.test.ts'],
          setupFiles: ['test/support/preload.ts'],
          // The containers have a label with the pid of the run, by which test/engine/with-etcd.sh removes what is left.
          env: {
            ETCD_IMAGE: image,
            TEST_RUN_PID: String(process.pid),
            // Two minutes for all etcd versions together.
            CAMPAIGN_MINUTES: process.env['CAMPAIGN_MINUTES'] ?? String(2 / images.length),
          },
          sequence: { groupOrder: 1 },
        },
      })),
    ],
  },
})
