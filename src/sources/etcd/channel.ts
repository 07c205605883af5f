import { AsyncLocalStorage } from 'node:async_hooks'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { Socket } from 'node:net'
import type { SecureContext } from 'node:tls'
import type { Channel, ChannelCredentials } from '@grpc/grpc-js'
import type { SecureConnector, SecureConnectResult } from '@grpc/grpc-js/build/src/channel-credentials.js'
import type { Endpoint } from '../../addresses/endpoint.ts'
import { identity } from '../../util/server-identity.ts'
import { grpc } from './client.ts'
import type { Stage } from './late.ts'

const options = {
  // Else a subchannel that hangs while it connects is shared by the whole process (grpc-node#2785).
  'grpc.use_local_subchannel_pool': 1,
  'grpc.enable_http_proxy': 0,
  // Pings find a dead flow under a watch. etcd answers pings more often than every 5 s with GOAWAY.
  'grpc.keepalive_time_ms': 10_000,
  'grpc.keepalive_timeout_ms': 5000,
  'grpc.max_receive_message_length': 4 << 20,
  'grpc.service_config_disable_resolution': 1,
  'grpc.enable_retries': 0,
  'grpc.enable_channelz': 0,
}

/** A private part of grpc-js. A version without it makes one connection attempt too many, which does no harm. */
interface InternalChannel {
  readonly subchannelPool?: {
    readonly pool?: Record<
      string,
      { readonly subchannel?: { readonly backoffTimeout?: { readonly stop?: () => void } } }[]
    >
  }
}

/** The channel that a new socket belongs to. */
const owner = new AsyncLocalStorage<EndpointChannel>()

/**
 * A gRPC channel to one endpoint, with sockets that this class makes and destroys.
 *
 * TLS is Node's own and not that of grpc-js, which sends an IP address as server name (an error in Node 26, a warning
 * before), keeps only the text of an error, and leaves the socket of an abandoned connection open for ever.
 */
export class EndpointChannel {
  /** The channel for etcd3. Only this class opens and closes it. */
  readonly channel: Channel
  readonly #sockets = new Set<Socket>()
  #error: Error | undefined
  #closed = false

  /** @param context the TLS context of an endpoint with `https:` */
  constructor({ address, host }: Endpoint, context: SecureContext | undefined) {
    this.channel = new grpc.Channel(address, this.#credentials(host, context), options)
    subscribe('net.client.socket', this.#onSocket)
  }

  /** Starts to connect, unless it already has. */
  connect(): void {
    if (!this.#closed) owner.run(this, () => this.channel.getConnectivityState(true))
  }

  /** Node's error of the last connection that failed. grpc-js keeps only its text. */
  get error(): Error | undefined {
    return this.#error
  }

  /** How far the connection has got. */
  get stage(): Stage {
    if (!this.#closed && this.channel.getConnectivityState(false) === grpc.connectivityState.READY) return 'ready'
    return [...this.#sockets].some(({ connecting }) => !connecting) ? 'handshake' : 'connecting'
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
    // A connection that has just been started has no socket yet.
    setImmediate(() => unsubscribe('net.client.socket', this.#onSocket))
    // The TLS socket is destroyed before the TCP socket below it: the other way round can crash Node.
    for (const socket of [...this.#sockets].toReversed()) socket.destroy()
  }

  /** Stops the timer of grpc-js that makes one more connection attempt a second after the channel was closed. */
  #stopReconnecting(): void {
    const { internalChannel } = this.channel as unknown as { readonly internalChannel?: InternalChannel }
    for (const { subchannel } of Object.values(internalChannel?.subchannelPool?.pool ?? {}).flat()) {
      subchannel?.backoffTimeout?.stop?.()
    }
  }

  #credentials(host: string, secureContext: SecureContext | undefined): ChannelCredentials {
    const none = grpc.credentials.createEmpty()
    const connector: SecureConnector = {
      connect: async (socket) => {
        this.#error = undefined
        return secureContext === undefined ? { socket, secure: false } : this.#secure(socket, host, secureContext)
      },
      // Called before each connection: a channel that is closed while it connects would connect once more.
      waitForReady: async () => {
        if (this.#closed) throw new Error('closed')
      },
      getCallCredentials: () => none,
      destroy() {},
    }
    return new (class extends grpc.ChannelCredentials {
      _isSecure = () => secureContext !== undefined
      _equals = (other: unknown) => this === other
      _createSecureConnector = () => connector
    })()
  }

  #secure(socket: Socket, host: string, secureContext: SecureContext): Promise<SecureConnectResult> {
    return new Promise((resolve, reject) => {
      // Set explicitly, because NODE_TLS_REJECT_UNAUTHORIZED=0 changes the default.
      const verified = { ...identity(host), secureContext, rejectUnauthorized: true }
      const tls = process
        .getBuiltinModule('node:tls')
        .connect({ socket, host, ...verified, ALPNProtocols: ['h2'] }, () => resolve({ socket: tls, secure: true }))
      this.#adopt(tls)
      tls.once('error', reject)
      tls.once('close', () => reject(this.#error ?? new Error('Socket closed')))
    })
  }

  // grpc-js hands over a socket only when it is connected. A socket that never connects would keep the process alive for
  // two minutes.
  readonly #onSocket = (message: unknown): void => {
    if (owner.getStore() === this) this.#adopt((message as { readonly socket: Socket }).socket)
  }

  #adopt(socket: Socket): void {
    this.#sockets.add(socket)
    socket.on('error', (error) => (this.#error = error))
    socket.once('close', () => this.#sockets.delete(socket))
    // Not at once: Node connects a socket that is destroyed at the moment when it starts to connect.
    if (this.#closed) setImmediate(() => socket.destroy())
  }
}
