// usage: npm run example NAME
// Runs an example against a real etcd, with small TLS servers instead of apiservers, and shows what the example does when
// servers join and stop. This is also a check: the exit code is 0 only if the example did what its README says.
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { startCluster } from './cluster.ts'
import type { Cluster } from './cluster.ts'

/** Runs one example. `print` prints a paragraph, and `signal` ends every wait. */
export type Scenario = (cluster: Cluster, print: (text: string) => void, signal: AbortSignal) => Promise<void>

const timeoutMs = 60_000
const scenarios: Readonly<Record<string, () => Promise<{ scenario: Scenario }>>> = {
  systemd: () => import('./systemd.ts'),
  'init-container': () => import('./init-container.ts'),
  daemonset: () => import('./daemonset.ts'),
  'node-agent': () => import('./node-agent.ts'),
  controller: () => import('./controller.ts'),
}

const load = scenarios[process.argv[2] ?? '']
if (load === undefined) {
  console.error(`usage: npm run example NAME, where NAME is one of ${Object.keys(scenarios).join(', ')}`)
  process.exit(2)
}

// The examples import the package by its name, as its users do. This needs the build.
const root = join(import.meta.dirname, '..', '..')
if (!existsSync(join(root, 'dist', 'index.js'))) {
  execFileSync('npm', ['run', '--silent', 'build'], { cwd: root, stdio: 'inherit' })
}

const abort = new AbortController()
const fail = (message: string) => abort.abort(new Error(message))
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => fail(`interrupted by ${signal}`))

const print = (text: string) => console.log(`\n${text}`)
try {
  const { scenario } = await load()
  await using cluster = await startCluster(fail, abort.signal)
  // The time starts here, because etcd may have to be downloaded before.
  setTimeout(fail, timeoutMs, `the example did not end within ${timeoutMs / 1000} s`).unref()
  print(
    `The cluster has ${cluster.description}, and apiservers at ${cluster.apiservers.map((a) => a.address).join(', ')}.`,
  )
  await scenario(cluster, print, abort.signal)
  print('The example did what its README says.')
} catch (error) {
  process.exitCode = 1
  console.error(`\nThe example failed: ${error instanceof Error ? error.message : String(error)}`)
}
