import { EventEmitter } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { resolveApiserverAddresses } from '../../src/index.ts'
import type { ApiserverAddressEvent, ApiserverAddressEvents } from '../../src/index.ts'
import { startEtcd } from '../support/etcd.ts'
import type { EtcdCluster } from '../support/etcd.ts'

let etcd: EtcdCluster
beforeAll(async () => {
  etcd = await startEtcd()
})
afterAll(() => etcd[Symbol.asyncDispose]())

const servers = ['10.0.0.11:6443', '10.0.0.12:6443', '10.0.0.13:6443']
const settleMs = 3000
const upTo = (limit: number) => Math.floor(Math.random() * (limit + 1))

/** What RKE2 does while servers join: each adds itself and, up to three times, removes and adds itself again. */
async function join(store: (addresses: readonly string[]) => Promise<void>): Promise<string[]> {
  const listed = new Set<string>()
  const story: string[] = []
  const write = async (action: '+' | '-', server: string, afterMs: number) => {
    await sleep(afterMs)
    if (action === '+') listed.add(server)
    else listed.delete(server)
    story.push(`${afterMs} ms ${action}${server}`)
    await store([...listed])
  }
  await Promise.all(
    servers.map(async (server) => {
      await write('+', server, upTo(2000))
      for (let flaps = upTo(3); flaps > 0; flaps--) {
        await write('-', server, upTo(400))
        await write('+', server, upTo(400))
      }
      // Whoever becomes leader writes the same again.
      await write('+', server, upTo(400))
    }),
  )
  return story
}

test.concurrent.for([1, 2, 3])(
  'three servers that join in a random order, flapping, are there when they have settled and not before: run %d',
  async (run) => {
    const key = `gate/${run}`
    const seen: ApiserverAddressEvent[] = []
    const events = new EventEmitter<ApiserverAddressEvents>()
    events.on('retry', (event) => seen.push(event)).on('resolved', (event) => seen.push(event))
    const { endpoints, dataDir } = etcd
    let resolvedAt = 0
    const call = resolveApiserverAddresses({ endpoints, dataDir, key, events, minAddresses: 3, settleMs }).finally(
      () => (resolvedAt = performance.now()),
    )

    let [current, completeFrom, completeBy] = ['', 0, 0]
    let queue = Promise.resolve()
    const store = (addresses: readonly string[]) =>
      (queue = queue.then(async () => {
        const startedAt = performance.now()
        await etcd.put(key, `${JSON.stringify(addresses)}\n`)
        expect(resolvedAt).toBe(0)
        const set = addresses.toSorted().join()
        if (set !== current) [completeFrom, completeBy] = [startedAt, performance.now()]
        current = set
      }))
    const story = await join(store)

    const { addresses } = await call
    expect(addresses).toEqual(servers)
    const [least, most] = [resolvedAt - completeFrom, resolvedAt - completeBy]
    expect(least, story.join(', ')).toBeGreaterThanOrEqual(settleMs)
    expect(most, story.join(', ')).toBeLessThanOrEqual(settleMs + 100)
    expect(seen.slice(-2)).toMatchObject([
      {
        type: 'retry',
        reason: 'incomplete',
        error: { message: expect.stringContaining(`must stay the same for 3 s: ${servers.join(', ')}`) },
      },
      { type: 'resolved', addresses: servers },
    ])
  },
)
