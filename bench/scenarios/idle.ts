import { setTimeout as sleep } from 'node:timers/promises'
import { unusedPort } from '../../test/support/net.ts'
import { floorWithKeepalive, peerIds } from '../baselines.ts'
import type { ByPeer, PeerId } from '../baselines.ts'
import { Etcd } from '../etcd.ts'
import { RunningPeer } from '../process.ts'

/** What waiting costs, in one period. */
export interface Cost {
  /** Calls and streams that etcd has counted. */
  readonly rpcs: number
  /** Sent and received by etcd, in gRPC messages. */
  readonly bytes: number
  readonly connects: number
  readonly cpuMs: number
}

/** The key is absent; each peer waits on an etcd of its own. Gives each period, from the moment that it waits on. */
export async function waiting(periodMs: number): Promise<ByPeer<Cost[]>> {
  return perPeer([...peerIds, floorWithKeepalive], async (id) => {
    await using etcd = await Etcd.start()
    await using peer = new RunningPeer(id, etcd.endpoint, 'waiting', { observed: true })
    await peer.waiting
    const measure = async () => {
      const [metrics, usage] = [await etcd.metrics(), await peer.usage()]
      return {
        rpcs: metrics('grpc_server_started_total'),
        bytes:
          metrics('etcd_network_client_grpc_sent_bytes_total') +
          metrics('etcd_network_client_grpc_received_bytes_total'),
        connects: usage.connects,
        cpuMs: usage.cpuMs,
      }
    }
    const marks = [await measure()]
    for (let period = 0; period < 2; period++) {
      await sleep(periodMs)
      marks.push(await measure())
    }
    return marks.slice(1).map((mark, index) => difference(mark, marks[index]!))
  })
}

/** Nothing listens. Without the start of the process, which takes some seconds on a machine with a few cores. */
export async function outage(periodMs: number): Promise<ByPeer<Cost>> {
  return perPeer(peerIds, async (id) => {
    await using peer = new RunningPeer(id, `http://127.0.0.1:${await unusedPort()}`, 'outage', { observed: true })
    await sleep(5000)
    const before = await peer.usage()
    await sleep(periodMs)
    return difference({ rpcs: 0, bytes: 0, ...(await peer.usage()) }, { rpcs: 0, bytes: 0, ...before })
  })
}

async function perPeer<T>(ids: readonly PeerId[], measure: (id: PeerId) => Promise<T>): Promise<ByPeer<T>> {
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
