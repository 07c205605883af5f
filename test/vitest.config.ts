import { defineConfig } from 'vitest/config'
import type { TestProjectInlineConfiguration } from 'vitest/config'

// There is one project for each etcd version. test/engine/with-etcd.sh chooses the versions.
const images = imagesOf('ETCD_IMAGE')
const partImages = imagesOf('ETCD_IMAGE_PART').filter((image) => image !== '')

const everyTest = ['test/{integration,bundles}/*.test.ts']
/**
 * The tests whose outcome depends on the version of etcd: the reason of each answer, learners, elections, and how a watch
 * ends. The others test this package with etcd as a store.
 */
const versionTests = [
  'test/integration/{etcd-connection,wake,watch-cluster,watch-history}.test.ts',
  'test/integration/faults-{auth,cluster,reasons}.test.ts',
]
const kubernetesTests = ['test/integration/kubernetes-*.test.ts']

// Even on a busy machine, only a test that hangs takes this long.
const timeouts = { testTimeout: 60_000, hookTimeout: 120_000, expect: { poll: { timeout: 30_000 } } }

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
          include: ['test/{unit,package,docs,bench,robustness}/**/*.test.ts', 'examples/*/*.test.ts'],
          setupFiles: ['test/support/fixed-seed.ts'],
          // The files of one worker share its process and its modules, which saves a third of the time.
          isolate: false,
          // Most calls of these tests have no listener, and pass minutes of virtual time.
          execArgv: ['--disable-warning=RKE2_APISERVER_RESOLVER_WAITING'],
          sequence: { groupOrder: 0 },
        },
      },
      // One version of etcd is enough: kube-apiserver is the server that these tests are about.
      ...(process.env['KUBE_APISERVER'] ? [kubernetesProject(images.at(-1)!)] : []),
      ...images.map((image) => etcdProject(image, everyTest)),
      ...partImages.map((image) => etcdProject(image, versionTests)),
    ],
  },
})

function imagesOf(variable: string): string[] {
  return (process.env[variable] ?? '').trim().split(/[\s,]+/)
}

function etcdProject(image: string, include: string[]): TestProjectInlineConfiguration {
  return integrationProject(image, {
    name: image === '' ? 'etcd' : `etcd ${image.slice(image.lastIndexOf(':') + 1)}`,
    include,
    exclude: kubernetesTests,
  })
}

function kubernetesProject(image: string): TestProjectInlineConfiguration {
  // Vitest sorts projects by name. This one has one of the longest files, which must not run alone at the end.
  return integrationProject(image, { name: 'apiserver', include: kubernetesTests })
}

function integrationProject(
  image: string,
  tests: { readonly name: string; readonly include: string[]; readonly exclude?: string[] },
): TestProjectInlineConfiguration {
  return {
    test: {
      ...timeouts,
      ...tests,
      setupFiles: ['test/support/preload.ts'],
      // These tests wait for servers most of the time.
      maxWorkers: 3,
      // The containers have a label with the pid of the run, by which test/engine/with-etcd.sh removes what is left.
      env: {
        ETCD_IMAGE: image,
        TEST_RUN_PID: String(process.pid),
        // Two minutes for all etcd versions together.
        CAMPAIGN_MINUTES: process.env['CAMPAIGN_MINUTES'] ?? String(2 / images.length),
      },
      sequence: { groupOrder: 1 },
    },
  }
}
