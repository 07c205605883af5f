import type { ProbedAddress } from '../addresses/list.ts'
import { parseAddresses } from '../addresses/parse.ts'
import { Failure } from '../sources/failure.ts'
import type { Snapshot, SourceKind, SourceWatch } from '../sources/source.ts'
import { Completeness } from './completeness.ts'
import type { Shortfall } from './completeness.ts'
import { relistMs, whenConnected } from './context.ts'
import type { CallContext } from './context.ts'
import { StoreHistory } from './history.ts'
import { rehearseWakeUp } from './rehearse.ts'
import { retry } from './retry.ts'
import type { Wait } from './retry.ts'

/** A complete list, with the watch that has followed it so far, if there is one. */
export interface CompleteList {
  readonly addresses: readonly string[]
  readonly snapshot: Snapshot
  readonly source: SourceKind
  readonly watch: SourceWatch | undefined
  /** With `probe`: the state of each address. */
  readonly probes: readonly ProbedAddress[] | undefined
}

/** What the last attempt has found. It decides how to wait for the next one. */
type ListState =
  /** No attempt has ended yet, or the last one got no answer. */
  | { readonly name: 'unread' }
  /** The source has answered, and the list does not exist or is incomplete. Only a write helps. */
  | { readonly name: 'short' }
  /** The list has every address that is required, and must stay the same until `settleMs` is over. */
  | { readonly name: 'settling'; readonly settlesAt: number }
  /** The list is complete, and too few of its addresses are alive. A write or the next round of probes helps. */
  | { readonly name: 'dead' }
  | { readonly name: 'complete' }

/**
 * Waits for the first complete list of a call or a watch.
 *
 * @throws ApiserverAddressError or the reason of the call's signal, see `retry`
 */
export function waitForList(context: CallContext): Promise<CompleteList> {
  return new ListWait(context).run()
}

class ListWait {
  readonly #context: CallContext
  readonly #completeness: Completeness
  #state: ListState = { name: 'unread' }
  #snapshot: Snapshot | undefined
  #watch: SourceWatch | undefined
  #relistAt = 0
  #wokenByWatch = false
  /** Consecutive wake-ups without a newer revision. One is normal (the read was newer); more mean a broken server. */
  #emptyWakeUps = 0

  constructor(context: CallContext) {
    this.#context = context
    this.#completeness = new Completeness(context.config)
  }

  async run(): Promise<CompleteList> {
    const attempt = () => this.#attempt()
    const wait = (failure: Failure) => this.#wait(failure)
    try {
      return await retry({ attempt, wait, maxAttempts: this.#context.config.retry.maxAttempts }, this.#context)
    } catch (error) {
      this.#dropWatch(this.#watch)
      throw error
    }
  }

  async #attempt(): Promise<CompleteList> {
    const pushed = this.#pushedSnapshot()
    const known = pushed ?? this.#snapshotToProbeAgain()
    this.#countWakeUp(pushed !== undefined)
    this.#state = { name: 'unread' }
    let snapshot = (this.#snapshot = known ?? (await this.#read()))
    let addresses = this.#check(snapshot)
    let probes: readonly ProbedAddress[] | undefined
    // Probes take time in which the list may change, so they are repeated until they match the list.
    const { call, prober } = this.#context
    for (let probed = ''; prober.enabled && probed !== addresses.join(); addresses = this.#check(snapshot)) {
      probed = addresses.join()
      probes = await prober.probe(addresses, call)
      snapshot = this.#snapshot = this.#pushedSnapshot() ?? snapshot
    }
    const shortfall = probes && this.#completeness.checkAlive(probes)
    if (shortfall !== undefined) throw this.#incomplete(shortfall, { name: 'dead' })
    this.#state = { name: 'complete' }
    // A source that has answered is decided.
    const { kind = 'etcd' } = this.#context.source
    return { addresses, snapshot, source: kind, watch: this.#watch, probes }
  }

  /** Returns the newest change of the watch if it is newer than the last snapshot: it is committed, so no read is needed. */
  #pushedSnapshot(): Snapshot | undefined {
    const change = this.#watch?.drain().at(-1)
    return change !== undefined && change.modRevision > (this.#snapshot?.revision ?? 0n) ? change : undefined
  }

  /** While a watch is open, dead addresses are probed again without another read. */
  #snapshotToProbeAgain(): Snapshot | undefined {
    const isFresh = this.#isFollowed && this.#context.clock.now() < this.#relistAt
    return this.#state.name === 'dead' && isFresh ? this.#snapshot : undefined
  }

  #countWakeUp(foundSnapshot: boolean): void {
    if (!this.#wokenByWatch) this.#emptyWakeUps = 0
    else if (!foundSnapshot) this.#emptyWakeUps++
    this.#wokenByWatch = false
  }

  /** Whether a watch makes reads unnecessary. With `maxAttempts`, the caller wants the reads to be made. */
  get #isFollowed(): boolean {
    return this.#watch !== undefined && this.#context.config.retry.maxAttempts === Infinity
  }

  async #read(): Promise<Snapshot> {
    const { call, clock, source } = this.#context
    call.countAttempt()
    this.#relistAt = clock.now() + relistMs(clock)
    const snapshot = await source.read(call.signal)
    const isNewHistory = this.#snapshot !== undefined && new StoreHistory(this.#snapshot).isReplacedBy(snapshot)
    // A watch of the old history may be silent for long.
    if (isNewHistory) this.#dropWatch(this.#watch)
    return snapshot
  }

