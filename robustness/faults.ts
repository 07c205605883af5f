import { setTimeout as sleep } from 'node:timers/promises'
import type { EtcdCluster, EtcdMember, SnapshotFile } from '../test/support/etcd.ts'
import type { Proxy } from '../test/support/net.ts'
import { Certificates } from './certificates.ts'
import { healthy } from './health.ts'
import type { Journal } from './journal.ts'
import { inAll, Lane } from './lane.ts'
import type { Learner } from './learner.ts'
import type { Ledger } from './ledger.ts'
import type { Fault, FaultKind } from './plan-faults.ts'
import type { WallClock } from './wall-clock.ts'

export interface World {
  readonly etcd: EtcdCluster
  readonly learner: Learner
  /** What clients connect to: one for each member, and the last one for the learner. */
  readonly proxies: readonly Proxy[]
  readonly ledger: Ledger
  readonly wallClock: WallClock
  readonly journal: Journal
}

/** From when to when a member had certainly no peers. */
interface CutOff {
  readonly member: number
  readonly from: number
  readonly to: number
}

/** Does what the plan says to etcd, to the connections with it, to the certificates and to this process. */
export class Faults {
  readonly counts: Partial<Record<FaultKind, number>> = {}
  readonly #world: World
  readonly #members: readonly Lane[]
  readonly #links: readonly Lane[]
  readonly #certificates: Certificates
  readonly #active = new Set<Promise<void>>()
  #snapshot: SnapshotFile | undefined
  #cutOffs: CutOff[] = []
  #over = new AbortController()

  constructor(world: World) {
    this.#world = world
    this.#members = world.etcd.members.map(() => new Lane())
    this.#links = world.proxies.map(() => new Lane())
    this.#certificates = new Certificates(world.etcd, this.#members, world.wallClock)
  }

  /** Whether the member had no peers from `start` to `end`. */
  cutOff(member: number, start: number, end: number): boolean {
    return this.#cutOffs.some((cut) => cut.member === member && cut.from <= start && cut.to >= end)
  }

  /** Forgets where members were, as far as that is judged. */
  forget(): void {
    this.#cutOffs = []
  }

  /** Begins. Where something else has the place, nothing happens. */
  start(fault: Fault): void {
    const { kind, target, lastMs } = fault
    const run = async () => {
      const happened = await this.#kinds[kind](fault)
      this.#world.journal.note('fault', happened ? 'is over' : 'did not happen', { kind, target })
      if (happened) this.counts[kind] = (this.counts[kind] ?? 0) + 1
    }
    this.#world.journal.note('fault', kind, { target, lastMs, size: fault.size })
    const running = run()
    this.#active.add(running)
    running.then(
      () => this.#active.delete(running),
      () => {},
    )
  }

  /** Ends all faults, and waits until etcd is as it was. */
  async end(): Promise<void> {
    this.#over.abort()
    await Promise.all(this.#active)
    for (const proxy of this.#world.proxies) {
      proxy.delay(0)
      await proxy.pass()
    }
    for (const member of this.#world.etcd.members) await healthy(member)
    this.#over = new AbortController()
    this.#world.journal.note('fault', 'all faults are over')
  }

  #alone(member: number, from: number): void {
    this.#cutOffs.push({ member, from, to: performance.now() })
  }

  async #hold(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#over.signal }).catch(() => {})
  }

