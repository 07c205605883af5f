import { addressList, parseAddresses } from './addresses.ts'
import type { AddressChange } from './addresses.ts'
import { systemClock } from './clock.ts'
import type { Clock } from './clock.ts'
import type { KeyWatch, Reading } from './key-watch.ts'
import { parseOptions } from './options.ts'
import type { Config, WatchOptions } from './options.ts'
import { Failure } from './reasons.ts'
import { firstList, resyncMs } from './resolve.ts'
import type { Found } from './resolve.ts'
import { retry } from './retry.ts'
import { Scope } from './scope.ts'
import { Session } from './session.ts'
import { Source } from './source.ts'
import { Tracker, difference } from './tracker.ts'

/** The list as it is, again and again: see {@link watchApiserverAddresses}. */
export interface ApiserverAddressWatch extends AsyncIterableIterator<AddressChange, undefined>, AsyncDisposable {
  /** Ends the watch: a pending `next()` is done at once. Resolves when nothing of it is left; never rejects. */
  close(): Promise<void>
}

/**
 * Follows the addresses of the Kubernetes apiservers: the current list first, as soon as it is complete, then every
 * change. A slow reader gets the latest state. What RKE2's writer does on the way (empty values, the same list again,
 * addresses that come and go while a server joins) is not seen.
 *
 * It starts with the first `next()`, and is ended by `break`, `close()`, `await using` or the signal, also while a
 * `next()` is pending. `minAddresses`, `expect`, `settleMs`, `timeoutMs` and `retry.maxAttempts` apply to the first list.
 *
 * @throws TypeError at once, for options that are unknown, of the wrong type or out of range
 * @throws ApiserverAddressError from `next()`: as {@link resolveApiserverAddresses} before the first list, and after it
 * `REJECTED` when asking again cannot help
 * @throws `signal.reason` from `next()`, when the signal is aborted
 */
export function watchApiserverAddresses(options: WatchOptions = {}): ApiserverAddressWatch {
  return new Watch(parseOptions(options, 'watch'), systemClock)
}

const closing = new Error('the watch was closed')

/** Written out by hand: a generator could not end while its `next()` is pending. */
export class Watch implements ApiserverAddressWatch {
  readonly #config: Config
  readonly #clock: Clock
  readonly #source: Source
  readonly #pending: PromiseWithResolvers<IteratorResult<AddressChange, undefined>>[] = []
  #session: Session | undefined
  #running: Promise<void> | undefined
  #tracker: Tracker | undefined
  #delivered: readonly string[] = []
  #failure: { readonly error: unknown } | undefined
  #over = false
  /** The newest revisions seen in this history: of the store, and of the key. */
  #revision = 0n
  #modRevision = 0n
  #ignored: string | undefined

  constructor(config: Config, clock: Clock, source: Source = new Source(config, clock)) {
    this.#config = config
    this.#clock = clock
    this.#source = source
  }

