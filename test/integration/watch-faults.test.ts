import { getEventListeners } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, onTestFailed, test } from 'vitest'
import type { AddressChange } from '../../src/index.ts'
import { watchApiserverAddresses } from '../../src/index.ts'
import { startEtcd } from '../support/etcd.ts'
import type { EtcdCluster, EtcdMember, SnapshotFile } from '../support/etcd.ts'
import { heapUsed } from '../support/heap.ts'
import { checkLeaks } from '../support/leaks.ts'
import { startProxy } from '../support/net.ts'
import type { Proxy } from '../support/net.ts'
import { SeededRandom } from '../support/random.ts'
import { Recorder } from '../support/recorder.ts'

// WATCH_FAULTS=200 for a longer life; WATCH_SEED repeats one.
const faults = Number(process.env['WATCH_FAULTS'] ?? 16)
const seed = Number(process.env['WATCH_SEED'] ?? Math.floor(Math.random() * 2 ** 31))

const key = 'rke2/apiaddresses'
const servers = ['10.0.0.1:6443', '10.0.0.2:6443', '10.0.0.3:6443', '[fd00::4]:6443']
const unusable = ['', '[]\n', 'null', 'rubbish', '["10.0.0.1"]']

const listOf = (addresses: readonly string[]) => `${JSON.stringify(addresses)}\n`

/** One server at least. */
function serversOf(random: SeededRandom): string[] {
  const some = servers.filter(() => random.upTo(2) === 0)
  return some.length > 0 ? some : [random.pick(servers)]
}

/** An etcd with a proxy before each member, and all that can happen to them. At most one member is out at a time. */
class World {
  readonly random: SeededRandom
  readonly etcd: EtcdCluster
  readonly proxies: readonly Proxy[]
  last: readonly string[] = servers
  #out: { readonly member: EtcdMember; back(): Promise<void> } | undefined
  #snapshot: { readonly saved: SnapshotFile; readonly last: readonly string[] } | undefined

  constructor(random: SeededRandom, etcd: EtcdCluster, proxies: readonly Proxy[]) {
    this.random = random
    this.etcd = etcd
    this.proxies = proxies
  }

  async write(addresses: readonly string[] = serversOf(this.random)): Promise<void> {
    await this.#quorum()
    this.last = addresses.toSorted()
    await this.etcd.put(key, listOf(this.last))
  }

  async isLast(): Promise<boolean> {
    return (await this.etcd.get(key))?.value.toString() === listOf(this.last)
  }

  async heal(): Promise<void> {
    for (const proxy of this.proxies) await proxy.pass()
    const out = this.#out
    this.#out = undefined
    await out?.back()
  }

