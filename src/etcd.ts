import { isIP } from 'node:net'
import type { Socket } from 'node:net'
import { connect as tlsConnect } from 'node:tls'
import type * as grpcTypes from '@grpc/grpc-js'
import type { SecureConnector, SecureConnectResult } from '@grpc/grpc-js/build/src/channel-credentials.js'
import type * as etcd3Types from 'etcd3'
import type { Certificates } from './certificates.ts'
import { Failure, judge } from './reasons.ts'
import type { Status } from './reasons.ts'

/** The key as one linearizable read or one watch event shows it. */
export interface Reading {
  /** `undefined` where the key does not exist. */
  readonly value: Uint8Array | undefined
  /** The revision that wrote (or deleted) this value. */
  readonly modRevision: bigint
  /** How often the key was written since it was created. */
  readonly version: bigint
  /** The store's revision at that moment. */
  readonly revision: bigint
}

/** Changes of the key after one reading, as etcd pushes them; the latest replaces those not yet taken. */
export interface KeyWatch {
  /**
   * Resolves when there is a change to take.
   *
   * @throws Failure when the stream has ended, for whatever reason: from then on only a new read counts
   * @throws `signal.reason` when the signal is aborted
   */
  changed(signal: AbortSignal): Promise<void>
  /** The latest change that was not yet taken. */
  take(): Reading | undefined
  close(): void
}

/** One connection to one endpoint. Nothing in it retries. */
export interface Connection {
  /** A linearizable read. Ends with the signal; has no deadline of its own. */
  read(key: string, signal: AbortSignal): Promise<Reading>
  /** Resolves when etcd has confirmed the watch. */
  watch(key: string, after: bigint, signal: AbortSignal): Promise<KeyWatch>
  /** How far it has come: what a read without an answer was waiting for. */
  readonly stage: 'connecting' | 'handshake' | 'ready'
  /** Resolves when the connection stands; never, if it is closed before. */
  whenReady(): Promise<void>
  /** Ends all calls and destroys the socket. */
  close(): void
}

export interface ConnectionOptions {
  /** `scheme://host:port`, normalised. */
  readonly endpoint: string
  /** Present for `https:`. */
  readonly certificates: Certificates | undefined
  readonly credentials: { readonly username: string; readonly password: string } | undefined
}

/** A gRPC status as an error; etcd3's own errors lose code and details. */
export class StatusError extends Error implements Status {
  readonly code: number
  readonly details: string
  constructor({ code, details }: Status) {
    super(`${code} ${details}`)
    this.code = code
    this.details = details
  }
}

interface Libraries {
  readonly grpc: typeof grpcTypes
  readonly etcd3: typeof etcd3Types
}
let libraries: Promise<Libraries> | undefined

/** Loads the etcd client: 80 to 100 ms that importing this package must not cost. */
async function load(): Promise<Libraries> {
  const [grpc, etcd3] = await Promise.all([import('@grpc/grpc-js'), import('etcd3')])
  return { grpc, etcd3 }
}

/** Opens a connection to one endpoint; it begins to connect with the first call. */
export async function connect(options: ConnectionOptions): Promise<Connection> {
  const { grpc, etcd3 } = await (libraries ??= load())
  return new EtcdConnection(grpc, etcd3, options)
}

const channelOptions = {
  // One connecting subchannel that is stuck would otherwise be shared by the whole process. (grpc-node#2785)
  'grpc.use_local_subchannel_pool': 1,
  'grpc.enable_http_proxy': 0,
  // etcd answers pings more often than every 5 s with GOAWAY.
  'grpc.keepalive_time_ms': 10_000,
  'grpc.keepalive_timeout_ms': 5000,
  'grpc.max_receive_message_length': 4 << 20,
  'grpc.service_config_disable_resolution': 1,
  'grpc.enable_retries': 0,
  'grpc.enable_channelz': 0,
}

