import type { Socket } from 'node:net'
import type { SecureContext } from 'node:tls'
import type { Channel, ChannelCredentials, ChannelOptions, experimental } from '@grpc/grpc-js'
import type { Endpoint } from '../../addresses/endpoint.ts'
import { serverIdentity } from '../../util/server-identity.ts'
import type { Stage } from '../connection.ts'
import { grpc } from './client.ts'
import { ChannelTarget } from './target.ts'

/** What a channel needs besides its endpoint. */
export interface ChannelParameters {
  /** The IP addresses of the endpoint's host. */
  readonly ipAddresses: readonly string[]
  /** The TLS context of an endpoint with `https:`. */
  readonly context: SecureContext | undefined
  /** Milliseconds between two pings, which find a dead flow under a watch. */
  readonly keepaliveMs: number
}

const options: ChannelOptions = {
  // Else a subchannel that hangs while it connects is shared by the whole process (grpc-node#2785).
  'grpc.use_local_subchannel_pool': 1,
  'grpc.enable_http_proxy': 0,
  'grpc.keepalive_timeout_ms': 5000,
  'grpc.max_receive_message_length': 4 << 20,
  'grpc.service_config_disable_resolution': 1,
  'grpc.enable_retries': 0,
  'grpc.enable_channelz': 0,
}

/**
 * A private part of grpc-js, see "Dependencies" in CONTRIBUTING.md. A version without it makes one connection attempt too
 * many, which does no harm.
 */
interface InternalChannel {
  readonly subchannelPool?: {
    readonly pool?: Record<
      string,
      { readonly subchannel?: { readonly backoffTimeout?: { readonly stop?: () => void } } }[]
    >
  }
}

/**
 * A gRPC channel to one endpoint, which destroys its sockets when it is closed.
 *
 * TLS is Node's own and not that of grpc-js, which sends an IP address as server name (an error in Node 26, a warning
 * before), keeps only the text of an error, and leaves the socket of an abandoned connection open for ever.
 */
export class EndpointChannel {
  /** The channel for etcd3. Only this class opens and closes it. */
  readonly channel: Channel
  readonly #target: ChannelTarget
  /** The sockets that are connected, a TLS socket after the TCP socket below it. */
  readonly #sockets = new Set<Socket>()
  /** The socket of the connection that calls use. */
  #established: Socket | undefined
  #error: Error | undefined
  #closed = false

  constructor(endpoint: Endpoint, { ipAddresses, context, keepaliveMs }: ChannelParameters) {
    this.#target = new ChannelTarget(endpoint, ipAddresses)
    this.channel = new grpc.Channel(this.#target.uri, this.#credentials(endpoint.host, context), {
      ...options,
      'grpc.keepalive_time_ms': keepaliveMs,
    })
  }

  /** Starts to connect, unless it already has. */
  connect(): void {
    if (!this.#closed) this.channel.getConnectivityState(true)
  }

  /**
   * Node's error of the connection that failed last; grpc-js keeps only its text.
   *
   * While a connection is established, it is an error of that one: a name may have another address that refuses.
   */
  get error(): Error | undefined {
    return this.#error
  }

  /** How far the connection has got. */
  get stage(): Stage {
    if (!this.#closed && this.channel.getConnectivityState(false) === grpc.connectivityState.READY) return 'ready'
    return this.#sockets.size > 0 ? 'handshake' : 'connecting'
  }

  /** Resolves when the connection is established; never, if it is closed before. */
  async whenReady(): Promise<void> {
    for (;;) {
      const state = this.channel.getConnectivityState(false)
      if (state === grpc.connectivityState.READY) return
      await new Promise<void>((resolve) => {
        if (!this.#closed) this.channel.watchConnectivityState(state, Infinity, () => this.#closed || resolve())
      })
    }
  }

  close(): void {
    this.#closed = true
    this.#stopReconnecting()
    this.channel.close()
    // The TLS socket is destroyed before the TCP socket below it: the other way round can crash Node.
    for (const socket of [...this.#sockets].toReversed()) socket.destroy()
    this.#target.close()
  }

  /** Stops the timer of grpc-js that makes one more connection attempt a second after the channel was closed. */
  #stopReconnecting(): void {
    const { internalChannel } = this.channel as unknown as { readonly internalChannel?: InternalChannel }
    for (const { subchannel } of Object.values(internalChannel?.subchannelPool?.pool ?? {}).flat()) {
      subchannel?.backoffTimeout?.stop?.()
    }
  }

  #credentials(host: string, context: SecureContext | undefined): ChannelCredentials {
    const none = grpc.credentials.createEmpty()
    const connector: experimental.SecureConnector = {
      connect: (socket) => this.#connect(socket, host, context),
      // Called before each connection: a channel that is closed while it connects would connect once more.
      waitForReady: async () => {
        if (this.#closed) throw new Error('closed')
      },
      getCallCredentials: () => none,
      destroy() {},
    }
    return new (class extends grpc.ChannelCredentials {
      _isSecure = () => context !== undefined
      _equals = (other: unknown) => this === other
      _createSecureConnector = () => connector
    })()
  }

  async #connect(
    tcp: Socket,
    host: string,
    context: SecureContext | undefined,
  ): Promise<experimental.SecureConnectResult> {
    if (this.#established === undefined) this.#error = undefined
    this.#own(tcp)
    const socket = context === undefined ? tcp : await this.#secure(tcp, host, context)
    if (this.#established === undefined) {
      this.#established = socket
      // It may be the error of another address of the same name.
      this.#error = undefined
    }
    return { socket, secure: context !== undefined }
  }

  #secure(socket: Socket, host: string, secureContext: SecureContext): Promise<Socket> {
    return new Promise((resolve, reject) => {
      // Set explicitly, because NODE_TLS_REJECT_UNAUTHORIZED=0 changes the default.
      const verified = { ...serverIdentity(host), secureContext, rejectUnauthorized: true }
      const tls = process
        .getBuiltinModule('node:tls')
        .connect({ socket, host, ...verified, ALPNProtocols: ['h2'] }, () => resolve(tls))
      this.#own(tls)
      tls.once('error', reject)
      tls.once('close', () => reject(new Error('Socket closed')))
    })
  }

  #own(socket: Socket): void {
    this.#sockets.add(socket)
    socket.on('error', (error) => {
      if (this.#established === undefined || this.#established === socket) this.#error = error
    })
    socket.once('close', () => {
      this.#sockets.delete(socket)
      if (this.#established === socket) this.#established = undefined
    })
    if (this.#closed) socket.destroy()
  }
}
