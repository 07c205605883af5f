import { afterAll, beforeAll, expect, test } from 'vitest'
import { resolveApiserverAddresses } from '../../src/index.ts'
import { startEtcd } from '../support/etcd.ts'
import type { EtcdCluster } from '../support/etcd.ts'
import { SeededRandom } from '../support/random.ts'
import { Recorder } from '../support/recorder.ts'

let etcd: EtcdCluster
beforeAll(async () => {
  etcd = await startEtcd()
})
afterAll(() => etcd[Symbol.asyncDispose]())

const servers = ['10.0.0.11:6443', '10.0.0.12:6443', '10.0.0.13:6443']
const settleMs = 3000

/**
 * Returns the lists that RKE2 writes while three servers join, in an order that the seed decides: each server adds itself
 * and, up to three times, removes and adds itself again.
 */
function joinLists(seed: number): string[][] {
  const random = new SeededRandom(seed)
  // The new leader writes the list once more, so that each server ends with two additions.
  const actions = servers.map(() => ['+', ...Array.from({ length: random.upTo(4) }, () => ['-', '+']).flat(), '+'])
  const listed = new Set<string>()
  const lists: string[][] = []
  while (actions.some(({ length }) => length > 0)) {
    const index = random.pick([...actions.keys()].filter((each) => actions[each]!.length > 0))
    if (actions[index]!.shift() === '+') listed.add(servers[index]!)
    else listed.delete(servers[index]!)
    lists.push([...listed])
  }
  return lists
}

test.each([1, 2, 3])(
  'resolve with settleMs waits until three servers that join have settled (seed %d)',
  async (seed) => {
    const key = `settle/${seed}`
    const events = new Recorder()
    const { endpoints, dataDir } = etcd
    const options = { endpoints, dataDir, key, events: events.emitter, minAddresses: 3, settleMs }
    let resolvedAt = 0
    const call = resolveApiserverAddresses(options).finally(() => (resolvedAt = performance.now()))

    let [stored, changedAt] = ['', 0]
    for (const list of joinLists(seed)) {
      const set = list.toSorted().join()
      if (set !== stored) changedAt = performance.now()
      stored = set
      await etcd.put(key, `${JSON.stringify(list)}\n`)
      expect(resolvedAt).toBe(0)
    }

    expect((await call).addresses).toEqual(servers)
    // A busy machine can only make this longer.
    expect(resolvedAt - changedAt).toBeGreaterThanOrEqual(settleMs)
    const retries = events.of('retry')
    expect(retries.at(-1)).toMatchObject({
      reason: 'incomplete',
      error: { message: expect.stringContaining(`must stay the same for 3 s: ${servers.join(', ')}`) },
    })
    // The last wait is at most as long as the list has to stay the same, so nothing is added to that.
    expect(retries.at(-1)!.delayMs).toBeLessThanOrEqual(settleMs)
    expect(events.all.at(-1)).toMatchObject({ type: 'resolved', addresses: servers })
  },
)
