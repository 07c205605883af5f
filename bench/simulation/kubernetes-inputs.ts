import type { ClientHttp2Session } from 'node:http2'
import { setTimeout as sleep } from 'node:timers/promises'
import { Apiserver, threeAddresses } from '../apiserver.ts'
import { connect, list, watch } from '../baselines/support/apiserver-client.js'

/** What one client costs an apiserver: microseconds of one processor, and memory. */
export interface KubernetesInputs {
  /** A list on an open connection. */
  readonly listUs: number
  /** A new connection with mutual TLS. */
  readonly connectUs: number
  /** The start of a watch. */
  readonly watchUs: number
  /** One event that is sent to one watch. */
  readonly eventUs: number
  /** An open connection with one watch, in KiB. */
  readonly streamKb: number
}

const lists = 10
const changes = 20

/** Measures, with this many clients over mutual TLS, what one client costs the apiserver of the benchmark. */
export async function measureKubernetesInputs({ clients }: { clients: number }): Promise<KubernetesInputs> {
  await using apiserver = await Apiserver.start()
  await apiserver.set(...threeAddresses)
  // The code of the apiserver is compiled while it is used.
  await measure(apiserver, Math.ceil(clients / 4))
  return await measure(apiserver, clients)
}

async function measure(apiserver: Apiserver, clients: number): Promise<KubernetesInputs> {
  const sessions: ClientHttp2Session[] = []
  /** Runs `work`, and returns the CPU time of the apiserver for each of `times`. */
  const cost = async (times: number, work: () => Promise<unknown>) => {
    const before = await settled(apiserver)
    await work()
    return ((await settled(apiserver)).cpuUs - before.cpuUs) / times
  }
  const listAll = () => Promise.all(sessions.map((session) => list(session)))
  try {
    const { rss: emptyBytes } = await settled(apiserver)
    const connectAndListUs = await cost(clients, () => {
      for (let client = 0; client < clients; client++) sessions.push(connect(apiserver.endpoint, apiserver.dataDir))
      return listAll()
    })
    const listUs = await cost(lists * clients, async () => {
      for (let round = 0; round < lists; round++) await listAll()
    })
    const { version } = await list(sessions[0]!)
    const streams: AsyncGenerator<readonly string[]>[] = []
    const firstEvents: Promise<unknown>[] = []
    const watchUs = await cost(clients, () =>
      Promise.all(
        sessions.map((session) => {
          const created = Promise.withResolvers<void>()
          const stream = watch(session, version, created.resolve)
          streams.push(stream)
          firstEvents.push(stream.next())
          return created.promise
        }),
      ),
    )
    const streamKb = Math.max((await settled(apiserver)).rss - emptyBytes, 0) / clients / 1024
    const eventUs = await cost(changes * clients, async () => {
      for (let change = 0; change < changes; change++) {
        const events = change === 0 ? firstEvents : streams.map((stream) => stream.next())
        await apiserver.set(...threeAddresses)
        await Promise.all(events)
      }
    })
    return { listUs, connectUs: Math.max(connectAndListUs - listUs, 0), watchUs, eventUs, streamKb }
  } finally {
    for (const session of sessions) session.destroy()
  }
}

/** Resolves 50 ms later, so that the apiserver has finished its current work. */
async function settled(apiserver: Apiserver) {
  await sleep(50)
  return apiserver.counts()
}
