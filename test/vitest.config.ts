import { defineConfig } from 'vitest/config'

// One project per etcd version: test/engine/vitest.sh chooses them.
const images = (process.env['ETCD_IMAGE'] ?? '').trim().split(/[\s,]+/)

// No test is about seconds, and other people's machines are busy.
const patient = { testTimeout: 60_000, hookTimeout: 120_000, expect: { poll: { timeout: 10_000 } } }

export default defineConfig({
  test: {
    maxWorkers: 2,
    // What a run leaves well below, on any machine: the command's process and etcd's rarest answers are not in it.
    coverage: { include: ['src/**'], reporter: 'text', thresholds: { lines: 95, branches: 90 } },
    projects: [
      {
        test: {
          ...patient,
          name: 'unit',
          include: ['test/{unit,package,docs,bench,robustness}/**/*.test.ts'],
          setupFiles: ['test/support/fixed-seed.ts'],
          sequence: { groupOrder: 0 },
        },
      },
      ...images.map((image) => ({
        test: {
          ...patient,
          name: image === '' ? 'etcd' : `etcd ${image.slice(image.lastIndexOf(':') + 1)}`,
          include: ['test/{integration,bundles}/*.test.ts'],
          setupFiles: ['test/support/preload.ts'],
          // The pid is that of the whole run, which outlives every worker: what is left of it can be recognised and removed.
          env: {
            ETCD_IMAGE: image,
            TEST_RUN_PID: String(process.pid),
            // Two minutes in all.
            CAMPAIGN_MINUTES: process.env['CAMPAIGN_MINUTES'] ?? String(2 / images.length),
          },
          sequence: { groupOrder: 1 },
        },
      })),
    ],
  },
})
