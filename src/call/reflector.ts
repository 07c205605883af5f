import { addressList, stateOf } from '../addresses/list.ts'
import type { AddressList, ProbedAddress } from '../addresses/list.ts'
import { parseAddresses } from '../addresses/parse.ts'
import { Failure } from '../sources/failure.ts'
import type { Snapshot, SourceWatch } from '../sources/source.ts'
import { withLinkedAbort } from '../util/abort.ts'
import { resyncMs } from './context.ts'
import type { CallContext } from './context.ts'
import { StoreHistory } from './history.ts'
import { RemovalDelay } from './removal-delay.ts'
import type { Change } from './removal-delay.ts'
import { retry } from './retry.ts'
import type { CompleteList } from './wait-for-list.ts'

/** Follows the list from the first complete one: reads, watches, and reads again when the watch ends. */
export class Reflector {
  readonly #context: CallContext
  readonly #onChange: (list: AddressList) => void
  readonly #removalDelay: RemovalDelay
  readonly #history: StoreHistory
  /** The first list, until it has been used. */
  #first: CompleteList | undefined
  /** Identifies the unusable value that was reported last. */
  #ignored: string | undefined
  #probes: readonly ProbedAddress[] | undefined
  #wakeProber: (() => void) | undefined

  /** @param onChange receives the list whenever it has changed */
  constructor(context: CallContext, first: CompleteList, onChange: (list: AddressList) => void) {
    const { addresses, snapshot, probes } = first
    this.#context = context
    this.#onChange = onChange
    this.#removalDelay = new RemovalDelay(addresses, snapshot.modRevision, context.config.shrinkDelayMs)
    this.#history = new StoreHistory(snapshot)
    this.#first = first
    this.#probes = probes
  }

  /**
   * Runs until the call ends.
   *
   * @throws ApiserverAddressError `REJECTED` when retrying cannot help
   * @throws the reason of the call's signal
   */
  run(): Promise<never> {
    const { prober, source } = this.#context
    const connected = () => source.whenConnected().then(() => 'connected' as const)
    const following = retry(
      {
        attempt: () => this.#listAndWatch(),
        wait: async ({ reason }) => ({ early: reason === 'timeout' ? connected : undefined }),
        // The option limits the reads before the first list only.
        maxAttempts: Infinity,
      },
      this.#context,
    )
    return prober.enabled ? Promise.race([following, this.#probeForever()]) : following
  }

  /** Reads the list and follows it until the watch ends or a read fails. The first list has been read already. */
  async #listAndWatch(): Promise<never> {
    const { call, source } = this.#context
    const first = this.#first
    this.#first = undefined
    try {
      const { revision } = first?.snapshot ?? (await this.#read())
      const watch = first?.watch ?? (await source.watch(revision, call.signal))
      return await this.#follow(watch, revision)
    } catch (error) {
      throw this.#tolerateInvalidValue(error)
    }
  }

  async #follow(watch: SourceWatch, revision: bigint): Promise<never> {
    const { call } = this.#context
    try {
      call.succeed()
      call.emit({ type: 'connected', revision: String(revision) })
      return await this.#applyChanges(watch)
    } catch (error) {
      if (error instanceof Failure) call.emit({ type: 'disconnected', error })
      throw error
    } finally {
      watch.close()
    }
  }

  /** Applies changes as they come and removals when they are due, and reads the list now and then. */
  async #applyChanges(watch: SourceWatch): Promise<never> {
    const { clock } = this.#context
    let resyncAt = clock.now() + resyncMs(clock)
    for (;;) {
      await this.#changedOrDue(watch, Math.min(resyncAt, this.#removalDelay.dueAt))
      for (const change of watch.drain()) this.#apply(change)
      if (clock.now() >= resyncAt) {
        await this.#read(watch)
        resyncAt = clock.now() + resyncMs(clock)
      }
      this.#publish(this.#removalDelay.update(clock.now()))
    }
  }

