import type { SecureContext } from 'node:tls'
import type { ProbedAddress } from '../addresses/addresses.ts'
import type { Call } from '../call/call.ts'
import type { Config } from '../call/config.ts'
import { Failure, messageOf } from '../sources/reasons.ts'
import { LinkedAbortController } from '../util/abort.ts'
import type { Clock } from '../util/clock.ts'
import type { Probe } from './probe.ts'
import type { readServerCa as read } from './server-ca.ts'

// Loaded by the first probe: Node's TLS and HTTP take 25 ms to load.
const probeAddress: Probe = async (target, signal) => (await import('./probe.ts')).probe(target, signal)
const readServerCa: typeof read = async (...args) => (await import('./server-ca.ts')).readServerCa(...args)

/** Probes under way at a time. */
const concurrency = 8

/** Asks whole lists whether their apiservers are alive. */
export class Prober {
  readonly #config: Config
  readonly #clock: Clock
  readonly #probe: Probe
  #probing = false

  constructor(config: Config, clock: Clock, probe: Probe = probeAddress) {
    this.#config = config
    this.#clock = clock
    this.#probe = probe
  }

  get enabled(): boolean {
    return this.#config.probe !== undefined
  }

  /**
   * The state of each address, in their order. Bounded by `probeTimeoutMs` for each, a few at a time.
   *
   * @throws `signal.reason` when the signal is aborted, at once
   */
  async probe(addresses: readonly string[], call: Call): Promise<readonly ProbedAddress[]> {
    const controller = new LinkedAbortController(call.signal)
    this.#probing = true
    try {
      const { dataDir, probe } = this.#config
      const { context, unverified } = probe === 'tcp' ? {} : await readServerCa(dataDir, controller.signal)
      const probes: ProbedAddress[] = []
      const waiting = addresses.entries()
      const worker = async () => {
        for (const [index, address] of waiting) probes[index] = await this.#one(address, context, controller.signal)
      }
      await Promise.all(Array.from({ length: Math.min(concurrency, addresses.length) }, worker))
      Object.freeze(probes)
      call.emit({ type: 'probed', probes, ...(unverified !== undefined && { unverified }) })
      return probes
    } finally {
      this.#probing = false
      controller.end()
    }
  }

  /** What is being waited for, if probes are under way, and no round before them has told it better. */
  pending(last: Failure | undefined): Failure | undefined {
    if (!this.#probing || last?.reason === 'incomplete') return undefined
    return new Failure('incomplete', 'the list is complete, and was still being probed')
  }

  /** Milliseconds to the next round: not in step with everybody else's. */
  get intervalMs(): number {
    return this.#config.probeIntervalMs * (0.75 + this.#clock.random() / 2)
  }

  async #one(address: string, context: SecureContext | undefined, signal: AbortSignal): Promise<ProbedAddress> {
    const { probe: kind = 'tcp', probeTimeoutMs } = this.#config
    const controller = new LinkedAbortController(signal)
    const startedAt = this.#clock.now()
    let late = false
    const expire = () => {
      late = true
      controller.abort(undefined)
    }
    this.#clock.sleep(probeTimeoutMs, controller.signal).then(expire, () => {})
    const answer = (state: 'alive' | 'dead', cause?: string) =>
      Object.freeze({
        address,
        state,
        latencyMs: Math.round(this.#clock.now() - startedAt),
        ...(cause !== undefined && { cause }),
        ...(kind !== 'tcp' && { verified: state === 'alive' && context !== undefined }),
      })
    try {
      await this.#probe({ address, kind, context }, controller.signal)
      return answer('alive')
    } catch (error) {
      signal.throwIfAborted()
      return answer('dead', late ? `${messageOf(error)} (${probeTimeoutMs / 1000} s)` : messageOf(error))
    } finally {
      controller.end()
    }
  }
}
