import type { SecureContext } from 'node:tls'
import { normalizeAddress } from '../addresses/host-port.ts'
import type { ResolvedAddresses } from '../addresses/list.ts'
import { parseOptions } from '../call/config.ts'
import type { Config } from '../call/config.ts'
import type { Reason } from '../errors.ts'
import type { ApiserverAddressEvent } from '../events.ts'
import type { ResolveOptions, WatchOptions } from '../options.ts'
import type { Probe } from '../probe/probe.ts'
import type { ReadServerCa } from '../probe/server-ca.ts'
import { resolve } from '../resolve.ts'
import { systemClock } from '../util/clock.ts'
import type { Clock } from '../util/clock.ts'
import { excerpt } from '../util/text.ts'
import { Watch } from '../watch.ts'
import type { ApiserverAddressWatch } from '../watch.ts'
import type { FakeApiservers, FakeOptions, OpenCall } from './api.ts'
import { ManualClock } from './manual-clock.ts'
import { MemorySource } from './memory-source.ts'
import { checkReason, Store } from './store.ts'

/** No certificate is verified, and the probes say that all are. */
const readServerCa: ReadServerCa = async () => ({ context: {} as SecureContext })

/** The fake itself. Its functions are fields, so that each can be used by itself. */
export class Fake implements FakeApiservers {
  readonly #store = new Store()
  readonly #clock: Clock
  readonly #manualClock: ManualClock | undefined
  readonly #dead = new Set<string>()
  readonly #open = new Set<OpenCall>()

  constructor({ manualTime = false }: FakeOptions) {
    this.#manualClock = manualTime ? new ManualClock() : undefined
    this.#clock = this.#manualClock ?? systemClock
  }

  get calls(): readonly OpenCall[] {
    return Object.freeze([...this.#open])
  }

  readonly resolveApiserverAddresses = async (options: ResolveOptions = {}): Promise<ResolvedAddresses> => {
    const config = withListener(parseOptions(options, 'resolve'), () => {})
    const end = this.#start({ kind: 'resolve', options })
    try {
      return await resolve(config, this.#clock, new MemorySource(this.#store, config), this.#probe, readServerCa)
    } finally {
      end()
    }
  }

  readonly watchApiserverAddresses = (options: WatchOptions = {}): ApiserverAddressWatch => {
    const checked = parseOptions(options, 'watch')
    const end = this.#start({ kind: 'watch', options })
    const config = withListener(checked, ({ type }) => type === 'closed' && end())
    const source = new MemorySource(this.#store, config)
    return new FakeWatch(end, config, this.#clock, source, this.#probe, readServerCa)
  }

  readonly set = (addresses: readonly string[]): void => {
    if (!Array.isArray(addresses)) throw new TypeError(`set() takes an array of host:port, got ${excerpt(addresses)}`)
    this.#store.write(addresses.map((address) => checkAddress('set', address)))
  }

  readonly unset = (): void => this.#store.write(undefined)

  readonly fail = (reason: Reason, cause?: unknown): void => this.#store.fail({ reason: checkReason(reason), cause })

  readonly recover = (): void => this.#store.recover()

  readonly setProbe = (address: string, state: 'alive' | 'dead'): void => {
    const checked = checkAddress('setProbe', address)
    if (state === 'alive') this.#dead.delete(checked)
    else if (state === 'dead') this.#dead.add(checked)
    else throw new TypeError(`setProbe() takes 'alive' or 'dead', got ${excerpt(state)}`)
  }

  readonly advance = async (ms: number): Promise<void> => {
    if (this.#manualClock === undefined) throw new Error('advance() needs createFakeApiservers({ manualTime: true })')
    if (!(ms >= 0 && ms < Infinity)) throw new TypeError(`advance() takes milliseconds, 0 or more, got ${excerpt(ms)}`)
    await this.#manualClock.advance(ms)
  }

  readonly #probe: Probe = async ({ address }) => {
    if (this.#dead.has(address)) throw new Error(`connect ECONNREFUSED ${address}`)
  }

  /** Adds an open call, and returns the function that removes it. */
  #start(call: OpenCall): () => void {
    const open = Object.freeze(call)
    this.#open.add(open)
    return () => void this.#open.delete(open)
  }
}

/** A watch that is closed before its first `next()` has no event `closed`. */
class FakeWatch extends Watch {
  readonly #onClose: () => void

  constructor(onClose: () => void, ...args: ConstructorParameters<typeof Watch>) {
    super(...args)
    this.#onClose = onClose
  }

  override async close(): Promise<void> {
    await super.close()
    this.#onClose()
  }
}

/** Returns a config whose events also go to `listen`. A call with a listener does not warn after 10 s that nothing listens. */
function withListener(config: Config, listen: (event: ApiserverAddressEvent) => void): Config {
  const onEvent = (event: ApiserverAddressEvent) => {
    listen(event)
    config.onEvent?.(event)
  }
  return { ...config, onEvent }
}

function checkAddress(name: string, address: unknown): string {
  const checked = typeof address === 'string' ? normalizeAddress(address) : undefined
  if (checked === undefined) throw new TypeError(`${name}() takes addresses as host:port, got ${excerpt(address)}`)
  return checked
}
