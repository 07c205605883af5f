// npm run example NAME: runs an example against a real etcd, with small TLS servers in the place of the apiservers, and
// shows what it does when servers join and die. It is a check as well: the exit code is 0 only if all went as it should.
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { startCluster } from './cluster.ts'
import type { Cluster } from './cluster.ts'

export type Scenario = (cluster: Cluster, say: (text: string) => void, signal: AbortSignal) => Promise<void>

const patienceMs = 60_000
const scenarios: Readonly<Record<string, () => Promise<{ scenario: Scenario }>>> = {
  systemd: () => import('./systemd.ts'),
  'init-container': () => import('./init-container.ts'),
  'node-agent': () => import('./node-agent.ts'),
  controller: () => import('./controller.ts'),
}

const load = scenarios[process.argv[2] ?? '']
if (load === undefined) {
  console.error(`usage: npm run example NAME, where NAME is one of ${Object.keys(scenarios).join(', ')}`)
  process.exit(2)
}

// The examples import the package by its name, as its users do: that is what the build makes.
const root = join(import.meta.dirname, '..', '..')
if (!existsSync(join(root, 'dist', 'index.js'))) {
  execFileSync('npm', ['run', '--silent', 'build'], { cwd: root, stdio: 'inherit' })
}

const over = new AbortController()
const fail = (message: string) => over.abort(new Error(message))
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => fail(`interrupted by ${signal}`))

const say = (text: string) => console.log(`\n${text}`)
try {
  const { scenario } = await load()
  await using cluster = await startCluster(fail, over.signal)
  // Not before: etcd may have to be downloaded.
  setTimeout(fail, patienceMs, `it did not get to its end in ${patienceMs / 1000} s`).unref()
  say(`There is ${cluster.description}, and an apiserver at ${cluster.apiservers.map((a) => a.address).join(', ')}.`)
  await scenario(cluster, say, over.signal)
  say('It did what its README says.')
} catch (error) {
  process.exitCode = 1
  console.error(`\nThe example did not get to its end: ${error instanceof Error ? error.message : String(error)}`)
}
