import { connect, get, watch } from './baselines/wire.js'
import { addresses, Etcd } from './etcd.ts'
import type { Inputs } from './simulation.ts'

/** What etcd spends on one client with mutual TLS: the simulation's inputs. Clients come `count` at a time. */
export async function measureInputs(count: number): Promise<Inputs> {
  await using etcd = await Etcd.start({ secure: true })
  const clients = Array.from({ length: count }, () => connect(etcd.endpoint, {}, etcd.tls))
  const streams: AsyncGenerator<string>[] = []
  try {
    /** Microseconds of etcd's processor time for each of `times`. */
    const cost = async (times: number, work: () => Promise<unknown>) => {
      const before = (await etcd.metrics())('process_cpu_seconds_total')
      await work()
      return (((await etcd.metrics())('process_cpu_seconds_total') - before) * 1e6) / times
    }
    const memory = async () => (await etcd.metrics())('process_resident_memory_bytes')
    const all = (work: (client: (typeof clients)[number]) => Promise<unknown>) => Promise.all(clients.map(work))

    await cost(1, () => Promise.resolve()) // the metrics' own first time
    const emptyBytes = await memory()
    const connectAndReadUs = await cost(count, () => all((client) => get(client, 'inputs')))
    const rounds = 10
    const readUs = await cost(rounds * count, async () => {
      for (let round = 0; round < rounds; round++) await all((client) => get(client, 'inputs'))
    })
    const { revision } = await get(clients[0]!, 'inputs')
    const watchUs = await cost(count, () =>
      all(
        (client) =>
          new Promise<void>((created) => {
            const stream = watch(client, 'inputs', revision, created)
            streams.push(stream)
            void stream.next()
          }),
      ),
    )
    const streamKb = ((await memory()) - emptyBytes) / count / 1024
    const writes = 20
    const eventUs = await cost(writes * count, async () => {
      for (let write = 0; write < writes; write++) {
        const next = write === 0 ? [] : streams.map((stream) => stream.next())
        await etcd.put('inputs', addresses(3))
        await Promise.all(next)
      }
    })
    return { readUs, connectUs: Math.max(connectAndReadUs - readUs, 0), watchUs, eventUs, streamKb }
  } finally {
    for (const client of clients) client.close()
  }
}
