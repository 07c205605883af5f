import type { Environment } from '../environment.ts'
import type { Fault, FaultKind } from '../random/faults.ts'
import { certificateFaults } from './certificate-faults.ts'
import { Certificates } from './certificates.ts'
import { clusterFaults } from './cluster.ts'
import { waitUntilHealthy } from './health.ts'
import { memberFaults } from './members.ts'
import { networkFaults } from './network.ts'
import { processFaults } from './process.ts'
import { QuorumLosses } from './quorum-losses.ts'
import { Targets } from './targets.ts'
import type { Faults } from './targets.ts'

/** Injects faults into etcd, its connections, the certificates and this process. */
export class FaultInjector {
  /** The number of faults that were injected, by kind. */
  readonly counts: Partial<Record<FaultKind, number>> = {}
  readonly quorumLosses = new QuorumLosses()
  readonly #environment: Environment
  readonly #targets: Targets
  readonly #faults: Faults<FaultKind>
  readonly #active = new Set<Promise<void>>()

  constructor(environment: Environment) {
    this.#environment = environment
    this.#targets = new Targets(environment)
    const certificates = new Certificates(environment.etcd, this.#targets.memberLocks, environment.wallClock)
    this.#faults = {
      ...memberFaults(this.#targets, this.quorumLosses),
      ...networkFaults(this.#targets),
      ...clusterFaults(this.#targets),
      ...processFaults(this.#targets),
      ...certificateFaults(this.#targets, certificates),
    }
  }

  /** Starts a fault, without waiting for its end. */
  start(fault: Fault): void {
    this.#environment.report.record('fault', fault.kind, fault)
    const running = this.#inject(fault)
    this.#active.add(running)
    running.then(
      () => this.#active.delete(running),
      // A fault that failed stays in the set, so that stop() rejects with its error.
      () => {},
    )
  }

  async #inject(fault: Fault): Promise<void> {
    const { kind, target } = fault
    const injected = await this.#faults[kind](fault)
    this.#environment.report.record('fault', injected ? 'ended' : 'skipped', { kind, target })
    if (injected) this.counts[kind] = (this.counts[kind] ?? 0) + 1
  }

  /** Ends all faults, and resolves when every member is healthy. */
  async stop(): Promise<void> {
    this.#targets.stop()
    await Promise.all(this.#active)
    for (const proxy of this.#environment.proxies) {
      proxy.delay(0)
      await proxy.pass()
    }
    for (const member of this.#environment.etcd.members) await waitUntilHealthy(member)
    this.#targets.reset()
    this.#environment.report.record('fault', 'all faults have ended')
  }
}
