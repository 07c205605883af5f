import { addressList, difference, stateOf } from './addresses/list.ts'
import type { AddressChange, AddressList } from './addresses/list.ts'
import { Call } from './call/call.ts'
import { parseOptions } from './call/config.ts'
import type { Config } from './call/config.ts'
import { pendingFailure } from './call/context.ts'
import { Reflector } from './call/reflector.ts'
import { waitForList } from './call/wait-for-list.ts'
import type { WatchOptions } from './options.ts'
import type { Probe } from './probe/probe.ts'
import { Prober } from './probe/prober.ts'
import type { ReadServerCa } from './probe/server-ca.ts'
import { SelectedSource } from './sources/selected-source.ts'
import type { Source } from './sources/source.ts'
import { systemClock } from './util/clock.ts'
import type { Clock } from './util/clock.ts'
import { CloseableIterator, done } from './util/closeable-iterator.ts'

/** The changes of the list, see {@link watchApiserverAddresses}. */
export interface ApiserverAddressWatch extends AsyncIterableIterator<AddressChange, undefined>, AsyncDisposable {
  /** Ends the watch, and a pending `next()` with it. Resolves when everything is closed; never rejects. */
  close(): Promise<void>
}

/**
 * Follows the addresses of the Kubernetes apiservers: it yields the current list when that is complete, then every change.
 *
 * A slow reader gets the latest state. Empty values, writes of the same list, and addresses that come and go while a
 * server joins are not yielded.
 *
 * The watch starts with the first `next()`. `break`, `close()`, `await using` and the signal end it, also while a `next()`
 * is pending. `minAddresses`, `expect`, `settleMs`, `timeoutMs` and `retry.maxAttempts` apply to the first list only.
 *
 * @throws TypeError at once, for options that are unknown, of the wrong type or out of range
 * @throws ApiserverAddressError from `next()`: before the first list as {@link resolveApiserverAddresses} does, after it
 * with the code `REJECTED` when retrying cannot help
 * @throws `signal.reason` from `next()`, when the signal is aborted
 */
export function watchApiserverAddresses(options: WatchOptions = {}): ApiserverAddressWatch {
  return new Watch(parseOptions(options, 'watch'), systemClock)
}

/**
 * The type of {@link watchApiserverAddresses} for a program that is given the function, so that its tests can give another.
 * An async generator function fits.
 */
export type WatchApiserverAddresses = (options?: WatchOptions) => AsyncIterable<AddressChange>

type Result = IteratorResult<AddressChange, undefined>

const closing = new Error('the watch was closed')

/** The iterator. It is no generator, because a generator cannot end while its `next()` is pending. @internal */
export class Watch extends CloseableIterator<AddressChange> implements ApiserverAddressWatch {
  readonly #config: Config
  readonly #clock: Clock
  readonly #source: Source
  readonly #prober: Prober
  /** The calls of `next()` that have no result yet. */
  readonly #readers: PromiseWithResolvers<Result>[] = []
  #call: Call | undefined
  #running: Promise<void> | undefined
  #latest: AddressList | undefined
  #yielded: AddressList | undefined
  #failure: { readonly error: unknown } | undefined
  #over = false

  constructor(
    config: Config,
    clock: Clock,
    source: Source = new SelectedSource(config, clock),
    probe?: Probe,
    readServerCa?: ReadServerCa,
  ) {
    super()
    this.#config = config
    this.#clock = clock
    this.#source = source
    this.#prober = new Prober(config, source, clock, probe, readServerCa)
  }

  next(): Promise<Result> {
    if (!this.#over) this.#running ??= this.#run()
    const reader = Promise.withResolvers<Result>()
    this.#readers.push(reader)
    this.#yield()
    return reader.promise
  }

  async close(): Promise<void> {
    this.#over = true
    this.#failure = undefined
    this.#call?.stop(closing)
    this.#yield()
    await this.#running
  }

  async #run(): Promise<void> {
    const [config, clock, source, prober] = [this.#config, this.#clock, this.#source, this.#prober]
    let call: Call | undefined
    try {
      call = this.#call = new Call(config, clock, source)
      const context = { call, source, prober, config, clock }
      call.startDeadline(config.timeoutMs, (last) => pendingFailure(context, last))
      const first = await waitForList(context)
      call.stopDeadline()
      call.succeed()
      const list = addressList(first.addresses, first.source, String(first.snapshot.modRevision), first.probes)
      const { attempts, elapsedMs } = call
      call.emit({ type: 'resolved', ...list, attempts, elapsedMs })
      this.#setLatest(list)
      await new Reflector(context, first, (changed) => this.#setLatest(changed)).run()
    } catch (error) {
      this.#fail(call, error)
    } finally {
      this.#over = true
      source.close()
      call?.end()
      call?.emit({ type: 'closed' })
      this.#yield()
    }
  }

  #setLatest(list: AddressList): void {
    this.#latest = list
    this.#yield()
  }

  /** @param call `undefined` if it could not be created, because the caller's signal takes no listener */
  #fail(call: Call | undefined, error: unknown): void {
    if (error !== closing) {
      if (!this.#over) this.#failure = { error }
      call?.fail(error)
    } else if (this.#latest === undefined) {
      call?.fail(call.error('CLOSED'))
    }
  }

  /** Gives each pending `next()` the latest list, if it differs from the one yielded before, or the end. */
  #yield(): void {
    for (const reader of this.#readers.splice(0)) {
      const result = this.#nextResult()
      if (result === undefined) this.#readers.push(reader)
      else if ('error' in result) reader.reject(result.error)
      else reader.resolve(result)
    }
  }

  #nextResult(): Result | { readonly error: unknown } | undefined {
    if (this.#over) {
      const failure = this.#failure
      this.#failure = undefined
      return failure ?? done
    }
    if (this.#latest === undefined) return undefined
    const before = this.#yielded
    if (before !== undefined && stateOf(before) === stateOf(this.#latest)) return undefined
    const change = difference(before?.addresses ?? [], this.#latest.addresses)
    this.#yielded = this.#latest
    return { done: false, value: Object.freeze({ ...this.#latest, ...change }) }
  }
}