  #changedOrDue(watch: SourceWatch, dueAt: number): Promise<void> {
    const { call, clock } = this.#context
    return withLinkedAbort(call.signal, ({ signal }) =>
      Promise.race([watch.changed(signal), clock.sleep(Math.max(0, dueAt - clock.now()), signal)]),
    )
  }

  /** @param watch its changes during the read are applied before the snapshot */
  async #read(watch?: SourceWatch): Promise<Snapshot> {
    const { call, source } = this.#context
    call.countAttempt()
    const snapshot = await source.read(call.signal)
    if (this.#history.isReplacedBy(snapshot)) {
      call.emit({ type: 'resynced', revision: String(snapshot.revision) })
      this.#history.restart()
    }
    for (const change of watch?.drain() ?? []) this.#apply(change)
    this.#apply(snapshot)
    return snapshot
  }

  #apply(snapshot: Snapshot): void {
    const { call, clock } = this.#context
    const revision = this.#history.advance(snapshot)
    if (revision === undefined) return
    const parsed = parseAddresses(snapshot.value)
    if (parsed.kind !== 'list') return this.#ignore(parsed.kind, revision)
    this.#ignored = undefined
    const before = this.#removalDelay.pendingRemovals.join()
    this.#publish(this.#removalDelay.store(parsed.addresses, revision, clock.now()))
    const missing = this.#removalDelay.pendingRemovals
    if (missing.length === 0 || missing.join() === before) return
    const untilMs = Math.max(0, Math.round(this.#removalDelay.dueAt - clock.now()))
    call.emit({ type: 'held', missing, untilMs })
  }

  /** Reports an unusable value once, and not at every read. */
  #ignore(reason: 'not-set' | 'invalid-value', revision: bigint): void {
    const ignored = reason === 'not-set' ? reason : `${reason} ${revision}`
    if (ignored === this.#ignored) return
    this.#ignored = ignored
    this.#context.call.emit({ type: 'ignored', reason, revision: String(revision) })
  }

  /** A value that is too large to be received is ignored as any other invalid value, and retried without limit. */
  #tolerateInvalidValue(error: unknown): unknown {
    if (!(error instanceof Failure && error.reason === 'invalid-value')) return error
    this.#ignore(error.reason, this.#history.revision)
    return new Failure(error.reason, error.message, { cause: error.cause, retryForMs: Infinity })
  }

  #publish(change: Change | undefined): void {
    if (change === undefined) return
    const { addresses, revision, added, removed } = change
    const list = addressList(addresses, String(revision), this.#probes)
    this.#context.call.emit({ type: 'changed', ...list, added, removed })
    this.#onChange(list)
    if (added.length > 0) this.#wakeProber?.()
  }

  /** Probes the addresses at intervals, and at once when there is a new one. It goes on during an outage of the source. */
  async #probeForever(): Promise<never> {
    const { call, prober } = this.#context
    for (;;) {
      await this.#untilNextProbes()
      const probes = await prober.probe(this.#removalDelay.addresses, call)
      const { addresses, revision } = this.#removalDelay
      const before = stateOf(addressList(addresses, String(revision), this.#probes))
      this.#probes = probes
      if (stateOf(addressList(addresses, String(revision), probes)) === before) continue
      this.#publish({ addresses, revision, added: [], removed: [] })
    }
  }

  #untilNextProbes(): Promise<void> {
    const { call, clock, prober } = this.#context
    return withLinkedAbort(call.signal, ({ signal }) => {
      const woken = new Promise<void>((resolve) => (this.#wakeProber = resolve))
      const probed = new Set(this.#probes?.map(({ address }) => address))
      if (this.#removalDelay.addresses.some((address) => !probed.has(address))) this.#wakeProber?.()
      return Promise.race([clock.sleep(prober.intervalMs, signal), woken])
    })
  }
}
