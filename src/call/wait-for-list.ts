import { parseAddresses, prepareToParse } from '../addresses/addresses.ts'
import type { ProbedAddress } from '../addresses/addresses.ts'
import type { Prober } from '../probe/prober.ts'
import type { EtcdSource } from '../sources/etcd/etcd-source.ts'
import type { Snapshot, SourceWatch } from '../sources/etcd/watch-stream.ts'
import { Failure } from '../sources/reasons.ts'
import type { Clock } from '../util/clock.ts'
import type { Call } from './call.ts'
import { Completeness } from './completeness.ts'
import type { Shortfall } from './completeness.ts'
import type { Config } from './config.ts'
import { retry } from './retry.ts'
import type { Wait } from './retry.ts'

/** A complete list, and the watch that has followed the key so far, if there is one. */
export interface CompleteList {
  readonly addresses: readonly string[]
  readonly reading: Snapshot
  readonly watch: SourceWatch | undefined
  /** With `probe`: the state of each address. */
  readonly probes: readonly ProbedAddress[] | undefined
}

/** What a call and a watch work with. */
export interface CallContext {
  readonly call: Call
  readonly source: EtcdSource
  readonly prober: Prober
  readonly config: Config
  readonly clock: Clock
}

/** While a watch stands, the key is read again only this seldom, in case it went silent without a word. */
export const resyncMs = (clock: Clock): number => 60_000 * (1 + clock.random() / 2)

/** Waits for the first complete list: the part that a call and a watch have in common. */
export class ListWait {
  readonly #call: Call
  readonly #source: EtcdSource
  readonly #prober: Prober
  readonly #config: Config
  readonly #clock: Clock
  readonly #completeness: Completeness
  #reading: Snapshot | undefined
  #watch: SourceWatch | undefined
  #settlesInMs: number | undefined
  /** The list is complete, and too little of it alive. */
  #dead = false
  #resyncAt = 0
  #woken = false
  /** That brought nothing newer: one is a change that the read has overtaken, and more are a broken etcd's. */
  #idleWakes = 0

  constructor({ call, source, prober, config, clock }: CallContext) {
    this.#call = call
    this.#source = source
    this.#prober = prober
    this.#config = config
    this.#clock = clock
    this.#completeness = new Completeness(config)
  }

  /** @throws ApiserverAddressError, or the reason with which the session ends: see `retry` */
  async find(): Promise<CompleteList> {
    const attempts = {
      attempt: () => this.#attempt(),
      wait: (failure: Failure) => this.#wait(failure),
      subject: () => this.#source.fingerprint,
    }
    try {
      return await retry(attempts, this.#call, this.#config, this.#clock)
    } catch (error) {
      this.#drop(this.#watch)
      throw error
    }
  }

  async #attempt(): Promise<CompleteList> {
    const latest = this.#pushed() ?? this.#standing()
    if (!this.#woken) this.#idleWakes = 0
    else if (latest === undefined) this.#idleWakes++
    this.#woken = false
    this.#dead = false
    let reading = (this.#reading = latest ?? (await this.#read()))
    let addresses = this.#check(reading)
    let probes: readonly ProbedAddress[] | undefined
    // Probing takes its time, in which the list may change: what counts in the end is the list as it is then.
    for (let probed = ''; this.#prober.enabled && probed !== addresses.join(); addresses = this.#check(reading)) {
      probed = addresses.join()
      probes = await this.#prober.probe(addresses, this.#call)
      reading = this.#reading = this.#pushed() ?? reading
    }
    if (probes !== undefined) {
      const shortfall = this.#completeness.checkAlive(probes)
      this.#dead = shortfall !== undefined
      this.#require(shortfall)
    }
    return { addresses, reading, watch: this.#watch, probes }
  }

  /** What the watch has delivered is committed, and newer than the last reading: another read would only cost time. */
  #pushed(): Snapshot | undefined {
    const change = this.#watch?.drain().at(-1)
    return change !== undefined && change.modRevision > (this.#reading?.revision ?? 0n) ? change : undefined
  }

  /** While a watch stands, dead servers are asked again, and not etcd. */
  #standing(): Snapshot | undefined {
    return this.#dead && this.#followed && this.#clock.now() < this.#resyncAt ? this.#reading : undefined
  }

  /** A watch makes reads unnecessary, unless they are counted: whoever counts them wants them made. */
  get #followed(): boolean {
    return this.#watch !== undefined && this.#config.retry.maxAttempts === Infinity
  }

  #read(): Promise<Snapshot> {
    this.#call.countAttempt()
    this.#resyncAt = this.#clock.now() + resyncMs(this.#clock)
    return this.#source.read(this.#call.signal)
  }

  #check(reading: Snapshot): readonly string[] {
    const parsed = parseAddresses(reading.value)
    if (parsed.kind !== 'list') {
      this.#completeness.reset()
      throw new Failure(parsed.kind, `${this.#source.endpoint}: ${parsed.message}`)
    }
    this.#require(this.#completeness.check(parsed.addresses, reading, this.#clock.now()))
    return parsed.addresses
  }

  #require(shortfall: Shortfall | undefined): void {
    this.#settlesInMs = shortfall?.settlesInMs
    if (shortfall === undefined) return
    const { message, missing } = shortfall
    throw new Failure('incomplete', `${this.#source.endpoint}: ${message}`, { missing })
  }

  async #wait({ reason }: Failure): Promise<Wait> {
    if (reason !== 'not-set' && reason !== 'incomplete') {
      this.#drop(this.#watch)
      const connected = () => this.#source.whenConnected().then(() => 'connected' as const)
      return { early: reason === 'timeout' ? connected : undefined }
    }
    prepareToParse()
    // Without a watch, the backoff gets there all the same.
    const watch = (this.#watch ??= await this.#source
      .watch(this.#reading?.revision ?? 0n, this.#call.signal)
      .catch(() => undefined))
    const watching = watch !== undefined && this.#idleWakes <= 1
    // No watch tells that a server came alive, and a list that settles is looked at when it has.
    const patient = watching && this.#followed && !this.#dead ? resyncMs(this.#clock) : undefined
    const settling = reason === 'incomplete' ? this.#settlesInMs : undefined
    return {
      watching,
      early: watching ? (signal) => this.#changed(watch, signal) : undefined,
      delayMs: settling === undefined ? patient : Math.min(settling, patient ?? Infinity),
    }
  }

  async #changed(watch: SourceWatch, signal: AbortSignal): Promise<'key-changed'> {
    try {
      await watch.changed(signal)
      this.#woken = true
      return 'key-changed'
    } catch (error) {
      if (!signal.aborted) this.#drop(watch)
      throw error
    }
  }

  #drop(lost: SourceWatch | undefined): void {
    lost?.close()
    if (this.#watch === lost) this.#watch = undefined
  }
}
