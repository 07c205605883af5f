// usage: npm run bench [-- --quick] [--only wake,herd]
// Compares this package with other programs and writes the report to bench/results. `--quick` takes about five
// minutes and writes to files of its own.
import { readFileSync } from 'node:fs'
import { cpus, release, totalmem } from 'node:os'
import { parseArgs } from 'node:util'
import { Etcd } from './etcd.ts'
import { writeReport } from './report/write.ts'
import type { Measured, Results } from './results.ts'
import { coldStart, tlsColdStart } from './scenarios/cold-start.ts'
import { byAddresses, byWaiters } from './scenarios/growth.ts'
import { herd } from './scenarios/herd.ts'
import { outage, waiting } from './scenarios/idle.ts'
import { kubernetesColdStart } from './scenarios/kubernetes/cold-start.ts'
import { kubernetesHandles } from './scenarios/kubernetes/handles.ts'
import { kubernetesMemory } from './scenarios/kubernetes/memory.ts'
import { kubernetesRecovery } from './scenarios/kubernetes/recovery.ts'
import { kubernetesWaiting } from './scenarios/kubernetes/waiting.ts'
import { kubernetesWake } from './scenarios/kubernetes/wake.ts'
import { memory } from './scenarios/memory.ts'
import { recovery, reopen } from './scenarios/recovery.ts'
import { soak } from './scenarios/soak/soak.ts'
import { throughput } from './scenarios/throughput.ts'
import { wake } from './scenarios/wake.ts'
import { settingsOf } from './settings.ts'
import { measureInputs } from './simulation/inputs.ts'
import { measureKubernetesInputs } from './simulation/kubernetes-inputs.ts'

const { values } = parseArgs({ options: { quick: { type: 'boolean', default: false }, only: { type: 'string' } } })
const { quick } = values
const only = values.only?.split(',')
const settings = settingsOf({ quick })

const scenarios: { [Name in keyof Measured]-?: () => Promise<Measured[Name]> } = {
  coldStart: () => coldStart(settings.coldStart),
  tlsColdStart: () => tlsColdStart(settings.tlsColdStart),
  wake: () => wake(settings.wake),
  herd: () => herd(settings.herd),
  byAddresses: () => byAddresses(settings.byAddresses),
  byWaiters: () => byWaiters(settings.byWaiters),
  throughput: () => throughput(settings.throughput),
  inputs: () => measureInputs(settings.inputs),
  recovery: () => recovery(settings.recovery),
  waiting: () => waiting(settings.waiting),
  outage: () => outage(settings.outage),
  reopen: () => reopen(settings.reopen),
  memory: () => memory(settings.memory),
  kubernetesColdStart: () => kubernetesColdStart(settings.kubernetesColdStart),
  kubernetesWake: () => kubernetesWake(settings.kubernetesWake),
  kubernetesHandles: () => kubernetesHandles(settings.kubernetesHandles),
  kubernetesInputs: () => measureKubernetesInputs(settings.kubernetesInputs),
  kubernetesRecovery: () => kubernetesRecovery(settings.kubernetesRecovery),
  kubernetesWaiting: () => kubernetesWaiting(settings.kubernetesWaiting),
  kubernetesMemory: () => kubernetesMemory(settings.kubernetesMemory),
  soak: () => soak(settings.soak),
}

const measured: Partial<Record<keyof Measured, unknown>> = {}

/** Runs these scenarios one after the other. */
async function measure(...names: (keyof Measured)[]): Promise<void> {
  for (const name of names) {
    if (only !== undefined && !only.includes(name)) continue
    const startedAt = performance.now()
    measured[name] = await scenarios[name]()
    console.error(`${name}: ${((performance.now() - startedAt) / 1000).toFixed(0)} s`)
  }
}

function version(name: string): string {
  const file = new URL(`../node_modules/${name}/package.json`, import.meta.url)
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
}

/** Returns the version of etcd, unless it was not needed. */
async function etcdVersion(): Promise<string[]> {
  const isNeeded = Object.keys(measured).some((name) => !name.startsWith('kubernetes'))
  return isNeeded ? [await Etcd.describe()] : []
}

const startedAt = performance.now()
await measure('coldStart', 'tlsColdStart', 'wake', 'herd', 'byAddresses', 'byWaiters', 'throughput', 'inputs')
await measure('kubernetesColdStart', 'kubernetesWake', 'kubernetesHandles', 'kubernetesInputs')
await measure('soak')
// The other scenarios may run at the same time: their processes mostly wait, and the figures are what each process uses
// itself, or delays of hundreds of milliseconds.
await Promise.all([
  measure('memory'),
  measure('kubernetesMemory'),
  Promise.all([measure('waiting'), measure('kubernetesWaiting'), measure('outage')]).then(() =>
    measure('recovery', 'reopen', 'kubernetesRecovery'),
  ),
])

const results: Results = {
  quick,
  date: new Date().toISOString().slice(0, 10),
  machine: `${cpus()[0]?.model ?? 'unknown'}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GB, Linux ${release()}`,
  versions: [
    `Node ${process.version}`,
    ...(await etcdVersion()),
    ...['etcd3', '@grpc/grpc-js', 'p-retry', 'zod'].map((name) => `${name} ${version(name)}`),
  ],
  minutes: (performance.now() - startedAt) / 60_000,
  measured: measured as Measured,
}
for (const file of await writeReport(results)) console.error(`wrote ${file}`)
// Without this, Node 24.21 can hang in Environment::CleanupHandles on exit: seen in two of two runs.
process.exit()
