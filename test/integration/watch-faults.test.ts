import { getEventListeners } from 'node:events'
import { setImmediate } from 'node:timers/promises'
import { expect, onTestFailed, test } from 'vitest'
import type { AddressChange } from '../../src/index.ts'
import { watchApiserverAddresses } from '../../src/index.ts'
import { ClusterFaults } from '../support/cluster-faults.ts'
import { startEtcd } from '../support/etcd.ts'
import { heapUsed } from '../support/heap.ts'
import { checkLeaks } from '../support/leaks.ts'
import { startProxy } from '../support/net.ts'
import type { Proxy } from '../support/net.ts'
import { SeededRandom } from '../support/random.ts'
import { Recorder } from '../support/recorder.ts'

/** WATCH_FAULTS=200 makes the test longer; WATCH_SEED chooses other faults. With these values, every fault occurs. */
const count = Number(process.env['WATCH_FAULTS'] ?? 16)
const seed = Number(process.env['WATCH_SEED'] ?? 700)

/** Applies the changes of a watch to a list, and checks that they agree with the list of each change. */
class Reader {
  list: readonly string[] = []
  problem: string | undefined
  changes = 0

  async read(changes: AsyncIterable<AddressChange>): Promise<void> {
    for await (const { addresses, added, removed } of changes) {
      this.changes++
      const sum = [...this.list.filter((address) => !removed.includes(address)), ...added].toSorted()
      if (addresses.length === 0 || sum.join() !== addresses.join()) {
        this.problem ??= `${this.list.join()} + ${added.join()} - ${removed.join()} = ${addresses.join()}`
      }
      this.list = addresses
    }
  }
}

const openConnections = (proxies: readonly Proxy[]) => proxies.reduce((sum, { open }) => sum + open, 0)

/** Measures what would grow if each fault left something behind. */
function measure(signal: AbortSignal) {
  const timers = process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length
  return { timers, listeners: getEventListeners(signal, 'abort').length, heap: heapUsed() }
}

test.each([1, 3] as const)(
  `watch of %d members yields the last list after ${count} faults, and keeps nothing of them (WATCH_SEED=${seed})`,
  { timeout: 60_000 + count * 10_000 },
  async (members) => {
    await using etcd = await startEtcd({ members })
    const proxies = await Promise.all(etcd.endpoints.map((endpoint) => startProxy(endpoint)))
    const random = new SeededRandom(seed)
    const faults = new ClusterFaults(random.fork('faults'), etcd, proxies)
    const log: string[] = []
    const events = new Recorder()
    for (const type of ['disconnected', 'phase', 'resynced', 'connected', 'held', 'changed', 'ignored'] as const) {
      events.emitter.on(type, (event: object) => void log.push(`  ${JSON.stringify(event)}`))
    }
    onTestFailed(() => console.error(log.join('\n')))
    await faults.write()

    const controller = new AbortController()
    using leaks = checkLeaks(controller.signal)
    const watch = watchApiserverAddresses({
      tls: etcd.tls,
      endpoints: proxies.map(({ endpoint }) => endpoint),
      shrinkDelayMs: 500,
      events: events.emitter,
      signal: controller.signal,
    })
    const reader = new Reader()
    const reading = reader.read(watch)
    /** Ends all faults, and waits until the reader has a list that it cannot have had before. */
    const recover = async () => {
      await faults.heal()
      await faults.write([`10.0.1.${reader.changes % 250}:6443`, ...faults.someServers()])
      const read = async () => {
        // A write that failed during a fault may still be applied, after a later write.
        if (!(await faults.hasLast())) await faults.write(faults.last)
        return reader.list.join()
      }
      await expect.poll(read, { timeout: 60_000 }).toBe(faults.last.join())
      if (events.types.findLast((type) => type === 'connected' || type === 'disconnected') === 'connected') return
      const connected = events.of('connected').length
      await events.until('connected', () => events.of('connected').length > connected)
    }
    await recover()
    const before = measure(controller.signal)

    const counts = new Map<string, number>()
    for (let n = 0; n < count; n++) {
      const [name, run] = random.pick(faults.all)
      counts.set(name, (counts.get(name) ?? 0) + 1)
      log.push(`${n} ${name}`)
      await run()
      // A quarter of the faults follow at once. Before the others, a watch without a connection goes on by some events.
      await setImmediate()
      for (let left = random.upTo(4); left > 0 && openConnections(proxies) === 0; left--) await events.next()
      if (random.upTo(5) === 0) await recover()
    }

    await recover()
    await expect.poll(() => openConnections(proxies)).toBe(1)
    const connected = events.of('connected').length
    const summary = { changes: reader.changes, connected, ...Object.fromEntries(counts) }
    events.clear()
    const after = measure(controller.signal)
    log.push(JSON.stringify({ summary, before, after }))
    if (process.env['WATCH_FAULTS'] !== undefined) console.log(log.at(-1))
    expect(reader.problem).toBeUndefined()
    expect(after.listeners).toBe(before.listeners)
    expect(after.timers - before.timers).toBeLessThan(5)
    expect(after.heap - before.heap).toBeLessThan(20 << 20)

    await faults.write(['10.0.0.9:6443'])
    await etcd.put('rke2/apiaddresses', '')
    await expect.poll(() => reader.list).toEqual(['10.0.0.9:6443'])
    await watch.close()
    await reading
    await leaks.expectNone()
    for (const proxy of proxies) await proxy.close()
  },
)
