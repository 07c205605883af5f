import type { Client } from '@grpc/grpc-js'
import { connect, get, watch } from '../baselines/support/etcd-client.js'
import { Etcd, storedList } from '../etcd.ts'

/** What one client costs etcd: microseconds of one processor, and memory. */
export interface Inputs {
  /** A linearizable read on an open connection. */
  readonly readUs: number
  /** A new connection with mutual TLS. */
  readonly connectUs: number
  /** The start of a watch. */
  readonly watchUs: number
  /** One event that is sent to one watch. */
  readonly eventUs: number
  /** An open connection with one watch, in KiB. */
  readonly streamKb: number
}

const key = 'inputs'
const reads = 10
const writes = 20

/** Measures, with this many clients over mutual TLS, what one client costs etcd. */
export async function measureInputs({ clients: count }: { clients: number }): Promise<Inputs> {
  await using etcd = await Etcd.start({ secure: true })
  const clients = Array.from({ length: count }, () => connect(etcd.endpoint, {}, etcd.tls))
  try {
    return await measure(etcd, clients)
  } finally {
    for (const client of clients) client.close()
  }
}

async function measure(etcd: Etcd, clients: readonly Client[]): Promise<Inputs> {
  const count = clients.length
  const metric = async (name: string) => (await etcd.metrics())(name)
  /** Runs `work`, and returns the microseconds of CPU time of etcd for each of `times`. */
  const cost = async (times: number, work: () => Promise<unknown>) => {
    const before = await metric('process_cpu_seconds_total')
    await work()
    return (((await metric('process_cpu_seconds_total')) - before) * 1e6) / times
  }
  const readAll = () => Promise.all(clients.map((client) => get(client, key)))

  // The first read of the metrics costs more than the later ones.
  await cost(1, () => Promise.resolve())
  const emptyBytes = await metric('process_resident_memory_bytes')
  const connectAndReadUs = await cost(count, readAll)
  const readUs = await cost(reads * count, async () => {
    for (let round = 0; round < reads; round++) await readAll()
  })
  const { revision } = await get(clients[0]!, key)
  const streams: AsyncGenerator<string>[] = []
  const firstEvents: Promise<unknown>[] = []
  const watchUs = await cost(count, () =>
    Promise.all(
      clients.map((client) => {
        const created = Promise.withResolvers<void>()
        const stream = watch(client, key, revision, created.resolve)
        streams.push(stream)
        firstEvents.push(stream.next())
        return created.promise
      }),
    ),
  )
  const streamKb = ((await metric('process_resident_memory_bytes')) - emptyBytes) / count / 1024
  const eventUs = await cost(writes * count, async () => {
    for (let write = 0; write < writes; write++) {
      const events = write === 0 ? firstEvents : streams.map((stream) => stream.next())
      await etcd.put(key, storedList(3))
      await Promise.all(events)
    }
  })
  return { readUs, connectUs: Math.max(connectAndReadUs - readUs, 0), watchUs, eventUs, streamKb }
}
