import type { EtcdCluster, EtcdMember, SnapshotFile } from './etcd.ts'
import type { Proxy } from './net.ts'
import type { SeededRandom } from './random.ts'

const key = 'rke2/apiaddresses'
const servers = ['10.0.0.1:6443', '10.0.0.2:6443', '10.0.0.3:6443', '[fd00::4]:6443']
const unusableValues = ['', '[]\n', 'null', 'rubbish', '["10.0.0.1"]']

const format = (addresses: readonly string[]) => `${JSON.stringify(addresses)}\n`

type Faults = Readonly<Record<string, () => Promise<unknown>>>

/** Writes and faults for an etcd with a proxy in front of each member. At most one member is faulty at a time. */
export class ClusterFaults {
  readonly proxies: readonly Proxy[]
  /** The list that was written last. */
  last: readonly string[] = servers
  readonly #random: SeededRandom
  readonly #etcd: EtcdCluster
  #repair: (() => Promise<void>) | undefined
  #snapshot: { readonly file: SnapshotFile; readonly last: readonly string[] } | undefined

  constructor(random: SeededRandom, etcd: EtcdCluster, proxies: readonly Proxy[]) {
    this.#random = random
    this.#etcd = etcd
    this.proxies = proxies
  }

  /** Every fault and write that this number of members allows, with its name. */
  get all(): [name: string, run: () => Promise<unknown>][] {
    return Object.entries({ ...(this.#etcd.members.length === 1 ? this.#ofOne : this.#ofSeveral), ...this.#ofAny })
  }

  async write(addresses: readonly string[] = this.someServers()): Promise<void> {
    await this.#ensureQuorum()
    this.last = addresses.toSorted()
    await this.#etcd.put(key, format(this.last))
  }

  /** Returns at least one server. */
  someServers(): string[] {
    const some = servers.filter(() => this.#random.upTo(2) === 0)
    return some.length > 0 ? some : [this.#random.pick(servers)]
  }

  /** Whether etcd has the list that was written last. */
  async hasLast(): Promise<boolean> {
    return (await this.#etcd.get(key))?.value.toString() === format(this.last)
  }

  /** Ends every fault. */
  async heal(): Promise<void> {
    for (const proxy of this.proxies) await proxy.pass()
    const repair = this.#repair
    this.#repair = undefined
    await repair?.()
  }

  async #ensureQuorum(): Promise<void> {
    if (this.#etcd.members.length === 1) await this.heal()
  }

  async #fail(fail: (member: EtcdMember) => Promise<void>, repair: (member: EtcdMember) => Promise<void>) {
    await this.heal()
    const member = this.#random.pick(this.#etcd.members)
    this.#repair = () => repair(member)
    await fail(member)
  }

  readonly #ofOne: Faults = {
    snapshot: async () => {
      await this.#ensureQuorum()
      this.#snapshot = { file: await this.#etcd.saveSnapshot(), last: this.last }
    },
    restore: async () => {
      if (this.#snapshot === undefined) return
      await this.#ensureQuorum()
      await this.#etcd.restoreSnapshot(this.#snapshot.file)
      this.last = this.#snapshot.last
    },
  }

  readonly #ofSeveral: Faults = {
    partition: () =>
      this.#fail(
        (member) => member.partition(),
        (member) => member.heal(),
      ),
    'leader change': async () => {
      await this.heal()
      await this.#etcd.moveLeader(this.#random.pick(this.#etcd.members))
    },
  }

  readonly #ofAny: Faults = {
    write: () => this.write(),
    'write of the same list': () => this.write(this.last),
    'write of an unusable value': async () => {
      await this.#ensureQuorum()
      await this.#etcd.put(key, this.#random.pick(unusableValues))
    },
    delete: async () => {
      await this.#ensureQuorum()
      await this.#etcd.del(key)
    },
    compact: async () => {
      await this.#ensureQuorum()
      await this.#etcd.put('another', 'key')
      await this.#etcd.compact()
    },
    kill: () =>
      this.#fail(
        (member) => member.kill(),
        (member) => member.start(),
      ),
    restart: async () => {
      await this.heal()
      await this.#random.pick(this.#etcd.members).restart()
    },
    pause: () =>
      this.#fail(
        (member) => member.pause(),
        (member) => member.unpause(),
      ),
    reset: async () => this.#random.pick(this.proxies).reset(),
    refuse: async () => this.#random.pick(this.proxies).refuse(),
    'black hole': async () => this.#random.pick(this.proxies).blackhole(),
    'black holes everywhere': async () => Promise.all(this.proxies.map((proxy) => proxy.blackhole())),
    heal: () => this.heal(),
  }
}
