import { setTimeout as sleep } from 'node:timers/promises'
import type { Proxy } from '../../test/support/net.ts'
import { lockAll, Mutex } from '../mutex.ts'
import type { Fault, FaultKind } from '../random/faults.ts'
import type { Report } from '../report/report.ts'

/** Injects a fault, and removes it after its duration. Resolves with `false` if the fault was not possible. */
export type Inject = (fault: Fault) => Promise<boolean>
export type Faults<Kind extends FaultKind> = Record<Kind, Inject>

/** What faults act on: a server or proxy has at most one fault at a time. */
export class Targets<Server> {
  readonly servers: readonly Server[]
  readonly serverLocks: readonly Mutex[]
  readonly #proxies: readonly Proxy[]
  readonly #proxyLocks: readonly Mutex[]
  readonly #report: Report
  #stopped = new AbortController()

  constructor(servers: readonly Server[], proxies: readonly Proxy[], report: Report) {
    this.servers = servers
    this.serverLocks = servers.map(() => new Mutex())
    this.#proxies = proxies
    this.#proxyLocks = proxies.map(() => new Mutex())
    this.#report = report
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

  /** Runs a job with one server. Resolves with `false` if the server has a fault already. */
  async withServer({ target }: Fault, job: (server: Server) => Promise<void>): Promise<boolean> {
    const index = target % this.servers.length
    const lock = this.serverLocks[index]!
    if (lock.locked) return false
    await lock.run(() => job(this.servers[index]!))
    return true
  }

  /** Runs a job with several servers, as soon as none of them has another fault. */
  async withServers(
    { target }: Fault,
    count: number,
    job: (servers: readonly Server[]) => Promise<void>,
  ): Promise<boolean> {
    const indices = Array.from({ length: count }, (_, n) => (target + n) % this.serverLocks.length)
    const locks = indices.map((index) => this.serverLocks[index]!)
    await lockAll(locks, () => job(indices.map((index) => this.servers[index]!)))
    return true
  }

  /** Runs a job with the proxy of one server. Resolves with `false` if the proxy has a fault already. */
  async withProxy({ target }: Fault, job: (proxy: Proxy) => Promise<void>): Promise<boolean> {
    const index = target % this.#proxies.length
    const lock = this.#proxyLocks[index]!
    if (lock.locked) return false
    await lock.run(() => job(this.#proxies[index]!))
    return true
  }

  /** Runs a job with all proxies. Resolves with `false` if one of them has a fault already. */
  async withAllProxies(job: (proxies: readonly Proxy[]) => Promise<void>): Promise<boolean> {
    if (this.#proxyLocks.some((lock) => lock.locked)) return false
    await lockAll(this.#proxyLocks, () => job(this.#proxies))
    return true
  }

  /** Sends a request to a server, which may not be able to serve it. Resolves with `false` if it failed. */
  async request(send: () => Promise<unknown>): Promise<boolean> {
    try {
      await send()
      return true
    } catch (error) {
      this.#report.record('fault', 'request failed', { error })
      return false
    }
  }
}
