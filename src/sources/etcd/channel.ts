import { AsyncLocalStorage } from 'node:async_hooks'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { Socket } from 'node:net'
import type { SecureContext } from 'node:tls'
import type { Channel, ChannelCredentials } from '@grpc/grpc-js'
import type { SecureConnector, SecureConnectResult } from '@grpc/grpc-js/build/src/channel-credentials.js'
import { hostAndPort } from '../../addresses/host-port.ts'
import { identity } from '../../util/server-identity.ts'
import { grpc } from './client.ts'

const options = {
  // One connecting subchannel that is stuck would otherwise be shared by the whole process. (grpc-node#2785)
  'grpc.use_local_subchannel_pool': 1,
  'grpc.enable_http_proxy': 0,
  // What finds out that the flow under a watch is dead. etcd answers pings more often than every 5 s with GOAWAY.
  'grpc.keepalive_time_ms': 10_000,
  'grpc.keepalive_timeout_ms': 5000,
  'grpc.max_receive_message_length': 4 << 20,
  'grpc.service_config_disable_resolution': 1,
  'grpc.enable_retries': 0,
  'grpc.enable_channelz': 0,
}

/** A part of grpc-js that is not its interface: a version without it makes that one attempt, and no harm is done. */
interface InternalChannel {
  readonly subchannelPool?: {
    readonly pool?: Record<
      string,
      { readonly subchannel?: { readonly backoffTimeout?: { readonly stop?: () => void } } }[]
    >
  }
}

/** The channel that a socket is made for. */
const maker = new AsyncLocalStorage<EndpointChannel>()

/**
 * A gRPC channel to one endpoint over sockets that are ours: TLS by Node itself, and not by grpc-js, which gives an IP
 * address as server name (refused by Node 26, a warning before), keeps only the text of errors, and leaves the socket
 * of an abandoned connection open for ever.
 */
export class EndpointChannel {
  /** For etcd3; it is opened and closed here. */
  readonly channel: Channel
  readonly #sockets = new Set<Socket>()
  #error: Error | undefined
  #closed = false

  /** @param context present for `https:` */
  constructor(endpoint: string, context: SecureContext | undefined) {
    const target = endpoint.replace(/^.*\/\//, '')
    this.channel = new grpc.Channel(target, this.#credentials(hostAndPort(endpoint).host, context), options)
    subscribe('net.client.socket', this.#onSocket)
  }

  /** Begins to connect, unless it has. */
  connect(): void {
    if (!this.#closed) maker.run(this, () => this.channel.getConnectivityState(true))
  }

  /** What Node said when the connection failed last; grpc-js keeps only its text. */
  get error(): Error | undefined {
    return this.#error
  }

  /** How far the connection has come. */
  get stage(): 'connecting' | 'handshake' | 'ready' {
    if (!this.#closed && this.channel.getConnectivityState(false) === grpc.connectivityState.READY) return 'ready'
    return [...this.#sockets].some(({ connecting }) => !connecting) ? 'handshake' : 'connecting'
  }

  /** Resolves when the connection stands; never, if it is closed before. */
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
    // A connection that was just begun has no socket yet.
    setImmediate(() => unsubscribe('net.client.socket', this.#onSocket))
    // A TLS socket before the one under it: the other way round can crash Node.
    for (const socket of [...this.#sockets].toReversed()) socket.destroy()
  }

  /** A channel that is closed after a failed attempt makes one more, a second later. Not so without its timer. */
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
      // Asked before each connection: a channel that was closed while one was made would make another one for it.
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
      // Said aloud: NODE_TLS_REJECT_UNAUTHORIZED=0 in the environment would switch verification off.
      const verified = { ...identity(host), secureContext, rejectUnauthorized: true }
      const tls = process
        .getBuiltinModule('node:tls')
        .connect({ socket, host, ...verified, ALPNProtocols: ['h2'] }, () => resolve({ socket: tls, secure: true }))
      this.#adopt(tls)
      tls.once('error', reject)
      tls.once('close', () => reject(this.#error ?? new Error('Socket closed')))
    })
  }

  // grpc-js hands a socket over only once it is connected. One that never is, it leaves to the kernel, which keeps it,
  // and the process with it, for two minutes.
  readonly #onSocket = (message: unknown): void => {
    if (maker.getStore() === this) this.#adopt((message as { readonly socket: Socket }).socket)
  }

  #adopt(socket: Socket): void {
    this.#sockets.add(socket)
    socket.on('error', (error) => (this.#error = error))
    socket.once('close', () => this.#sockets.delete(socket))
    // Not at once: what is destroyed when it begins to connect is brought back to life by Node.
    if (this.#closed) setImmediate(() => socket.destroy())
  }
}
