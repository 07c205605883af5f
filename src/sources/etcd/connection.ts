import type * as grpcTypes from '@grpc/grpc-js'
import { classifyStatus, Failure, messageOf, oneLine } from '../reasons.ts'
import type { Status } from '../reasons.ts'
import type { Certificates } from './certificates.ts'
import { EndpointChannel } from './channel.ts'
import { EtcdClient, grpc } from './client.ts'
import { revisions, WatchStream } from './watch-stream.ts'
import type { RawWatchStream, Snapshot, SourceWatch } from './watch-stream.ts'

/** One connection to one endpoint. Nothing in it retries. */
export interface Connection {
  /** A linearizable read. Ends with the signal; has no deadline of its own. */
  read(key: string, signal: AbortSignal): Promise<Snapshot>
  /** Resolves when etcd has confirmed the watch. */
  watch(key: string, after: bigint, signal: AbortSignal): Promise<SourceWatch>
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
class StatusError extends Error implements Status {
  readonly code: number
  readonly details: string
  constructor({ code, details }: Status) {
    super(`${code} ${details}`)
    this.code = code
    this.details = details
  }
}

/** Opens a connection to one endpoint; it begins to connect with the first call. */
export const connect = async (options: ConnectionOptions): Promise<Connection> => new EtcdConnection(options)

/** etcd's words for one it has forgotten, for one older than the last change of its permissions, and for none. */
const staleToken = /invalid auth token|revision of auth store is old|user name is empty/

class EtcdConnection implements Connection {
  readonly #etcd: EtcdClient
  readonly #channel: EndpointChannel
  readonly #options: ConnectionOptions
  /** What cancels each of those under way. */
  readonly #calls = new Set<() => void>()
  #token: string | undefined
  #authenticated = false

  constructor(options: ConnectionOptions) {
    this.#options = options
    this.#channel = new EndpointChannel(options.endpoint, options.certificates?.context)
    this.#etcd = new EtcdClient(this.#channel.channel)
  }

  get stage(): Connection['stage'] {
    return this.#channel.stage
  }

  whenReady(): Promise<void> {
    return this.#channel.whenReady()
  }

  async read(key: string, signal: AbortSignal): Promise<Snapshot> {
    const request = { key: Buffer.from(key), limit: 1 }
    const response = await this.#authorized(signal, (options) => this.#etcd.kv.range(request, options))
    const [kv] = response.kvs
    const [revision, modRevision] = revisions(response.header, kv)
    if (revision <= 0n || (kv !== undefined && modRevision <= 0n)) throw this.#nonsense('no revision')
    const [createRevision, version] = [BigInt(kv?.create_revision ?? 0), BigInt(kv?.version ?? 0)]
    return { value: kv?.value, modRevision, createRevision, version, revision }
  }

