import type { ProbedAddress } from '../addresses/list.ts'
import { withLinkedAbort } from '../util/abort.ts'
import type { CallContext } from './context.ts'

/** Probes the addresses of a list at intervals, and at once when there is a new one. It does not depend on the source. */
export class ProbeLoop {
  readonly #context: CallContext
  readonly #addresses: () => readonly string[]
  readonly #onProbes: (probes: readonly ProbedAddress[]) => void
  #probed: ReadonlySet<string>
  #wake: (() => void) | undefined

  /**
   * @param addresses returns the list
   * @param probes the results of an earlier round, if there was one
   * @param onProbes receives the results of each round
   */
  constructor(
    context: CallContext,
    addresses: () => readonly string[],
    probes: readonly ProbedAddress[] | undefined,
    onProbes: (probes: readonly ProbedAddress[]) => void,
  ) {
    this.#context = context
    this.#addresses = addresses
    this.#probed = addressesOf(probes)
    this.#onProbes = onProbes
  }

  /**
   * Runs until the call ends.
   *
   * @throws the reason of the call's signal
   */
  async run(): Promise<never> {
    const { call, prober } = this.#context
    for (;;) {
      await this.#untilNextRound()
      const probes = await prober.probe(this.#addresses(), call)
      this.#probed = addressesOf(probes)
      this.#onProbes(probes)
    }
  }

  /** Starts the next round at once, unless one is running. */
  wake(): void {
    this.#wake?.()
  }

  #untilNextRound(): Promise<void> {
    const { call, clock, prober } = this.#context
    return withLinkedAbort(call.signal, ({ signal }) => {
      const woken = new Promise<void>((resolve) => (this.#wake = resolve))
      if (this.#addresses().some((address) => !this.#probed.has(address))) this.wake()
      return Promise.race([clock.sleep(prober.intervalMs, signal), woken])
    })
  }
}

const addressesOf = (probes: readonly ProbedAddress[] = []) => new Set(probes.map(({ address }) => address))
