import { addressList, stateOf } from './addresses/addresses.ts'
import type { AddressChange, AddressList } from './addresses/addresses.ts'
import { Call } from './call/call.ts'
import { parseOptions } from './call/config.ts'
import type { Config } from './call/config.ts'
import { Reflector } from './call/reflector.ts'
import { difference } from './call/removal-delay.ts'
import { ListWait } from './call/wait-for-list.ts'
import type { WatchOptions } from './options.ts'
import type { Probe } from './probe/probe.ts'
import { Prober } from './probe/prober.ts'
import { EtcdSource } from './sources/etcd/etcd-source.ts'
import { systemClock } from './util/clock.ts'
import type { Clock } from './util/clock.ts'

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

type Result = IteratorResult<AddressChange, undefined>

const done: IteratorReturnResult<undefined> = Object.freeze({ done: true, value: undefined })
const closing = new Error('the watch was closed')

/** Written out by hand: a generator could not end while its `next()` is pending. @internal */
export class Watch implements ApiserverAddressWatch {
  readonly #config: Config
  readonly #clock: Clock
  readonly #source: EtcdSource
  readonly #prober: Prober
  readonly #pending: PromiseWithResolvers<Result>[] = []
  #call: Call | undefined
  #running: Promise<void> | undefined
  #latest: AddressList | undefined
  #delivered: AddressList | undefined
  #failure: { readonly error: unknown } | undefined
  #over = false

  constructor(config: Config, clock: Clock, source: EtcdSource = new EtcdSource(config, clock), ask?: Probe) {
    this.#config = config
    this.#clock = clock
    this.#source = source
    this.#prober = new Prober(config, clock, ask)
  }

  next(): Promise<Result> {
    if (!this.#over) this.#running ??= this.#run()
    const pending = Promise.withResolvers<Result>()
    this.#pending.push(pending)
    this.#deliver()
    return pending.promise
  }

  async return(): Promise<IteratorReturnResult<undefined>> {
    await this.close()
    return done
  }

  async close(): Promise<void> {
    this.#over = true
    this.#failure = undefined
    this.#call?.stop(closing)
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
    const [config, clock, source, prober] = [this.#config, this.#clock, this.#source, this.#prober]
    const call = (this.#call = new Call(config, clock))
    const parts = { call, source, prober, config, clock }
    const tell = (list: AddressList) => {
      this.#latest = list
      this.#deliver()
    }
    try {
      call.startDeadline(config.timeoutMs, (last) => prober.pending(last) ?? last ?? source.pending())
      const found = await new ListWait(parts).find()
      call.stopDeadline()
      call.succeed()
      const list = addressList(found.addresses, String(found.reading.modRevision), found.probes)
      const { attempts, elapsedMs } = call
      call.emit({ type: 'resolved', ...list, attempts, elapsedMs })
      tell(list)
      await new Reflector({ ...parts, tell }, found).run()
    } catch (error) {
      this.#end(call, error)
    } finally {
      this.#over = true
      source.close()
      call.end()
      call.emit({ type: 'closed' })
      this.#deliver()
    }
  }

  #end(call: Call, error: unknown): void {
    if (error !== closing) {
      if (!this.#over) this.#failure = { error }
      call.fail(error)
    } else if (this.#latest === undefined) {
      call.fail(call.error('CLOSED'))
    }
  }

  /** Gives readers what there is: the latest list, if it differs from the last one given, or the end. */
  #deliver(): void {
    for (const pending of this.#pending.splice(0)) {
      const result = this.#take()
      if (result === undefined) this.#pending.push(pending)
      else if ('error' in result) pending.reject(result.error)
      else pending.resolve(result)
    }
  }

  #take(): Result | { readonly error: unknown } | undefined {
    if (this.#over) {
      const failure = this.#failure
      this.#failure = undefined
      return failure ?? done
    }
    if (this.#latest === undefined) return undefined
    const before = this.#delivered
    if (before !== undefined && stateOf(before) === stateOf(this.#latest)) return undefined
    const change = difference(before?.addresses ?? [], this.#latest.addresses)
    this.#delivered = this.#latest
    return { done: false, value: Object.freeze({ ...this.#latest, ...change }) }
  }
}