  /** A single member has to be there for what is to be done. */
  async #quorum(): Promise<void> {
    if (this.etcd.members.length === 1) await this.heal()
  }

  async #fail(fail: (member: EtcdMember) => Promise<void>, back: (member: EtcdMember) => Promise<void>) {
    await this.heal()
    const member = this.random.pick(this.etcd.members)
    this.#out = { member, back: () => back(member) }
    await fail(member)
  }

  readonly #single: Record<string, () => Promise<unknown>> = {
    snapshot: async () => {
      await this.#quorum()
      this.#snapshot = { saved: await this.etcd.saveSnapshot(), last: this.last }
    },
    restore: async () => {
      if (this.#snapshot === undefined) return
      await this.#quorum()
      await this.etcd.restoreSnapshot(this.#snapshot.saved)
      this.last = this.#snapshot.last
    },
  }

  readonly #several: Record<string, () => Promise<unknown>> = {
    'cut off from its peers': () =>
      this.#fail(
        (member) => member.partition(),
        (member) => member.heal(),
      ),
    'another leader': async () => {
      await this.heal()
      await this.etcd.moveLeader(this.random.pick(this.etcd.members))
    },
  }

  readonly #any: Record<string, () => Promise<unknown>> = {
    write: () => this.write(),
    'write again': () => this.write(this.last),
    'write rubbish': async () => {
      await this.#quorum()
      await this.etcd.put(key, this.random.pick(unusable))
    },
    delete: async () => {
      await this.#quorum()
      await this.etcd.del(key)
    },
    compact: async () => {
      await this.#quorum()
      await this.etcd.put('another', 'key')
      await this.etcd.compact()
    },
    kill: () =>
      this.#fail(
        (member) => member.kill(),
        (member) => member.start(),
      ),
    restart: async () => {
      await this.heal()
      await this.random.pick(this.etcd.members).restart()
    },
    pause: () =>
      this.#fail(
        (member) => member.pause(),
        (member) => member.unpause(),
      ),
    reset: async () => this.random.pick(this.proxies).reset(),
    refuse: async () => this.random.pick(this.proxies).refuse(),
    'black hole': async () => this.random.pick(this.proxies).blackhole(),
    'all black holes': async () => Promise.all(this.proxies.map((proxy) => proxy.blackhole())),
    heal: () => this.heal(),
  }

  get faults(): [name: string, fault: () => Promise<unknown>][] {
    const special = this.etcd.members.length === 1 ? this.#single : this.#several
    return Object.entries({ ...this.#any, ...special })
  }
}

/** Reads as fast as it can, and sees to it that what it is given adds up. */
class Reader {
  list: readonly string[] = []
  problem: string | undefined
  count = 0

  async read(changes: AsyncIterable<AddressChange>): Promise<void> {
    for await (const { addresses, added, removed } of changes) {
      this.count++
      const sum = [...this.list.filter((address) => !removed.includes(address)), ...added].toSorted()
      if (addresses.length === 0 || sum.join() !== addresses.join()) {
        this.problem ??= `${this.list.join()} + ${added.join()} - ${removed.join()} = ${addresses.join()}`
      }
      this.list = addresses
    }
  }
}

/** What would grow if something were left behind each time. */
function possessions({ proxies }: World, signal: AbortSignal) {
  const timers = process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length
  const connections = proxies.reduce((sum, { open }) => sum + open, 0)
  const listeners = getEventListeners(signal, 'abort').length
  return { connections, timers, listeners, heap: heapUsed() }
}

test.each([1, 3] as const)(
  `a watch of %d members lives through ${faults} faults (WATCH_SEED=${seed}), and ends with the last list`,
  { timeout: 60_000 + faults * 10_000 },
  async (members) => {
    await using etcd = await startEtcd({ members })
    const proxies = await Promise.all(etcd.endpoints.map((endpoint) => startProxy(endpoint)))
    const world = new World(new SeededRandom(seed), etcd, proxies)
    const log: string[] = []
    const events = new Recorder()
    for (const type of ['disconnected', 'phase', 'resynced', 'connected', 'held', 'changed', 'ignored'] as const) {
      events.emitter.on(type, (event: object) => void log.push(`  ${JSON.stringify(event)}`))
    }
    onTestFailed(() => console.error(log.join('\n')))
    await world.write()

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
    /** All is well again, and the reader has a list that it cannot have had before. */
    const settle = async () => {
      await world.heal()
      await world.write([`10.0.1.${reader.count % 250}:6443`, ...serversOf(world.random)])
      const read = async () => {
        // A write that failed may come true after all, and later than others.
        if (!(await world.isLast())) await world.write(world.last)
        return reader.list.join()
      }
      await expect.poll(read, { timeout: 60_000 }).toBe(world.last.join())
      if (events.types.findLast((type) => type === 'connected' || type === 'disconnected') === 'connected') return
      const streams = events.of('connected').length
      await events.until('connected', () => events.of('connected').length > streams)
    }
    await settle()
    const before = possessions(world, controller.signal)

    const kinds = new Map<string, number>()
    for (let n = 0; n < faults; n++) {
      const [name, fault] = world.random.pick(world.faults)
      kinds.set(name, (kinds.get(name) ?? 0) + 1)
      log.push(`${n} ${name}`)
      await fault()
      // Some faults are in the middle of another, some have time to be noticed, and some are got over.
      await sleep(world.random.upTo(4) * world.random.upTo(300))
      if (world.random.upTo(5) === 0) await settle()
    }

    await settle()
    const connected = events.of('connected').length
    const summary = { changes: reader.count, connected, ...Object.fromEntries(kinds) }
    events.clear()
    const after = possessions(world, controller.signal)
    log.push(JSON.stringify({ summary, before, after }))
    if (process.env['WATCH_FAULTS'] !== undefined) console.log(log.at(-1))
    expect(reader.problem).toBeUndefined()
    expect(after.connections).toBe(1)
    expect(after.listeners).toBe(before.listeners)
    expect(after.timers - before.timers).toBeLessThan(5)
    expect(after.heap - before.heap).toBeLessThan(20 << 20)

    await world.write(['10.0.0.9:6443'])
    await etcd.put(key, '')
    await expect.poll(() => reader.list, { timeout: 5000 }).toEqual(['10.0.0.9:6443'])
    await watch.close()
    await reading
    await leaks.expectNone()
    for (const proxy of proxies) await proxy.close()
  },
)