  /** Returns the addresses of a complete list, and throws a failure for any other value. */
  #check(snapshot: Snapshot): readonly string[] {
    const { clock, source } = this.#context
    const parsed = parseAddresses(snapshot.value, snapshot.absence)
    if (parsed.kind !== 'list') {
      this.#completeness.reset()
      this.#state = { name: 'short' }
      throw new Failure(parsed.kind, `${source.endpoint}: ${parsed.message}`)
    }
    const now = clock.now()
    const shortfall = this.#completeness.check(parsed.addresses, snapshot, now)
    if (shortfall === undefined) return parsed.addresses
    const { settlesInMs } = shortfall
    throw this.#incomplete(
      shortfall,
      settlesInMs === undefined ? { name: 'short' } : { name: 'settling', settlesAt: now + settlesInMs },
    )
  }

  #incomplete({ message, missing }: Shortfall, state: ListState): Failure {
    this.#state = state
    return new Failure('incomplete', `${this.#context.source.endpoint}: ${message}`, { missing })
  }

  async #wait({ reason }: Failure): Promise<Wait> {
    const { clock, source } = this.#context
    if (reason !== 'not-set' && reason !== 'incomplete') {
      this.#dropWatch(this.#watch)
      return { early: whenConnected(source, reason) }
    }
    void rehearseWakeUp(this.#context.config)
    const watch = (this.#watch ??= await this.#openWatch())
    // Without a usable watch, the backoff decides when the key is read again.
    if (watch === undefined || this.#emptyWakeUps > 1) return { watching: false, delayMs: this.#settlesInMs }
    const early = (signal: AbortSignal) => this.#whenChanged(watch, signal)
    // No watch reports that an apiserver has come alive.
    const longestMs = this.#isFollowed && this.#state.name !== 'dead' ? relistMs(clock) : undefined
    const settlesInMs = this.#settlesInMs
    const delayMs = settlesInMs === undefined ? longestMs : Math.min(settlesInMs, longestMs ?? Infinity)
    return { watching: true, early, delayMs }
  }

  get #settlesInMs(): number | undefined {
    return this.#state.name === 'settling' ? this.#state.settlesAt - this.#context.clock.now() : undefined
  }

  #openWatch(): Promise<SourceWatch | undefined> {
    const { call, source } = this.#context
    return source.watch(this.#snapshot?.revision ?? 0n, call.signal).catch(() => undefined)
  }

  async #whenChanged(watch: SourceWatch, signal: AbortSignal): Promise<'key-changed'> {
    try {
      await watch.changed(signal)
      this.#wokenByWatch = !watch.isOver
      if (watch.isOver) this.#dropWatch(watch)
      return 'key-changed'
    } catch (error) {
      if (!signal.aborted) this.#dropWatch(watch)
      throw error
    }
  }

  #dropWatch(watch: SourceWatch | undefined): void {
    watch?.close()
    if (this.#watch === watch) this.#watch = undefined
  }
}