class EtcdConnection implements Connection {
  readonly #grpc: typeof grpcTypes
  readonly #etcd: etcd3Types.Etcd3
  readonly #channel: grpcTypes.Channel
  readonly #options: ConnectionOptions
  readonly #sockets = new Set<Socket>()
  readonly #calls = new Set<{ cancel(): void }>()
  #connectError: Error | undefined
  #token: string | undefined
  #authenticated = false
  #closed = false

  constructor(grpc: typeof grpcTypes, etcd3: typeof etcd3Types, options: ConnectionOptions) {
    this.#grpc = grpc
    this.#options = options
    const { host } = new URL(options.endpoint)
    const target = /:\d+$/.test(host) ? host : `${host}:${options.endpoint.startsWith('https:') ? 443 : 80}`
    this.#channel = new grpc.Channel(target, this.#credentials(), channelOptions)
    this.#etcd = new etcd3.Etcd3({
      hosts: target,
      // All of etcd3's services on our one channel.
      grpcOptions: { channelOverride: this.#channel },
      faultHandling: { host: () => noRetry, global: noRetry },
    })
  }

  /**
   * TLS by Node itself and not by grpc-js, which gives an IP address as server name (refused by Node 26, a warning
   * before), keeps only the text of errors, and leaves the socket of an abandoned connection open for ever.
   */
  #credentials(): grpcTypes.ChannelCredentials {
    const { certificates, endpoint } = this.#options
    const host = new URL(endpoint).hostname.replace(/^\[|\]$/g, '')
    const empty = this.#grpc.credentials.createEmpty()
    const adopt = (socket: Socket) => {
      this.#sockets.add(socket)
      socket.on('error', (error) => (this.#connectError = error))
      socket.once('close', () => this.#sockets.delete(socket))
      if (this.#closed) socket.destroy()
    }
    const secure = (socket: Socket) =>
      new Promise<SecureConnectResult>((resolve, reject) => {
        const tls = tlsConnect(
          {
            socket,
            host,
            servername: isIP(host) === 0 ? host : '',
            secureContext: certificates?.context,
            ALPNProtocols: ['h2'],
          },
          () => resolve({ socket: tls, secure: true }),
        )
        adopt(tls)
        tls.once('error', reject)
        tls.once('close', () => reject(this.#connectError ?? new Error('Socket closed')))
      })
    const connector: SecureConnector = {
      connect: async (socket) => {
        this.#connectError = undefined
        adopt(socket)
        return certificates === undefined ? { socket, secure: false } : secure(socket)
      },
      waitForReady: async () => {},
      getCallCredentials: () => empty,
      destroy() {},
    }
    return new (class extends this.#grpc.ChannelCredentials {
      _isSecure = () => certificates !== undefined
      _equals = (other: unknown) => this === other
      _createSecureConnector = () => connector
    })()
  }

  get stage(): Connection['stage'] {
    if (this.#channel.getConnectivityState(false) === this.#grpc.connectivityState.READY) return 'ready'
    return this.#sockets.size > 0 ? 'handshake' : 'connecting'
  }

  async whenReady(): Promise<void> {
    const { READY } = this.#grpc.connectivityState
    for (;;) {
      const state = this.#channel.getConnectivityState(false)
      if (state === READY) return
      await new Promise<void>((resolve) => {
        if (!this.#closed) this.#channel.watchConnectivityState(state, Infinity, () => this.#closed || resolve())
      })
    }
  }

  async read(key: string, signal: AbortSignal): Promise<Reading> {
    const request = { key: Buffer.from(key), limit: 1 }
    const response = await this.#authorized(signal, (options) => this.#etcd.kv.range(request, options))
    const revision = BigInt(response.header.revision)
    const [kv] = response.kvs
    return { value: kv?.value, modRevision: BigInt(kv?.mod_revision ?? 0), version: BigInt(kv?.version ?? 0), revision }
  }

  async watch(key: string, after: bigint, signal: AbortSignal): Promise<KeyWatch> {
    const call = this.#call(signal)
    try {
      const stream = await this.#etcd.watchClient.watch(call.options)
      const watch = new StreamWatch(stream, () => {
        call.end()
        return call.failure() ?? this.#failure({ code: 14, details: 'the stream ended' })
      })
      stream.write({ create_request: { key: Buffer.from(key), start_revision: String(after + 1n) } })
      await watch.created
      return watch
    } catch (error) {
      call.cancel()
      call.end()
      signal.throwIfAborted()
      throw call.failure() ?? error
    } finally {
      call.unlink()
    }
  }

  close(): void {
    this.#closed = true
    for (const call of this.#calls) call.cancel()
    this.#channel.close()
    for (const socket of this.#sockets) socket.destroy()
  }

  /** A call with a token, where credentials are given; a token that etcd no longer knows is renewed once. */
  async #authorized<T>(signal: AbortSignal, call: (options: grpcTypes.CallOptions) => Promise<T>): Promise<T> {
    await this.#authenticate(signal)
    try {
      return await this.#unary(signal, call)
    } catch (error) {
      if (!(error instanceof Failure && error.cause instanceof StatusError)) throw error
      if (this.#token === undefined || !error.cause.details.includes('invalid auth token')) throw error
      this.#authenticated = false
      await this.#authenticate(signal)
      return this.#unary(signal, call)
    }
  }

  async #authenticate(signal: AbortSignal): Promise<void> {
    const { credentials } = this.#options
    if (credentials === undefined || this.#authenticated) return
    const request = { name: credentials.username, password: credentials.password }
    try {
      this.#token = (await this.#unary(signal, (options) => this.#etcd.auth.authenticate(request, options))).token
    } catch (error) {
      // etcd has auth switched off: its own client goes on without a token, too.
      if (!(error instanceof Failure && error.message.includes('authentication is not enabled'))) throw error
      this.#token = undefined
    }
    this.#authenticated = true
  }

  async #unary<T>(signal: AbortSignal, start: (options: grpcTypes.CallOptions) => Promise<T>): Promise<T> {
    const call = this.#call(signal)
    try {
      return await start(call.options)
    } catch (error) {
      signal.throwIfAborted()
      throw call.failure() ?? error
    } finally {
      call.unlink()
      call.end()
    }
  }

  /** Options for one call: metadata, cancellation by a signal or by close(), and the true status for us alone. */
  #call(signal: AbortSignal) {
    signal.throwIfAborted()
    const { CANCELLED, FAILED_PRECONDITION, OK } = this.#grpc.status
    let status: Status | undefined
    let intercepting: grpcTypes.InterceptingCall | undefined
    let cancelled = false
    const cancel = () => {
      cancelled = true
      intercepting?.cancelWithStatus(CANCELLED, 'cancelled')
    }
    const entry = { cancel }
    const interceptor: grpcTypes.Interceptor = (options, next) =>
      (intercepting = new this.#grpc.InterceptingCall(next(options), {
        start: (metadata, _listener, proceed) => {
          // A member without a leader says so at once, and cuts its watches: not after 7 to 15 s, and never.
          metadata.set('hasleader', 'true')
          if (this.#token !== undefined) metadata.set('token', this.#token)
          proceed(metadata, {
            onReceiveStatus: (received, pass) => {
              status = { code: received.code, details: received.details }
              // What etcd3 recognises it acts upon: it closes the channel, or repeats the call for ever. So it gets a
              // status that means nothing to it.
              pass(
                received.code === OK
                  ? received
                  : { code: FAILED_PRECONDITION, details: '', metadata: received.metadata },
              )
            },
          })
          // Cancelled before etcd3 got as far as starting it.
          if (cancelled) cancel()
        },
      }))
    this.#calls.add(entry)
    signal.addEventListener('abort', cancel, { once: true })
    return {
      options: { interceptors: [interceptor] } satisfies grpcTypes.CallOptions,
      cancel,
      failure: () => (status === undefined || status.code === 0 ? undefined : this.#failure(status)),
      /** The signal bounds only the opening of a stream; a stream lives on until it is closed. */
      unlink: () => signal.removeEventListener('abort', cancel),
      end: () => void this.#calls.delete(entry),
    }
  }

  #failure(status: Status): Failure {
    // Node's own error says more than the text that grpc-js makes of it; a refused connection never gets that far.
    const local = status.code === 14 && !/etcdserver:|connect E|Received HTTP/.test(status.details)
    const connectError = local ? this.#connectError : undefined
    const [reason, summary] = judge(status, connectError)
    const message = `${this.#options.endpoint}: ${summary} (${detail(connectError?.message ?? status.details)})`
    return new Failure(reason, message, { cause: connectError ?? new StatusError(status) })
  }
}

/** A fault policy of etcd3 (one of cockatiel's) that does nothing: retries are not made at two levels. */
const noRetry = {
  execute: async <T>(call: (context: object) => T) => call({}),
} as unknown as Exclude<NonNullable<etcd3Types.IOptions['faultHandling']>['global'], undefined>

/** The real cause on one line, without what grpc-js and Node put around it. */
function detail(text: string): string {
  return text
    .replace(/^No connection established\. Last error: (Error: )?/, '')
    .replace(/\.?\s*Resolution note:.*$/s, '')
    .replace(/ \(\d{4}-\d\d-\d\dT[\d:.]+Z\)/, '')
    .replace(/[\p{Cc}\u2028\u2029]+/gu, ' ')
    .trim()
    .slice(0, 300)
}

type WatchStream = Awaited<ReturnType<etcd3Types.Etcd3['watchClient']['watch']>>

class StreamWatch implements KeyWatch {
  readonly #stream: WatchStream
  readonly #created = Promise.withResolvers<void>()
  readonly #waiting = new Set<PromiseWithResolvers<void>>()
  #latest: Reading | undefined
  #ended: Failure | undefined

  /** @param failure why the stream has ended; asked once */
  constructor(stream: WatchStream, failure: () => Failure) {
    this.#stream = stream
    stream.on('data', (response) => this.#receive(response, failure))
    stream.on('error', () => this.#end(failure()))
    stream.on('end', () => this.#end(failure()))
    // Whoever opened it may have been aborted before it fails.
    this.#created.promise.catch(() => {})
  }

  /** Resolves when etcd has confirmed the watch. */
  get created(): Promise<void> {
    return this.#created.promise
  }

  async changed(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    if (this.#ended !== undefined) throw this.#ended
    if (this.#latest !== undefined) return
    const waiting = Promise.withResolvers<void>()
    const abort = () => waiting.reject(signal.reason)
    this.#waiting.add(waiting)
    signal.addEventListener('abort', abort, { once: true })
    try {
      await waiting.promise
    } finally {
      signal.removeEventListener('abort', abort)
      this.#waiting.delete(waiting)
    }
  }

  take(): Reading | undefined {
    const latest = this.#latest
    this.#latest = undefined
    return latest
  }

  close(): void {
    this.#stream.cancel()
  }

  #receive(response: etcd3Types.IWatchResponse, failure: () => Failure): void {
    if (this.#ended !== undefined) return
    if (response.canceled) {
      failure()
      const compacted = BigInt(response.compact_revision) > 0n
      const why = compacted ? `revisions before ${response.compact_revision} are compacted` : response.cancel_reason
      return this.#end(new Failure('unavailable', `etcd ended the watch: ${detail(why)}`))
    }
    if (response.created) this.#created.resolve()
    const event = response.events.at(-1)
    if (event === undefined) return
    const { value, mod_revision, version } = event.kv
    this.#latest = {
      value: String(event.type) === 'DELETE' ? undefined : value,
      modRevision: BigInt(mod_revision),
      version: BigInt(version),
      revision: BigInt(response.header.revision),
    }
    for (const waiting of this.#waiting) waiting.resolve()
  }

  #end(failure: Failure): void {
    if (this.#ended !== undefined) return
    this.#ended = failure
    // In doubt only a new read counts: a change that was not yet taken is forgotten.
    this.#latest = undefined
    this.#created.reject(failure)
    for (const waiting of this.#waiting) waiting.reject(failure)
    this.#stream.cancel()
  }
}
