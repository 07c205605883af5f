import { addressList, stateOf } from '../addresses/list.ts'
import type { AddressList, ProbedAddress } from '../addresses/list.ts'
import { parseAddresses } from '../addresses/parse.ts'
import { Failure } from '../sources/failure.ts'
import type { Snapshot, SourceKind, SourceWatch } from '../sources/source.ts'
import { withLinkedAbort } from '../util/abort.ts'
import { relistMs, whenConnected } from './context.ts'
import type { CallContext } from './context.ts'
import { listRevision, StoreHistory } from './history.ts'
import { ProbeLoop } from './probe-loop.ts'
import { RemovalDelay } from './removal-delay.ts'
import type { Change } from './removal-delay.ts'
import { retry } from './retry.ts'
import { retriedForLonger } from './tolerance.ts'
import type { CompleteList } from './wait-for-list.ts'

/** Follows the list from the first complete one: reads, watches, and reads again when the watch ends. */
export class Reflector {
  readonly #context: CallContext
  readonly #onChange: (list: AddressList) => void
  readonly #removalDelay: RemovalDelay
  readonly #history: StoreHistory
  readonly #source: SourceKind
  /** The first list, until it has been used. */
  #first: CompleteList | undefined
  /** Identifies the unusable value that was reported last. */
  #ignored: string | undefined
  #probes: readonly ProbedAddress[] | undefined
  readonly #probeLoop: ProbeLoop

  /** @param onChange receives the list whenever it has changed */
  constructor(context: CallContext, first: CompleteList, onChange: (list: AddressList) => void) {
    const { addresses, snapshot, probes } = first
    this.#source = first.source
    this.#context = context
    this.#onChange = onChange
    const shrinkDelayMs = context.config.shrinkDelayMs ?? context.source.shrinkDelayMs
    this.#removalDelay = new RemovalDelay(addresses, snapshot.modRevision, shrinkDelayMs)
    this.#history = new StoreHistory(snapshot)
    this.#first = first
    this.#probes = probes
    const list = () => this.#removalDelay.addresses
    this.#probeLoop = new ProbeLoop(context, list, probes, (results) => this.#onProbes(results))
  }

