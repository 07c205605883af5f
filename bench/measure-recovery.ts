// usage: node bench/measure-recovery.ts [ROUNDS]
// Measures this package alone, over mutual TLS: how long a call needs to recover when etcd was away for 30 s with the key
// set, counted from etcd's first answer to a client that tries 50 times a second; and how often a call connects in a
// minute in which nothing listens. Prints one line for each.
import { subscribe } from 'node:diagnostics_channel'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { resolveApiserverAddresses } from '../src/index.ts'
import type { ResolveOptions } from '../src/index.ts'
import { unusedPort } from '../test/support/net.ts'
import { Etcd, storedList } from './etcd.ts'
import type { Tls } from './etcd.ts'
import { threeDigits } from './report/markdown.ts'
import { quantile } from './stats.ts'

const outages = 4
const callsPerOutage = 4
const awayMs = 30_000
const connectingCalls = 16

/** Returns, for each call, the milliseconds from etcd's first answer until the call resolved. */
async function recoveryTimes(): Promise<number[]> {
  await using etcd = await Etcd.start({ secure: true })
  const folder = await mkdtemp(join(tmpdir(), 'recovery-'))
  try {
    const tls = await writeTlsFiles(folder, etcd.tls!)
    await etcd.put('key', storedList(3))
    await etcd.stop()
    const calls: Promise<number>[] = []
    for (let i = 0; i < callsPerOutage; i++) {
      calls.push(resolvedAt({ endpoints: `https://127.0.0.1:${etcd.port}`, tls, key: 'key' }))
      await sleep(200 + Math.random() * 300)
    }
    await sleep(awayMs)
    await etcd.boot()
    const answeredAt = performance.now()
    return (await Promise.all(calls)).map((at) => Math.max(0, Math.round(at - answeredAt)))
  } finally {
    await rm(folder, { recursive: true })
  }
}

async function writeTlsFiles(folder: string, { ca, cert, key }: Tls) {
  const files = { caFile: join(folder, 'ca'), certFile: join(folder, 'cert'), keyFile: join(folder, 'key') }
  await writeFile(files.caFile, ca)
  await writeFile(files.certFile, cert)
  await writeFile(files.keyFile, key)
  return files
}

async function resolvedAt(options: ResolveOptions): Promise<number> {
  await resolveApiserverAddresses(options)
  return performance.now()
}

/** Returns the number of connects of each call in its first minute, to a port on which nothing listens. */
async function connectCounts(): Promise<number[]> {
  const counts = new Map<number, number>()
  subscribe('net.client.socket', (message) => {
    const { socket } = message as { socket: Socket }
    socket.on('connectionAttempt', (_ip, port) => counts.set(port, (counts.get(port) ?? 0) + 1))
  })
  const ports = await Promise.all(Array.from({ length: connectingCalls }, unusedPort))
  const calls = ports.map((port) =>
    resolveApiserverAddresses({ endpoints: `http://127.0.0.1:${port}`, timeoutMs: 60_000 }),
  )
  await Promise.allSettled(calls)
  return ports.map((port) => counts.get(port) ?? 0)
}

function print(what: string, unit: string, samples: readonly number[]): void {
  const [median, p90, max] = [0.5, 0.9, 1].map((share) => threeDigits(quantile(samples, share)) + unit)
  console.log(`${what}: median ${median}, p90 ${p90}, max ${max} (n = ${samples.length})`)
}

const rounds = Number(process.argv[2] ?? 2)
console.log(await Etcd.describe())
const recoveries: number[] = []
for (let round = 0; round < rounds; round++) {
  recoveries.push(...(await Promise.all(Array.from({ length: outages }, recoveryTimes))).flat())
}
print('Recovery', ' ms', recoveries)
print('Connects in the first minute', '', await connectCounts())
