import type { Endpoint } from '../../addresses/endpoint.ts'
import { grpc } from './client.ts'

const { registerResolver, statusOrFromValue } = grpc.experimental
type Resolver = InstanceType<Parameters<typeof registerResolver>[1]>
type ResolverArguments = ConstructorParameters<Parameters<typeof registerResolver>[1]>

/** Unique, because two copies of this package may share one grpc-js. */
const scheme = `rke2-apiserver-resolver-${Math.random().toString(36).slice(2)}`

/** One address of a target. grpc-js passes it to `net.connect`, which reads `signal` as it makes the socket. */
interface SocketAddress {
  readonly host: string
  readonly port: number
  readonly signal: AbortSignal
}

interface Target {
  /** The `:authority` of the requests. */
  readonly authority: string
  readonly addresses: readonly SocketAddress[]
}

const targets = new Map<string, Target>()
let lastId = 0

/**
 * The target of one channel, with addresses that are resolved already.
 *
 * grpc-js then makes its sockets with a signal, and aborting that is the only way to end a socket that never connects.
 * A host named `dns` or `unix` is a host, and not a scheme of grpc-js.
 */
export class ChannelTarget {
  /** The target as grpc-js takes it. */
  readonly uri: string
  readonly #id = String(++lastId)
  readonly #controller = new AbortController()

  constructor(endpoint: Endpoint, ipAddresses: readonly string[]) {
    this.uri = `${scheme}:${this.#id}`
    const { signal } = this.#controller
    const addresses = ipAddresses.map((host) => ({
      host,
      port: endpoint.port,
      get signal(): AbortSignal {
        // Node connects a socket in spite of a signal that is aborted before the socket is made.
        signal.throwIfAborted()
        return signal
      },
    }))
    targets.set(this.#id, { authority: endpoint.address, addresses })
  }

  /** Ends every socket that is being connected. No further one is made. */
  close(): void {
    targets.delete(this.#id)
    this.#controller.abort()
  }
}

class TargetResolver implements Resolver {
  readonly #listener: ResolverArguments[1]
  readonly #target: Target | undefined
  #resolved = false

  constructor(...[uri, listener]: ResolverArguments) {
    this.#listener = listener
    this.#target = targets.get(uri.path)
  }

  updateResolution(): void {
    if (this.#resolved || this.#target === undefined) return
    this.#resolved = true
    const endpoint = { addresses: [...this.#target.addresses] }
    process.nextTick(() => this.#listener(statusOrFromValue([endpoint]), {}, null, ''))
  }

  destroy(): void {
    this.#resolved = false
  }

  static getDefaultAuthority(uri: ResolverArguments[0]): string {
    return targets.get(uri.path)?.authority ?? 'localhost'
  }
}

registerResolver(scheme, TargetResolver)
