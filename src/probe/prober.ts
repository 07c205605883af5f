import type { SecureContext } from 'node:tls'
import type { ProbedAddress } from '../addresses/list.ts'
import type { ProbedEvent } from '../events.ts'
import type { ProbeKind } from '../options.ts'
import { Failure } from '../sources/failure.ts'
import type { Source } from '../sources/source.ts'
import { withLinkedAbort, withTimeout } from '../util/abort.ts'
import type { Clock } from '../util/clock.ts'
import { StandstillDetector } from '../util/standstill.ts'
import { messageOf } from '../util/text.ts'
import { probe as probeAddress } from './probe.ts'
import type { Probe } from './probe.ts'
import { readServerCa as readServerCaFile } from './server-ca.ts'
import type { ReadServerCa, ServerCa } from './server-ca.ts'

/** The number of probes that run at the same time. */
const concurrency = 8

/** How often an address is probed in one round, if the process is stopped during each of its probes. */
const maxProbes = 3

/** The options of a call that concern probes. */
export interface ProberOptions {
  readonly probe: ProbeKind | undefined
  readonly probeTimeoutMs: number
  readonly probeIntervalMs: number
}

/** The part of a call that a round of probes needs. */
interface ProbingCall {
  readonly signal: AbortSignal
  readonly emit: (event: ProbedEvent) => void
}

/** Probes all addresses of a list. */
export class Prober {
  readonly enabled: boolean
  readonly #options: ProberOptions
  readonly #source: Pick<Source, 'serverCaFiles'>
  readonly #clock: Clock
  readonly #probe: Probe
  readonly #readServerCa: ReadServerCa
  /** What the round in progress waits for. */
  #waitingFor: 'server CA' | 'probes' | undefined

  constructor(
    options: ProberOptions,
    source: Pick<Source, 'serverCaFiles'>,
    clock: Clock,
    probe: Probe = probeAddress,
    readServerCa: ReadServerCa = readServerCaFile,
  ) {
    this.enabled = options.probe !== undefined
    this.#options = options
    this.#source = source
    this.#clock = clock
    this.#probe = probe
    this.#readServerCa = readServerCa
  }

  /**
   * Returns the state of each address, in their order. Each probe is bounded by `probeTimeoutMs`.
   *
   * @throws `signal.reason` at once when the signal of the call is aborted
   */
  async probe(addresses: readonly string[], call: ProbingCall): Promise<readonly ProbedAddress[]> {
    try {
      return await withLinkedAbort(call.signal, async ({ signal }) => {
        this.#waitingFor = 'server CA'
        const { context, unverified } = this.#options.probe === 'tcp' ? {} : await this.#readServerCaInTime(signal)
        this.#waitingFor = 'probes'
        const standstills = new StandstillDetector(this.#clock)
        void standstills.run(signal)
        const probes: ProbedAddress[] = []
        const queue = addresses.entries()
        const worker = async () => {
          for (const [index, address] of queue) {
            probes[index] = await this.#probeReliably(standstills, () => this.#probeOne(address, context, signal))
          }
        }
        await Promise.all(Array.from({ length: Math.min(concurrency, addresses.length) }, worker))
        Object.freeze(probes)
        call.emit({ type: 'probed', probes, ...(unverified !== undefined && { unverified }) })
        return probes
      })
    } finally {
      this.#waitingFor = undefined
    }
  }

  /** Reads the CA within the time of one probe: without it, the probes go on, and verify no certificate. */
  async #readServerCaInTime(parent: AbortSignal): Promise<ServerCa> {
    const { probeTimeoutMs } = this.#options
    const { serverCaFiles } = this.#source
    const timedOut = new Error(`${serverCaFiles.join(' or ')} cannot be used: its file system does not answer`)
    return withTimeout(
      this.#clock,
      probeTimeoutMs,
      () => timedOut,
      parent,
      async ({ signal }) => {
        try {
          return await this.#readServerCa(serverCaFiles, signal)
        } catch (error) {
          if (error !== timedOut) throw error
          return { unverified: timedOut.message }
        }
      },
    )
  }

  /** Returns what the call waits for, if probes are running and no earlier round has given a better reason. */
  pending(last: Failure | undefined): Failure | undefined {
    if (this.#waitingFor === undefined || last?.reason === 'incomplete') return undefined
    const file = this.#source.serverCaFiles.join(' or ')
    const progress =
      this.#waitingFor === 'probes'
        ? 'its addresses are still being probed'
        : `${file} is still being read to probe its addresses`
    return new Failure('incomplete', `the list is complete, and ${progress}`)
  }

  /** Milliseconds to the next round, jittered so that the nodes of a cluster do not probe in step. */
  get intervalMs(): number {
    return this.#options.probeIntervalMs * (0.75 + this.#clock.random() / 2)
  }

  /**
   * Probes an address again if it seems dead, and this process was stopped during the probe: its time ran out although
   * the server may have answered, or the server gave up.
   */
  async #probeReliably(standstills: StandstillDetector, probe: () => Promise<ProbedAddress>): Promise<ProbedAddress> {
    for (let count = 1; ; count++) {
      const startedAt = this.#clock.now()
      const result = await probe()
      if (result.state === 'alive' || count === maxProbes || !standstills.hasStoppedSince(startedAt)) return result
    }
  }

  async #probeOne(address: string, context: SecureContext | undefined, parent: AbortSignal): Promise<ProbedAddress> {
    const { probe: kind = 'tcp', probeTimeoutMs } = this.#options
    const startedAt = this.#clock.now()
    const result = (state: 'alive' | 'dead', cause?: string) =>
      Object.freeze({
        address,
        state,
        latencyMs: Math.round(this.#clock.now() - startedAt),
        ...(cause !== undefined && { cause }),
        ...(kind !== 'tcp' && { verified: state === 'alive' && context !== undefined }),
      })
    let timedOut = false
    const onTimeout = () => void (timedOut = true)
    return withTimeout(this.#clock, probeTimeoutMs, onTimeout, parent, async ({ signal }) => {
      try {
        await this.#probe({ address, kind, context }, signal)
        return result('alive')
      } catch (error) {
        parent.throwIfAborted()
        return result('dead', timedOut ? `${messageOf(error)} (${probeTimeoutMs / 1000} s)` : messageOf(error))
      }
    })
  }
}
