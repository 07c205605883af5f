import { setTimeout as sleep } from 'node:timers/promises'
import { unusedPort } from '../../test/support/net.ts'
import { baselineIds, rawGrpcJsWithKeepalive } from '../baselines.ts'
import type { BaselineId, ByBaseline } from '../baselines.ts'
import { Etcd } from '../etcd.ts'
import { BaselineProcess } from '../processes.ts'

/** What a waiting program has cost in one period. */
export interface Cost {
  /** Calls and streams that etcd has counted. */
  readonly rpcs: number
  /** Bytes in gRPC messages that etcd has sent and received. */
  readonly bytes: number
  readonly connects: number
  readonly cpuMs: number
}

/**
 * Measures two periods in which the key is absent, from the moment that the program waits. Each program has an etcd of its
 * own, so that the metrics of etcd are those of one client.
 */
export async function waiting({ periodMs }: { periodMs: number }): Promise<ByBaseline<Cost[]>> {
  return forEachBaseline([...baselineIds, rawGrpcJsWithKeepalive], async (id) => {
    await using etcd = await Etcd.start()
    await using baseline = new BaselineProcess(id, { endpoint: etcd.endpoint, key: 'waiting' }, { observed: true })
    await baseline.waiting
    const total = async () => {
      const [metrics, usage] = [await etcd.metrics(), await baseline.usage()]
      return {
        rpcs: metrics('grpc_server_started_total'),
        bytes:
          metrics('etcd_network_client_grpc_sent_bytes_total') +
          metrics('etcd_network_client_grpc_received_bytes_total'),
        connects: usage.connects,
        cpuMs: usage.cpuMs,
      }
    }
    const totals = [await total()]
    for (let period = 0; period < 2; period++) {
      await sleep(periodMs)
      totals.push(await total())
    }
    return totals.slice(1).map((after, index) => difference(after, totals[index]!))
  })
}

/** Measures a period in which nothing listens, without the start of the process, which takes seconds on a few cores. */
export async function outage({ periodMs }: { periodMs: number }): Promise<ByBaseline<Cost>> {
  return forEachBaseline(baselineIds, async (id) => {
    const endpoint = `http://127.0.0.1:${await unusedPort()}`
    await using baseline = new BaselineProcess(id, { endpoint, key: 'outage' }, { observed: true })
    await sleep(5000)
    const before = await baseline.usage()
    await sleep(periodMs)
    return difference({ rpcs: 0, bytes: 0, ...(await baseline.usage()) }, { rpcs: 0, bytes: 0, ...before })
  })
}

/** Measures all programs at the same time. */
async function forEachBaseline<T>(
  ids: readonly BaselineId[],
  measure: (id: BaselineId) => Promise<T>,
): Promise<ByBaseline<T>> {
  return Object.fromEntries(await Promise.all(ids.map(async (id) => [id, await measure(id)] as const)))
}

function difference(after: Cost, before: Cost): Cost {
  return {
    rpcs: after.rpcs - before.rpcs,
    bytes: after.bytes - before.bytes,
    connects: after.connects - before.connects,
    cpuMs: after.cpuMs - before.cpuMs,
  }
}