  next(): Promise<IteratorResult<AddressChange, undefined>> {
    if (!this.#over) this.#running ??= this.#run()
    const pending = Promise.withResolvers<IteratorResult<AddressChange, undefined>>()
    this.#pending.push(pending)
    this.#deliver()
    return pending.promise
  }

  async return(): Promise<IteratorReturnResult<undefined>> {
    await this.close()
    return { done: true, value: undefined }
  }

  async close(): Promise<void> {
    this.#over = true
    this.#session?.stop(closing)
    this.#deliver()
    await this.#running
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async #run(): Promise<void> {
    const session = (this.#session = new Session(this.#config, this.#clock))
    try {
      session.signal.throwIfAborted()
      session.startDeadline(this.#config.timeoutMs, () => this.#source.pending())
      const found = await firstList(session, this.#source, this.#config, this.#clock)
      session.stopDeadline()
      session.succeed()
      await this.#follow(session, found)
    } catch (error) {
      this.#end(session, error)
    } finally {
      this.#over = true
      this.#source.close()
      session.end()
      session.report({ type: 'closed' })
      this.#deliver()
    }
  }

  #end(session: Session, error: unknown): void {
    if (error !== closing) {
      this.#failure = { error }
      session.fail(error)
    } else if (this.#tracker === undefined) {
      session.fail(session.error('CLOSED'))
    }
  }

  async #follow(session: Session, found: Found): Promise<never> {
    const { addresses, reading } = found
    const tracker = (this.#tracker = new Tracker(addresses, reading.modRevision, this.#config.shrinkDelayMs))
    this.#revision = reading.revision
    this.#modRevision = reading.modRevision
    const { attempts, elapsedMs } = session
    session.report({ type: 'resolved', ...addressList(addresses, String(reading.modRevision)), attempts, elapsedMs })
    this.#deliver()

    let first: Found | undefined = found
    const attempt = async (): Promise<never> => {
      const { reading: current, watch: open } = first ?? {
        reading: await this.#read(session, tracker),
        watch: undefined,
      }
      first = undefined
      const watch = open ?? (await this.#source.watch(current.revision, session.signal))
      session.succeed()
      session.report({ type: 'connected', revision: String(current.revision) })
      try {
        return await this.#spell(session, tracker, watch)
      } catch (error) {
        if (error instanceof Failure) session.report({ type: 'disconnected', error })
        throw error
      } finally {
        watch.close()
      }
    }
    const wait = async ({ reason }: Failure) => ({
      early: reason === 'timeout' ? () => this.#source.whenConnected().then(() => 'connected' as const) : undefined,
    })
    const config = { ...this.#config, retry: { ...this.#config.retry, maxAttempts: Infinity } }
    return retry({ attempt, wait, subject: () => this.#source.fingerprint }, session, config, this.#clock)
  }

  /** Follows one stream until it ends: changes as they come, removals when they are due, a read now and then. */
  async #spell(session: Session, tracker: Tracker, watch: KeyWatch): Promise<never> {
    let resyncAt = this.#clock.now() + resyncMs(this.#clock)
    for (;;) {
      const scope = new Scope(session.signal)
      const dueAt = Math.min(resyncAt, tracker.dueAt)
      try {
        await Promise.race([
          watch.changed(scope.signal),
          this.#clock.sleep(Math.max(0, dueAt - this.#clock.now()), scope.signal),
        ])
      } finally {
        scope.end()
      }
      const change = watch.take()
      if (change !== undefined) this.#apply(session, tracker, change)
      if (this.#clock.now() >= resyncAt) {
        await this.#read(session, tracker)
        resyncAt = this.#clock.now() + resyncMs(this.#clock)
      }
      this.#tell(session, tracker.update(this.#clock.now()))
    }
  }

  async #read(session: Session, tracker: Tracker): Promise<Reading> {
    session.countAttempt()
    let reading
    try {
      reading = await this.#source.read(session.signal)
    } catch (error) {
      if (!(error instanceof Failure && error.reason === 'invalid-value')) throw error
      // Too large to be received: unusable as any other, and no reason to give up.
      this.#ignore(session, error.reason, this.#revision)
      throw new Failure(error.reason, error.message, { cause: error.cause, patienceMs: Infinity })
    }
    const rewound =
      reading.revision < this.#revision || (reading.modRevision > 0n && reading.modRevision < this.#modRevision)
    if (rewound) {
      this.#modRevision = 0n
      session.report({ type: 'resynced', revision: String(reading.revision) })
    }
    this.#revision = reading.revision
    this.#apply(session, tracker, reading)
    return reading
  }

  #apply(session: Session, tracker: Tracker, { value, modRevision, revision }: Reading): void {
    if (revision > this.#revision) this.#revision = revision
    if (value !== undefined && modRevision < this.#modRevision) return
    if (modRevision > this.#modRevision) this.#modRevision = modRevision
    const parsed = parseAddresses(value)
    if (parsed.kind !== 'list') return this.#ignore(session, parsed.kind, value === undefined ? revision : modRevision)
    this.#ignored = undefined
    const before = tracker.held.join()
    this.#tell(session, tracker.store(parsed.addresses, modRevision, this.#clock.now()))
    const missing = tracker.held
    if (missing.length === 0 || missing.join() === before) return
    session.report({ type: 'held', missing, untilMs: Math.max(0, Math.round(tracker.dueAt - this.#clock.now())) })
  }

  /** Tells an unusable value once, and not at every read. */
  #ignore(session: Session, reason: 'not-set' | 'invalid-value', revision: bigint): void {
    const ignored = reason === 'not-set' ? reason : `${reason} ${revision}`
    if (ignored === this.#ignored) return
    this.#ignored = ignored
    session.report({ type: 'ignored', reason, revision: String(revision) })
  }

  #tell(session: Session, change: ReturnType<Tracker['update']>): void {
    if (change === undefined) return
    const { addresses, revision, added, removed } = change
    session.report({ type: 'changed', ...addressList(addresses, String(revision)), added, removed })
    this.#deliver()
  }

  /** Gives readers what there is: the latest state, if it differs from the last one given, or the end. */
  #deliver(): void {
    while (this.#pending.length > 0) {
      if (this.#over) {
        const failure = this.#failure
        this.#failure = undefined
        if (failure === undefined) this.#pending.shift()?.resolve({ done: true, value: undefined })
        else this.#pending.shift()?.reject(failure.error)
        continue
      }
      const tracker = this.#tracker
      if (tracker === undefined) return
      const { addresses, revision } = tracker
      const { added, removed } = difference(this.#delivered, addresses)
      if (added.length === 0 && removed.length === 0) return
      this.#delivered = addresses
      const value = Object.freeze({ ...addressList(addresses, String(revision)), added, removed })
      this.#pending.shift()?.resolve({ done: false, value })
    }
  }
}
