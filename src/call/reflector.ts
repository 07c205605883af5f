import { addressList, parseAddresses, stateOf } from '../addresses/addresses.ts'
import type { AddressList, ProbedAddress } from '../addresses/addresses.ts'
import type { Prober } from '../probe/prober.ts'
import type { EtcdSource } from '../sources/etcd/etcd-source.ts'
import type { Snapshot, SourceWatch } from '../sources/etcd/watch-stream.ts'
import { Failure } from '../sources/reasons.ts'
import { LinkedAbortController } from '../util/abort.ts'
import type { Clock } from '../util/clock.ts'
import type { Call } from './call.ts'
import type { Config } from './config.ts'
import { RemovalDelay } from './removal-delay.ts'
import type { Change } from './removal-delay.ts'
import { retry } from './retry.ts'
import { resyncMs } from './wait-for-list.ts'
import type { CallContext, CompleteList } from './wait-for-list.ts'

/** What a follower works with, and whom it tells. */
export interface ReflectorContext extends CallContext {
  /** Is given the list whenever it has changed. */
  readonly tell: (list: AddressList) => void
}

/** Follows the key from its first list on, over as many connections as it takes. */
export class Reflector {
  readonly #call: Call
  readonly #source: EtcdSource
  readonly #prober: Prober
  readonly #config: Config
  readonly #clock: Clock
  readonly #tell: (list: AddressList) => void
  readonly #removalDelay: RemovalDelay
  #first: CompleteList | undefined
  /** The newest that was seen in this history: revision of the store, and state of the key. */
  #revision: bigint
  #newest: Snapshot
  #ignored: string | undefined
  #probes: readonly ProbedAddress[] | undefined
  #wakeProber: (() => void) | undefined

  constructor({ call, source, prober, config, clock, tell }: ReflectorContext, first: CompleteList) {
    const { addresses, reading, probes } = first
    this.#call = call
    this.#source = source
    this.#prober = prober
    this.#probes = probes
    // The first list is there: from now on, nothing is worth giving up for.
    this.#config = { ...config, retry: { ...config.retry, maxAttempts: Infinity } }
    this.#clock = clock
    this.#tell = tell
    this.#removalDelay = new RemovalDelay(addresses, reading.modRevision, config.shrinkDelayMs)
    this.#first = first
    this.#revision = reading.revision
    this.#newest = reading
  }

