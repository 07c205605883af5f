import type { Environment } from '../environment.ts'
import type { Fault, FaultKind } from '../random/faults.ts'
import { FaultTimes } from './fault-times.ts'
import { Outages } from './outages.ts'
import type { Faults, Targets } from './targets.ts'

/** Injects faults into the servers, their connections, the certificates and this process. */
export class FaultInjector {
  /** The number of faults that were injected, by kind. */
  readonly counts: Partial<Record<FaultKind, number>> = {}
  readonly outages = new Outages()
  readonly times = new FaultTimes()
  readonly #environment: Environment
  readonly #targets: Targets<unknown>
  readonly #faults: Partial<Faults<FaultKind>>
  readonly #active = new Set<Promise<void>>()

  constructor(environment: Environment) {
    this.#environment = environment
    const { targets, faults } = environment.createFaults(this.outages)
    this.#targets = targets
    this.#faults = faults
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
    const inject = this.#faults[kind]
    if (inject === undefined) throw new Error(`the environment has no fault "${kind}"`)
    const end = this.times.begin(kind)
    const injected = await inject(fault)
    end()
    this.#environment.report.record('fault', injected ? 'ended' : 'skipped', { kind, target })
    if (injected) this.counts[kind] = (this.counts[kind] ?? 0) + 1
  }

  /** Ends all faults, and resolves when every server is healthy. */
  async stop(): Promise<void> {
    this.#targets.stop()
    await Promise.all(this.#active)
    for (const proxy of this.#environment.proxies) {
      proxy.delay(0)
      await proxy.pass()
    }
    await this.#environment.waitUntilHealthy()
    this.#targets.reset()
    this.#environment.report.record('fault', 'all faults have ended')
  }
}