  /**
   * Runs until the call ends.
   *
   * @throws ApiserverAddressError `REJECTED` when retrying cannot help
   * @throws the reason of the call's signal
   */
  run(): Promise<never> {
    const { prober, source } = this.#context
    const following = retry(
      {
        attempt: (onSuccess) => this.#listAndWatch(onSuccess),
        wait: async ({ reason }) => ({ early: whenConnected(source, reason) }),
        // The option limits the reads before the first list only.
        maxAttempts: Infinity,
      },
      this.#context,
    )
    return prober.enabled ? Promise.race([following, this.#probeLoop.run()]) : following
  }

  /** Reads the list and follows it until the watch ends or a read fails. The first list has been read already. */
  async #listAndWatch(onSuccess: () => void): Promise<never> {
    const { call, source } = this.#context
    const first = this.#first
    this.#first = undefined
    try {
      const { revision } = first?.snapshot ?? (await this.#read())
      const watch = first?.watch ?? (await source.watch(revision, call.signal))
      return await this.#follow(watch, onSuccess)
    } catch (error) {
      // The value was too large to be received, and is ignored as any other invalid value.
      if (error instanceof Failure && error.reason === 'invalid-value') {
        this.#ignore(error.reason, this.#history.revision)
      }
      throw retriedForLonger(error)
    }
  }

  async #follow(first: SourceWatch, onSuccess: () => void): Promise<never> {
    const { call, source } = this.#context
    let watch = first
    try {
      call.succeed()
      onSuccess()
      call.emit({ type: 'connected', revision: String(this.#removalDelay.revision) })
      for (;;) {
        const revision = await this.#applyChanges(watch)
        watch.close()
        watch = await source.watch(revision, call.signal)
      }
    } catch (error) {
      if (error instanceof Failure) call.emit({ type: 'disconnected', error })
      throw error
    } finally {
      watch.close()
    }
  }

  /**
   * Applies changes as they come, and reads the list now and then, and before a removal. Resolves with the revision from
   * which to watch when the watch is over, or the history was replaced: a watch of the old history may be silent for long.
   */
  async #applyChanges(watch: SourceWatch): Promise<bigint> {
    const { clock } = this.#context
    let relistAt = clock.now() + relistMs(clock)
    for (;;) {
      await this.#changedOrDue(watch, Math.min(relistAt, this.#removalDelay.dueAt))
      for (const change of watch.drain()) this.#apply(change)
      if (!watch.isOver && clock.now() < Math.min(relistAt, this.#removalDelay.dueAt)) continue
      const { revision, isNewHistory } = await this.#read(watch)
      if (isNewHistory || watch.isOver) return revision
      relistAt = clock.now() + relistMs(clock)
    }
  }

  #changedOrDue(watch: SourceWatch, dueAt: number): Promise<void> {
    const { call, clock } = this.#context
    return withLinkedAbort(call.signal, ({ signal }) =>
      Promise.race([watch.changed(signal), clock.sleep(Math.max(0, dueAt - clock.now()), signal)]),
    )
  }

  /**
   * Reads the list and applies it. Only a read publishes removals: while this process was stopped, or its event loop was
   * blocked, the address may have come back. If the read finds a list that the watch has not delivered, the delay of every
   * pending removal starts again, because a removed address may have been back.
   *
   * @param watch its changes during the read are applied before the snapshot
   */
  async #read(watch?: SourceWatch): Promise<{ readonly revision: bigint; readonly isNewHistory: boolean }> {
    const { call, clock, source } = this.#context
    const startedAt = clock.now()
    call.countAttempt()
    const snapshot = await source.read(call.signal)
    const isNewHistory = this.#history.isReplacedBy(snapshot)
    // Changes of the old history would count as newer than the snapshot.
    const drain = () => (isNewHistory ? [] : (watch?.drain() ?? []))
    if (isNewHistory) {
      call.emit({ type: 'resynced', revision: String(listRevision(snapshot)) })
      this.#history.restart()
    }
    for (const change of drain()) this.#apply(change)
    this.#apply(snapshot, this.#history.isBehind(snapshot))
    if (this.#removalDelay.dueAt <= startedAt) {
      // A turn of the event loop, for the changes that have arrived right after the response.
      await clock.sleep(0, call.signal)
      for (const change of drain()) this.#apply(change)
      this.#publish(this.#removalDelay.removeDue(startedAt))
    }
    return { revision: snapshot.revision, isNewHistory }
  }

  #apply(snapshot: Snapshot, mayHaveMissed = false): void {
    const { call, clock } = this.#context
    const revision = this.#history.advance(snapshot)
    if (revision === undefined) return
    const now = clock.now()
    const before = this.#removalDelay.pendingRemovals(now).addresses
    if (mayHaveMissed) this.#removalDelay.restart(now)
    const parsed = parseAddresses(snapshot.value, snapshot.absence)
    if (parsed.kind !== 'list') return this.#ignore(parsed.kind, revision)
    this.#ignored = undefined
    this.#publish(this.#removalDelay.store(parsed.addresses, revision, now))
    const { addresses: missing, untilMs } = this.#removalDelay.pendingRemovals(now)
    if (missing.length === 0 || missing.join() === before.join()) return
    call.emit({ type: 'held', missing, untilMs: Math.round(untilMs) })
  }

  /** Reports an unusable value once, and not at every read. */
  #ignore(reason: 'not-set' | 'invalid-value', revision: bigint): void {
    const ignored = reason === 'not-set' ? reason : `${reason} ${revision}`
    if (ignored === this.#ignored) return
    this.#ignored = ignored
    this.#context.call.emit({ type: 'ignored', reason, revision: String(revision) })
  }

  #publish(change: Change | undefined): void {
    if (change === undefined) return
    const { added, removed } = change
    if (removed.length > 0) this.#probes = this.#probes?.filter(({ address }) => !removed.includes(address))
    const list = addressList(change.addresses, this.#source, String(change.revision), this.#probes)
    this.#context.call.emit({ type: 'changed', ...list, added, removed })
    this.#onChange(list)
    if (added.length > 0) this.#probeLoop.wake()
  }

  /** Publishes the list again if the state of an address has changed. */
  #onProbes(probes: readonly ProbedAddress[]): void {
    const { addresses, revision } = this.#removalDelay
    const before = stateOf(addressList(addresses, this.#source, String(revision), this.#probes))
    this.#probes = probes
    if (stateOf(addressList(addresses, this.#source, String(revision), probes)) === before) return
    this.#publish({ addresses, revision, added: [], removed: [] })
  }
}