  /**
   * Ends only with the session, or when asking again cannot help.
   *
   * @throws ApiserverAddressError `REJECTED`
   */
  run(): Promise<never> {
    const source = this.#source
    const connected = () => source.whenConnected().then(() => 'connected' as const)
    const wait = async ({ reason }: Failure) => ({ early: reason === 'timeout' ? connected : undefined })
    const attempt = () => this.#attempt().catch((error: unknown) => Promise.reject(this.#tolerated(error)))
    const following = retry({ attempt, wait, subject: () => source.fingerprint }, this.#call, this.#config, this.#clock)
    return this.#prober.enabled ? Promise.race([following, this.#probe()]) : following
  }

  /** Reads the key and follows it from there, until the stream ends or a read fails. */
  async #attempt(): Promise<never> {
    const first = this.#first
    this.#first = undefined
    const { revision } = first?.reading ?? (await this.#read())
    const watch = first?.watch ?? (await this.#source.watch(revision, this.#call.signal))
    try {
      this.#call.succeed()
      this.#call.emit({ type: 'connected', revision: String(revision) })
      return await this.#stream(watch)
    } catch (error) {
      if (error instanceof Failure) this.#call.emit({ type: 'disconnected', error })
      throw error
    } finally {
      watch.close()
    }
  }

  /** Changes as they come, removals when they are due, and a read now and then in case the stream has gone silent. */
  async #stream(watch: SourceWatch): Promise<never> {
    let resyncAt = this.#clock.now() + resyncMs(this.#clock)
    for (;;) {
      const controller = new LinkedAbortController(this.#call.signal)
      const dueAt = Math.min(resyncAt, this.#removalDelay.dueAt)
      try {
        await Promise.race([
          watch.changed(controller.signal),
          this.#clock.sleep(Math.max(0, dueAt - this.#clock.now()), controller.signal),
        ])
      } finally {
        controller.end()
      }
      for (const change of watch.drain()) this.#apply(change)
      if (this.#clock.now() >= resyncAt) {
        await this.#read(watch)
        resyncAt = this.#clock.now() + resyncMs(this.#clock)
      }
      this.#publish(this.#removalDelay.update(this.#clock.now()))
    }
  }

  /** @param watch what it brings during the read comes first */
  async #read(watch?: SourceWatch): Promise<Snapshot> {
    this.#call.countAttempt()
    const reading = await this.#source.read(this.#call.signal)
    if (reading.revision < this.#revision || contradicts(reading, this.#newest)) {
      this.#call.emit({ type: 'resynced', revision: String(reading.revision) })
      this.#revision = 0n
      this.#newest = nothing
    }
    for (const change of watch?.drain() ?? []) this.#apply(change)
    this.#apply(reading)
    return reading
  }

  #apply(reading: Snapshot): void {
    if (reading.revision > this.#revision) this.#revision = reading.revision
    const revision = keyRevision(reading)
    // The stream may still bring what a read has overtaken.
    if (revision < keyRevision(this.#newest)) return
    this.#newest = reading
    const parsed = parseAddresses(reading.value)
    if (parsed.kind !== 'list') return this.#ignore(parsed.kind, revision)
    this.#ignored = undefined
    const before = this.#removalDelay.held.join()
    this.#publish(this.#removalDelay.store(parsed.addresses, revision, this.#clock.now()))
    const missing = this.#removalDelay.held
    if (missing.length === 0 || missing.join() === before) return
    const untilMs = Math.max(0, Math.round(this.#removalDelay.dueAt - this.#clock.now()))
    this.#call.emit({ type: 'held', missing, untilMs })
  }

  /** Tells an unusable value once, and not at every read. */
  #ignore(reason: 'not-set' | 'invalid-value', revision: bigint): void {
    const ignored = reason === 'not-set' ? reason : `${reason} ${revision}`
    if (ignored === this.#ignored) return
    this.#ignored = ignored
    this.#call.emit({ type: 'ignored', reason, revision: String(revision) })
  }

  /** A value too large to be received is unusable as any other, and no reason to give up. */
  #tolerated(error: unknown): unknown {
    if (!(error instanceof Failure && error.reason === 'invalid-value')) return error
    this.#ignore(error.reason, this.#revision)
    return new Failure(error.reason, error.message, { cause: error.cause, retryForMs: Infinity })
  }

  #publish(change: Change | undefined): void {
    if (change === undefined) return
    const { addresses, revision, added, removed } = change
    const list = addressList(addresses, String(revision), this.#probes)
    this.#call.emit({ type: 'changed', ...list, added, removed })
    this.#tell(list)
    if (added.length > 0) this.#wakeProber?.()
  }

  /** Asks the servers again and again, whether etcd is there or not; at once when there is a new one. */
  async #probe(): Promise<never> {
    for (;;) {
      const controller = new LinkedAbortController(this.#call.signal)
      const woken = new Promise<void>((resolve) => (this.#wakeProber = resolve))
      const known = new Set(this.#probes?.map(({ address }) => address))
      if (this.#removalDelay.addresses.some((address) => !known.has(address))) this.#wakeProber?.()
      try {
        await Promise.race([this.#clock.sleep(this.#prober.intervalMs, controller.signal), woken])
      } finally {
        controller.end()
      }
      const probes = await this.#prober.probe(this.#removalDelay.addresses, this.#call)
      const { addresses, revision } = this.#removalDelay
      const before = stateOf(addressList(addresses, String(revision), this.#probes))
      this.#probes = probes
      if (stateOf(addressList(addresses, String(revision), probes)) === before) continue
      this.#publish({ addresses, revision, added: [], removed: [] })
    }
  }
}

const nothing: Snapshot = { value: undefined, modRevision: 0n, createRevision: 0n, version: 0n, revision: 0n }

/** When the key became as it is; one that is absent has no revision of its own, and is as new as the store was. */
const keyRevision = ({ modRevision, revision }: Snapshot): bigint => (modRevision === 0n ? revision : modRevision)

/** Whether two readings, one made after the other, cannot be of one history: revisions go up, and each is one state. */
function contradicts(later: Snapshot, earlier: Snapshot): boolean {
  const difference = keyRevision(later) - keyRevision(earlier)
  return difference < 0n || (difference === 0n && !sameBytes(later.value, earlier.value))
}

const sameBytes = (a: Uint8Array | undefined, b: Uint8Array | undefined): boolean =>
  a === undefined || b === undefined ? a === b : Buffer.compare(a, b) === 0