  async watch(key: string, after: bigint, signal: AbortSignal): Promise<SourceWatch> {
    const call = this.#call(signal)
    try {
      const stream = (await this.#etcd.watch.watch(call.options)) as RawWatchStream
      const why = () => call.failure() ?? this.#failure({ code: 14, details: 'the stream ended' })
      const watch = new WatchStream(stream, why, call.end)
      const start_revision = String(after + 1n)
      // Fragments: much history in one message would be more than a message may hold.
      stream.write({ create_request: { key: Buffer.from(key), start_revision, fragment: true } })
      await watch.created
      // The decoder is compiled with the first event; 1 ms or more that is better spent now, while there is none.
      call.decode(anEvent)
      return watch
    } catch (error) {
      call.cancel()
      call.end()
      signal.throwIfAborted()
      throw call.failure() ?? this.#unexpected(error)
    } finally {
      call.unlink()
    }
  }

  close(): void {
    for (const cancel of this.#calls) cancel()
    this.#channel.close()
  }

  /** A call with a token, where credentials are given; a token that etcd no longer knows is renewed once. */
  async #authorized<T>(signal: AbortSignal, call: (options: grpcTypes.CallOptions) => Promise<T>): Promise<T> {
    await this.#authenticate(signal)
    try {
      return await this.#unary(signal, call)
    } catch (error) {
      if (!(error instanceof Failure && error.cause instanceof StatusError)) throw error
      if (this.#options.credentials === undefined || !staleToken.test(error.cause.details)) throw error
      this.#authenticated = false
      await this.#authenticate(signal)
      return this.#unary(signal, call)
    }
  }

  async #authenticate(signal: AbortSignal): Promise<void> {
    const { credentials } = this.#options
    if (credentials === undefined || this.#authenticated) return
    const request = { name: credentials.username, password: credentials.password }
    // etcd 3.4 refuses whatever brings a stale token, even the request for a new one.
    this.#token = undefined
    try {
      this.#token = (await this.#unary(signal, (options) => this.#etcd.auth.authenticate(request, options))).token
    } catch (error) {
      // etcd has auth switched off: its own client goes on without a token, too.
      if (!(error instanceof Failure && error.message.includes('authentication is not enabled'))) throw error
    }
    this.#authenticated = true
  }

  async #unary<T>(signal: AbortSignal, start: (options: grpcTypes.CallOptions) => Promise<T>): Promise<T> {
    const call = this.#call(signal)
    try {
      return await start(call.options)
    } catch (error) {
      signal.throwIfAborted()
      throw call.failure() ?? this.#unexpected(error)
    } finally {
      call.unlink()
      call.end()
    }
  }

  /** Options for one call: metadata, cancellation by a signal or by close(), and the true status for us alone. */
  #call(signal: AbortSignal) {
    signal.throwIfAborted()
    const { CANCELLED, FAILED_PRECONDITION, INTERNAL, OK } = grpc.status
    let status: Status | undefined
    let intercepting: grpcTypes.InterceptingCall | undefined
    let cancelled = false
    const cancel = () => {
      cancelled = true
      intercepting?.cancelWithStatus(CANCELLED, 'another connection took its place')
    }
    let decode: ((message: Buffer) => unknown) | undefined
    const interceptor: grpcTypes.Interceptor = (options, next) => {
      decode = options.method_definition.responseDeserialize
      return (intercepting = new grpc.InterceptingCall(next(options), {
        start: (metadata, _listener, proceed) => {
          // A member without a leader says so at once, and cuts its watches: not after 7 to 15 s, and never.
          metadata.set('hasleader', 'true')
          if (this.#token !== undefined) metadata.set('token', this.#token)
          proceed(metadata, {
            onReceiveStatus: (received, pass) => {
              // Neither is there where a message is compressed in a way that gRPC does not know.
              status = { code: received.code ?? INTERNAL, details: received.details ?? 'a message that cannot be read' }
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
    }
    this.#calls.add(cancel)
    this.#channel.connect()
    signal.addEventListener('abort', cancel, { once: true })
    return {
      options: { interceptors: [interceptor] } satisfies grpcTypes.CallOptions,
      cancel,
      decode: (message: Buffer) => void decode?.(message),
      failure: () => (status === undefined || status.code === 0 ? undefined : this.#failure(status)),
      /** The signal bounds only the opening of a stream; a stream lives on until it is closed. */
      unlink: () => signal.removeEventListener('abort', cancel),
      end: () => void this.#calls.delete(cancel),
    }
  }

  /** What etcd3 and gRPC throw although etcd calls it a success. */
  #unexpected(error: unknown): Failure {
    return error instanceof Failure ? error : this.#nonsense(messageOf(error), error)
  }

  #nonsense(details: string, cause?: unknown): Failure {
    const message = `${this.#options.endpoint}: no etcd answers like this (${oneLine(details)})`
    return new Failure('unavailable', message, { cause })
  }

  #failure(status: Status): Failure {
    // Node's own error says more than the text that grpc-js makes of it; a refused connection never gets that far.
    const local = status.code === 14 && !/etcdserver:|connect E|Received HTTP/.test(status.details)
    const connectError = local ? this.#channel.error : undefined
    const [reason, summary] = classifyStatus(status, connectError)
    const said = oneLine(connectError?.message ?? status.details)
    const message = `${this.#options.endpoint}: ${summary}${said && ` (${said})`}`
    const files = reason === 'tls-rejected' ? this.#options.certificates?.files : undefined
    const hint = files && `the CA is ${files.caFile}, the client certificate ${files.certFile}`
    return new Failure(reason, message, { cause: connectError ?? new StatusError(status), hint })
  }
}

/** A `WatchResponse` with one event of an empty key. */
const anEvent = Buffer.from('5a0412020a00', 'hex')
