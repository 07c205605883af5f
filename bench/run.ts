// usage: npm run bench [-- --quick] [--only wake,herd]
// Measures this package beside what people would use instead; writes bench/results. --quick takes less than 3 minutes
// and writes to files of its own.
import { readFileSync } from 'node:fs'
import { cpus, release, totalmem } from 'node:os'
import { parseArgs } from 'node:util'
import { Etcd } from './etcd.ts'
import { measureInputs } from './inputs.ts'
import { writeReport } from './report.ts'
import type { Results } from './results.ts'
import { coldStart } from './scenarios/cold-start.ts'
import { byAddresses, byWaiters } from './scenarios/growth.ts'
import { herd } from './scenarios/herd.ts'
import { outage, waiting } from './scenarios/idle.ts'
import { memory } from './scenarios/memory.ts'
import { recovery, reopen } from './scenarios/recovery.ts'
import { throughput } from './scenarios/throughput.ts'
import { wake } from './scenarios/wake.ts'

const { values } = parseArgs({ options: { quick: { type: 'boolean', default: false }, only: { type: 'string' } } })
const { quick } = values
const minute = 60_000

/** Each scenario, as [quick, full]. */
const pick = <T>(short: T, full: T): T => (quick ? short : full)

const scenarios: { [Name in keyof Results['measured']]-?: () => Promise<Results['measured'][Name]> } = {
  coldStart: () => coldStart(pick({ rounds: 8 }, { rounds: 40 })),
  wake: () => wake(pick({ rounds: 1, perRound: 6 }, { rounds: 8, perRound: 5 })),
  herd: () => herd({ waiters: 200, ...pick({ rounds: 1 }, { rounds: 10 }) }),
  byAddresses: () => byAddresses(pick([1, 10_000], [1, 10, 100, 1000, 10_000]), pick(3, 15)),
  byWaiters: () => byWaiters(pick([1, 100], [1, 10, 100, 1000]), pick(1, 5)),
  throughput: () => throughput(10_000),
  inputs: () => measureInputs(pick(200, 500)),
  recovery: () => recovery(pick({ rounds: 1, perRound: 1, awayMs: 5000 }, { rounds: 6, perRound: 4, awayMs: 30_000 })),
  waiting: () => waiting(pick(minute / 3, minute)),
  outage: () => outage(pick(minute / 3, 3 * minute)),
  reopen: () => reopen(pick({ rounds: 1, perRound: 2, awayMs: 5000 }, { rounds: 3, perRound: 14, awayMs: 30_000 })),
  memory: () => memory(200, pick(minute / 3, 10 * minute)),
}

const startedAt = performance.now()
const measured: Partial<Record<keyof Results['measured'], unknown>> = {}
const only = values.only?.split(',')
const measure = async (name: keyof Results['measured']) => {
  if (only !== undefined && !only.includes(name)) return
  const since = performance.now()
  measured[name] = await scenarios[name]()
  console.error(`${name}: ${((performance.now() - since) / 1000).toFixed(0)} s`)
}

const inTurn = async (...names: (keyof Results['measured'])[]) => {
  for (const name of names) await measure(name)
}
await inTurn('coldStart', 'wake', 'herd', 'byAddresses', 'byWaiters', 'throughput', 'inputs')
// From here on, processes mostly wait, and what counts is what they use themselves, or some hundred milliseconds.
await Promise.all([
  measure('memory'),
  Promise.all([measure('waiting'), measure('outage')]).then(() => inTurn('recovery', 'reopen')),
])

const version = (name: string) => {
  const file = new URL(`../node_modules/${name}/package.json`, import.meta.url)
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
}
const results: Results = {
  quick,
  date: new Date().toISOString().slice(0, 10),
  machine: `${cpus()[0]?.model ?? 'unknown'}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GB, Linux ${release()}`,
  versions: [
    `Node ${process.version}`,
    await Etcd.describe(),
    ...['etcd3', '@grpc/grpc-js', 'p-retry', 'zod'].map((name) => `${name} ${version(name)}`),
  ],
  minutes: (performance.now() - startedAt) / minute,
  measured: measured as Results['measured'],
}
for (const file of await writeReport(results)) console.error(`wrote ${file}`)
// Else Node may spin for ever when it cleans up after itself, in Environment::CleanupHandles; 24.21 did, twice of two times.
process.exit()