  /** Has a member for itself, unless others have it; or several, as soon as they are free. */
  async #withMembers(
    { target }: Fault,
    count: number,
    job: (members: readonly EtcdMember[]) => Promise<void>,
  ): Promise<boolean> {
    const indices = Array.from({ length: count }, (_, n) => (target + n) % this.#members.length)
    const lanes = indices.map((index) => this.#members[index]!)
    if (count === 1 && lanes[0]!.length > 0) return false
    await inAll(lanes, () => job(indices.map((index) => this.#world.etcd.members[index]!)))
    return true
  }

  async #withLinks(links: readonly number[], job: (proxies: readonly Proxy[]) => Promise<void>): Promise<boolean> {
    const lanes = links.map((index) => this.#links[index]!)
    if (lanes.some((lane) => lane.length > 0)) return false
    await inAll(lanes, () => job(links.map((index) => this.#world.proxies[index]!)))
    return true
  }

  /** Something that etcd itself is asked to do: it may not be able to. */
  async #ask(request: () => Promise<unknown>): Promise<boolean> {
    try {
      await request()
      return true
    } catch (error) {
      this.#world.journal.note('fault', 'failed', { error })
      return false
    }
  }

  async #away(members: readonly EtcdMember[], { lastMs, size }: Fault): Promise<void> {
    const kill = size < 0.5
    await Promise.all(members.map((member) => (kill ? member.kill() : member.pause())))
    const from = performance.now()
    await this.#hold(lastMs)
    // Without a majority, whoever is left has no peers either.
    if (members.length > 1) this.#world.etcd.members.forEach((_member, index) => this.#alone(index, from))
    await Promise.all(members.map((member) => (kill ? member.start({ untilReady: false }) : member.unpause())))
  }

  readonly #kinds: Record<FaultKind, (fault: Fault) => Promise<boolean>> = {
    kill: (fault) => this.#withMembers(fault, 1, (members) => this.#away(members, { ...fault, size: 0 })),
    pause: (fault) => this.#withMembers(fault, 1, (members) => this.#away(members, { ...fault, size: 1 })),
    'two members away': (fault) => this.#withMembers(fault, 2, (members) => this.#away(members, fault)),
    'all members away': (fault) => this.#withMembers(fault, 3, (members) => this.#away(members, fault)),

    restart: (fault) =>
      this.#withMembers(fault, 1, async ([member]) => {
        await member!.stop()
        await member!.start({ untilReady: false })
      }),

    // As a member whose disk or processor is too slow looks from outside.
    stutter: (fault) =>
      this.#withMembers(fault, 1, async ([member]) => {
        for (let n = 0; n < 10 && !this.#over.signal.aborted; n++) {
          await member!.pause()
          await sleep(20 + fault.size * 300)
          await member!.unpause()
          await sleep(50)
        }
      }),

    'cut off from peers': (fault) =>
      this.#withMembers(fault, 1, async ([member]) => {
        await member!.partition()
        const from = performance.now()
        await this.#hold(fault.lastMs)
        this.#alone(this.#world.etcd.members.indexOf(member!), from)
        await member!.heal()
      }),

    refuse: ({ target, lastMs, size }) =>
      this.#withLinks([target], async ([proxy]) => {
        await proxy!.refuse()
        if (size < 0.7) proxy!.reset()
        await this.#hold(lastMs)
        await proxy!.pass()
      }),

    'black hole': ({ target, lastMs }) =>
      this.#withLinks([target], async ([proxy]) => {
        await proxy!.blackhole()
        await this.#hold(lastMs)
        await proxy!.pass()
      }),

    reset: ({ target }) => this.#withLinks([target], async ([proxy]) => proxy!.reset()),

    'slow link': ({ target, lastMs, size }) =>
      this.#withLinks([target], async ([proxy]) => {
        proxy!.delay(5 + 800 * size ** 3)
        await this.#hold(lastMs)
        proxy!.delay(0)
      }),

    'no client gets through': ({ lastMs, size }) =>
      this.#withLinks([...this.#links.keys()], async (proxies) => {
        for (const proxy of proxies) await (size < 0.5 ? proxy.refuse() : proxy.blackhole())
        for (const proxy of proxies) if (size < 0.3) proxy.reset()
        await this.#hold(lastMs)
        for (const proxy of proxies) await proxy.pass()
      }),

    compact: () => this.#ask(() => this.#world.ledger.compact()),

    'another leader': ({ target }) =>
      this.#ask(async () => {
        const { members } = this.#world.etcd
        const { id, leader } = await members[target]!.status()
        const statuses = await Promise.all(
          members.filter(({ reachable }) => reachable).map((member) => member.status()),
        )
        const index = statuses.findIndex((status) => status.id === leader)
        const from = members.filter(({ reachable }) => reachable)[index]
        await from?.request('maintenance/transfer-leadership', { targetID: id })
      }),

    'client certificate': async () => {
      await this.#certificates.renewClient()
      return true
    },

    'server certificate': async () => {
      await this.#certificates.renewServers()
      return true
    },

    'another authority': async () => {
      await this.#certificates.renewAuthority()
      return true
    },

    'clock step': async ({ target, size }) => {
      const [second, hour, day] = [1000, 3_600_000, 86_400_000]
      this.#world.wallClock.step([second, hour, 20 * day][target]! * (size < 0.5 ? -1 : 1))
      return true
    },

    stall: async ({ size }) => {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100 + 2000 * size)
      return true
    },

    snapshot: () =>
      this.#ask(async () => {
        this.#snapshot = await this.#world.ledger.save()
      }),

    restore: async (fault) => {
      const snapshot = this.#snapshot
      if (snapshot === undefined) return false
      return this.#withMembers(fault, 3, async (members) => {
        for (const member of members) await healthy(member)
        await this.#world.learner.leave()
        await this.#world.ledger.restore(snapshot)
        await this.#ask(() => this.#world.learner.join())
      })
    },
  }
}
