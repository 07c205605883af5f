import { setTimeout as sleep } from 'node:timers/promises'
import type { EtcdMember } from '../../test/support/etcd.ts'
import type { Proxy } from '../../test/support/net.ts'
import type { Environment } from '../environment.ts'
import { lockAll, Mutex } from '../mutex.ts'
import type { Fault, FaultKind } from '../random/faults.ts'

/** Injects a fault, and removes it after its duration. Resolves with `false` if the fault was not possible. */
export type Inject = (fault: Fault) => Promise<boolean>
export type Faults<Kind extends FaultKind> = Record<Kind, Inject>

/** What faults act on: a member or proxy has at most one fault at a time. */
export class Targets {
  readonly environment: Environment
  readonly memberLocks: readonly Mutex[]
  readonly #proxyLocks: readonly Mutex[]
  #stopped = new AbortController()

  constructor(environment: Environment) {
    this.environment = environment
    this.memberLocks = environment.etcd.members.map(() => new Mutex())
    this.#proxyLocks = environment.proxies.map(() => new Mutex())
  }

  /** Whether all faults have to end now. */
  get stopped(): boolean {
    return this.#stopped.signal.aborted
  }

  /** Ends all waits of {@link hold}. */
  stop(): void {
    this.#stopped.abort()
  }

  /** Lets faults wait again. */
  reset(): void {
    this.#stopped = new AbortController()
  }

  /** Waits for the duration of a fault, or until all faults have to end. */
  async hold(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#stopped.signal }).catch(() => {})
  }

  /** Runs a job with one member. Resolves with `false` if the member has a fault already. */
  async withMember({ target }: Fault, job: (member: EtcdMember) => Promise<void>): Promise<boolean> {
    const lock = this.memberLocks[target]!
    if (lock.locked) return false
    await lock.run(() => job(this.environment.etcd.members[target]!))
    return true
  }

  /** Runs a job with several members, as soon as none of them has another fault. */
  async withMembers(
    { target }: Fault,
    count: number,
    job: (members: readonly EtcdMember[]) => Promise<void>,
  ): Promise<boolean> {
    const indices = Array.from({ length: count }, (_, n) => (target + n) % this.memberLocks.length)
    const locks = indices.map((index) => this.memberLocks[index]!)
    await lockAll(locks, () => job(indices.map((index) => this.environment.etcd.members[index]!)))
    return true
  }

  /** Runs a job with the proxy of one member. Resolves with `false` if the proxy has a fault already. */
  async withProxy({ target }: Fault, job: (proxy: Proxy) => Promise<void>): Promise<boolean> {
    const lock = this.#proxyLocks[target]!
    if (lock.locked) return false
    await lock.run(() => job(this.environment.proxies[target]!))
    return true
  }

  /** Runs a job with all proxies. Resolves with `false` if one of them has a fault already. */
  async withAllProxies(job: (proxies: readonly Proxy[]) => Promise<void>): Promise<boolean> {
    if (this.#proxyLocks.some((lock) => lock.locked)) return false
    await lockAll(this.#proxyLocks, () => job(this.environment.proxies))
    return true
  }

  /** Sends a request to etcd, which may not be able to serve it. Resolves with `false` if it failed. */
  async request(send: () => Promise<unknown>): Promise<boolean> {
    try {
      await send()
      return true
    } catch (error) {
      this.environment.report.record('fault', 'request failed', { error })
      return false
    }
  }
}
