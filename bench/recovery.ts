/**
 * Recovery after 30 s without etcd, the key being set: from etcd's first answer (to a client that asks 50 times a second)
 * to the list; and connects in a minute of waiting. Over mutual TLS, with etcd's default settings.
 *
 *     node bench/recovery.ts [ROUNDS]
 *
 * Runs the etcd on the PATH, or else Debian's.
 */
import { subscribe } from 'node:diagnostics_channel'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { resolveApiserverAddresses } from '../src/index.ts'
import type { ResolveOptions } from '../src/index.ts'
import { unusedPort } from '../test/support/net.ts'
import { addresses, Etcd } from './etcd.ts'
import { quantile, tidy } from './stats.ts'

const members = 4
const callsPerMember = 4
const awayMs = 30_000

/** Milliseconds from etcd's first answer to each call's. */
async function outage(): Promise<number[]> {
  await using etcd = await Etcd.start({ secure: true })
  const folder = await mkdtemp(join(tmpdir(), 'recovery-'))
  try {
    const tls = { caFile: join(folder, 'ca'), certFile: join(folder, 'cert'), keyFile: join(folder, 'key') }
    await writeFile(tls.caFile, etcd.tls!.ca)
    await writeFile(tls.certFile, etcd.tls!.cert)
    await writeFile(tls.keyFile, etcd.tls!.key)
    await etcd.put('key', addresses(3))
    await etcd.stop()
    const answers: Promise<number>[] = []
    for (let i = 0; i < callsPerMember; i++) {
      answers.push(answeredAt({ endpoints: `https://127.0.0.1:${etcd.port}`, tls, key: 'key' }))
      await sleep(200 + Math.random() * 300)
    }
    await sleep(awayMs)
    await etcd.boot()
    const bootedAt = performance.now()
    return (await Promise.all(answers)).map((at) => Math.max(0, Math.round(at - bootedAt)))
  } finally {
    await rm(folder, { recursive: true })
  }
}

async function answeredAt(options: ResolveOptions): Promise<number> {
  await resolveApiserverAddresses(options)
  return performance.now()
}

/** Connects of each of 16 calls in its first minute, to a port on which nothing listens. */
async function connects(): Promise<number[]> {
  const counts = new Map<number, number>()
  subscribe('net.client.socket', (message) => {
    const { socket } = message as { socket: Socket }
    socket.on('connectionAttempt', (_ip, port) => counts.set(port, (counts.get(port) ?? 0) + 1))
  })
  const ports = await Promise.all(Array.from({ length: 16 }, unusedPort))
  const calls = ports.map((port) =>
    resolveApiserverAddresses({ endpoints: `http://127.0.0.1:${port}`, timeoutMs: 60_000 }),
  )
  await Promise.allSettled(calls)
  return ports.map((port) => counts.get(port) ?? 0)
}

function tell(what: string, unit: string, samples: readonly number[]): void {
  const [median, p90, max] = [0.5, 0.9, 1].map((share) => tidy(quantile(samples, share)))
  console.log(`${what}: median ${median}, p90 ${p90}, max ${max} ${unit} (n = ${samples.length})`)
}

const rounds = Number(process.argv[2] ?? 2)
console.log(await Etcd.describe())
const recoveries: number[] = []
for (let round = 0; round < rounds; round++) {
  recoveries.push(...(await Promise.all(Array.from({ length: members }, outage))).flat())
}
tell('Recovery', 'ms', recoveries)
tell('Connects in the first minute', '', await connects())
